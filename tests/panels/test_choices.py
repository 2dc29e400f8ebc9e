"""The panels' TypeScript holds the choices of the settings, not its own."""

from __future__ import annotations

from pathlib import Path

from panels.frame.choices import STEERING_FILE, steering_choices


def test_the_generated_choices_are_current(repository: Path) -> None:
    written = (repository / STEERING_FILE).read_text(encoding="utf-8")
    assert written == steering_choices(), "run `python -m panels.frame.choices`, then build"

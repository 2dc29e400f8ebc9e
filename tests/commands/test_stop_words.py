"""`capviz stop-words` on a dataset that was analysed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiftyone_capviz.cli import main
from tests.worlds.analysed import analysed_dataset


def test_stop_words_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = analysed_dataset(tmp_path)
    command = ["stop-words", dataset.name]

    def said(*arguments: str) -> str:
        assert main([*command, *arguments]) == 0
        return capsys.readouterr().out

    assert "No stop words" in said()
    assert "“wolf”, “snow” added" in said("--add", "wolf", "snow")
    assert said().split() == ["wolf", "snow"]
    assert "“snow” taken off" in said("--remove", "snow")
    assert "“snow” added" in said("--undo")
    assert "“wolf”, “snow” taken off" in said("--undo")
    assert main([*command, "--undo"]) == 1
    assert "is left to undo" in capsys.readouterr().err
    dataset.delete()

"""Wheel, sdist and plugin zip: what CAPVIZ_DIST names (`make dist`), else built here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOT_SOURCE = {"__pycache__", "node_modules"}


def files_below(folder: Path, *patterns: str) -> set[str]:
    """Paths below a folder, relative to it."""
    found = (path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
    relative = (path.relative_to(folder) for path in found)
    return {path.as_posix() for path in relative if not NOT_SOURCE & set(path.parts)}


@pytest.fixture(scope="session")
def distributions(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all three."""
    named = os.environ.get("CAPVIZ_DIST")
    if named:
        return (repository / named).resolve()
    folder = tmp_path_factory.mktemp("dist")
    script = repository / ".ci" / "dist"
    done = subprocess.run(
        [str(script), sys.executable, str(folder)],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder

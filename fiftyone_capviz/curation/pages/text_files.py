"""Text files that are whole or not there, and CSV that a spreadsheet reads without harm."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape

from fiftyone_capviz.errors import InputError

# What spreadsheets take for the start of a formula, also after blanks (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def writable(path: str | os.PathLike[str]) -> Path:
    """The path of a file to be written; its folder is made.

    Raises:
        InputError: the path is a folder, or its folder cannot be made.
    """
    target = Path(path).expanduser()
    if target.is_dir():
        raise InputError(f"An export goes to a file; {target} is a folder. Add a file name.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise InputError(
            f"The folder of an export must be writable; {target.parent} is not ({err.strerror}). "
            "Choose another one."
        ) from err
    return target


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """A UTF-8 text file to write to; it takes its place only when it is complete.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as err:
        raise InputError(
            f"An export needs a folder that can be written; {path.parent} cannot "
            f"({err.strerror}). Choose another one."
        ) from err
    try:
        with open(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
        # mkstemp's files are for their owner alone; an export is as readable as any new file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> Path:
    """Rows as RFC 4180 CSV in UTF-8; text cells are made safe by :func:`safe_cell`."""
    with replacing(path) as file:
        writer = csv.writer(file, lineterminator="\r\n")
        for row in rows:
            writer.writerow([safe_cell(value) for value in row])
    return path


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before text like "=1"."""
    if value is None:
        return ""
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return value


def xml_text(text: str) -> str:
    """Text that any XML or HTML reader takes: escaped, without control characters."""
    return escape(_NOT_XML.sub("\ufffd", text))


# Characters that XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

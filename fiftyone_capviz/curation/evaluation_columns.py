"""Columns of text and how their cells show figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fiftyone_capviz.curation.evaluation_report import Row


def interval(stat: Row | None, *, in_percent: bool = True) -> str:
    """A statistic with its interval: "91.2 [88.0, 94.1]" in percent."""
    if not stat or stat["value"] is None:
        return "–"
    scale, digits = (100, 1) if in_percent else (1, 3)
    value = f"{stat['value'] * scale:.{digits}f}"
    if stat["low"] is None:
        return f"{value} [–]"
    return f"{value} [{stat['low'] * scale:.{digits}f}, {stat['high'] * scale:.{digits}f}]"


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text; the first column is aligned left, the others right."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def percent(value: Any) -> str:
    """A share in percent; a dash where it is unknown."""
    return "–" if value is None else f"{100 * value:.1f}"

"""What the plots of an evaluation have in common, as Plotly takes it."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any

from fiftyone_capviz.curation.evaluation_report import Row

COLORS = ("#2a6fbb", "#e0600f", "#3d8f5f", "#8a4fae", "#b0382f", "#0e8c8c", "#b58900")
GREY = "#6b7280"
HOVER = "%{x}: %{y:.3f} of %{customdata} objects<extra>%{fullData.name}</extra>"
_AXIS = {"gridcolor": "rgba(128,128,128,0.25)", "zeroline": False, "automargin": True}
_LAYOUT: dict[str, Any] = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"family": "system-ui, sans-serif", "size": 13},
    "margin": {"l": 64, "r": 16, "t": 24, "b": 48},
    "height": 360,
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
}


@dataclass(frozen=True)
class Figure:
    """One plot, as Plotly takes it.

    Attributes:
        title, note: what it shows, and how to read it.
        data: traces. layout: of the plot.
    """

    title: str
    note: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


def layout(*, x: dict[str, Any] | None = None, y: dict[str, Any] | None = None) -> dict[str, Any]:
    """The layout of every plot, with more settings of the axes."""
    return {**_LAYOUT, "xaxis": {**_AXIS, **(x or {})}, "yaxis": {**_AXIS, **(y or {})}}


def error_bars(stats: Sequence[Row]) -> dict[str, Any]:
    """Error bars from the statistics' intervals."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [_gap(stat["high"], stat["value"]) for stat in stats],
        "arrayminus": [_gap(stat["value"], stat["low"]) for stat in stats],
        "thickness": 1,
    }


def _gap(upper: float | None, lower: float | None) -> float | None:
    return None if upper is None or lower is None else max(upper - lower, 0.0)


def short(value: float | None) -> str:
    """A share in whole percent."""
    return "" if value is None else f"{100 * value:.0f}"


def cycle(items: Sized) -> list[str]:
    """A color for each."""
    return [COLORS[i % len(COLORS)] for i in range(len(items))]

"""The plots of two compared evaluations."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.evaluation_comparison import EvaluationComparison
from fiftyone_capviz.curation.evaluation_plots import COLORS, HOVER, Figure, error_bars, layout

_MEASURES = {"pga": "point-game accuracy", "pge": "energy in the object"}


def comparison_figures(compared: EvaluationComparison) -> list[Figure]:
    """Both evaluations' figures, and their differences, on the common objects."""
    if not any(row["n"] for row in compared.rows):
        return []
    return [*(_both(compared, measure) for measure in _MEASURES), _changes(compared)]


def _both(compared: EvaluationComparison, measure: str) -> Figure:
    rows = [row for row in compared.rows if row["n"]]
    data = [
        {
            "type": "bar",
            "name": f"{letter}: {name}",
            "x": [row["name"] for row in rows],
            "y": [row[measure][side]["value"] for row in rows],
            "error_y": error_bars([row[measure][side] for row in rows]),
            "customdata": [row["n"] for row in rows],
            "hovertemplate": HOVER,
            "marker": {"color": COLORS[side]},
        }
        for side, (letter, name) in enumerate(zip("AB", compared.names, strict=True))
    ]
    kind = "median " if measure == "pge" else ""
    return Figure(
        f"{kind}{_MEASURES[measure]}, A and B".capitalize(),
        "On the objects that both measured; bars are 95 % bootstrap intervals over images.",
        data,
        layout(y={"range": [0, 1]}) | {"barmode": "group"},
    )


def _changes(compared: EvaluationComparison) -> Figure:
    rows = [row for row in compared.rows if row["n"]]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [row["name"] for row in rows],
            "y": [row[f"{measure}_change"]["value"] for row in rows],
            "error_y": error_bars([row[f"{measure}_change"] for row in rows]),
            "customdata": [row["n"] for row in rows],
            "hovertemplate": HOVER,
            "marker": {"color": color, "size": 10},
        }
        for (measure, name), color in zip(_MEASURES.items(), COLORS, strict=False)
    ]
    return Figure(
        "B minus A on the same objects",
        "Mean paired differences; an interval that spares 0 is a difference.",
        data,
        layout(y={"zeroline": True}),
    )

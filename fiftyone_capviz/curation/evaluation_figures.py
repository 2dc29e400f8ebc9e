"""The plots of an evaluation as Plotly figures (the seed paper's figures 23 and 24, and more)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fiftyone_capviz.curation.evaluation_report import EvaluationReport, Row

COLORS = ("#2a6fbb", "#e0600f", "#3d8f5f", "#8a4fae", "#b0382f", "#6b7280", "#b58900")
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


def evaluation_figures(report: EvaluationReport) -> list[Figure]:
    """Every plot that the report has data for."""
    made = [_by_layer(report, "pga"), _by_layer(report, "pge"), *_by_head(report)]
    made += [_best(report), _energies(report), _by_label(report), _faithfulness(report)]
    made += [_steering(report)]
    return [each for each in made if each is not None]


_NAMES = {"pga": "point-game accuracy", "pge": "median energy in the object"}


def _by_layer(report: EvaluationReport, measure: str) -> Figure | None:
    """Figure 23 of the seed paper: grounding by layer, one line per source and method."""
    families: dict[str, list[Row]] = {}
    for row in report.grounding:
        if row["layer"] is not None and row["head"] is None and row[measure]["n"]:
            families.setdefault(f"{row['source']} {row['method']}", []).append(row)
    if not families:
        return None
    data = []
    for (family, rows), color in zip(families.items(), _cycle(families), strict=True):
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": family,
                "x": [row["layer"] for row in rows],
                "y": [row[measure]["value"] for row in rows],
                "error_y": _error([row[measure] for row in rows]),
                "line": {"color": color},
            }
        )
    return Figure(
        f"{_NAMES[measure].capitalize()} by layer",
        "Mean of the heads; layers from 0; bars are 95 % bootstrap intervals over images.",
        data,
        _layout(x={"title": {"text": "layer"}, "dtick": 1}, y={"title": {"text": _NAMES[measure]},
                "range": [0, 1]}),
    )  # fmt: skip


def _by_head(report: EvaluationReport) -> list[Figure]:
    """Figure 24 of the seed paper: point-game accuracy by layer and head."""
    families: dict[str, list[Row]] = {}
    for row in report.grounding:
        if row["head"] is not None and row["pga"]["n"]:
            families.setdefault(f"{row['source']} {row['method']}", []).append(row)
    figures = []
    for family, rows in families.items():
        layers = sorted({row["layer"] for row in rows})
        heads = sorted({row["head"] for row in rows})
        values = {(row["layer"], row["head"]): row["pga"]["value"] for row in rows}
        table = [[values.get((layer, head)) for head in heads] for layer in layers]
        figures.append(
            Figure(
                f"{family}: point-game accuracy by layer and head",
                "Single heads; compare with their mean in the plot by layer.",
                [
                    {
                        "type": "heatmap",
                        "x": [f"head {head}" for head in heads],
                        "y": [f"layer {layer}" for layer in layers],
                        "z": table,
                        "text": [[_short(v) for v in line] for line in table],
                        "texttemplate": "%{text}",
                        "zmin": 0,
                        "zmax": 1,
                        "colorscale": "Viridis",
                    }
                ],
                _layout(y={"autorange": "reversed"}),
            )
        )
    return figures


def _best(report: EvaluationReport) -> Figure | None:
    rows = report.best()
    if not rows:
        return None
    data = [
        {
            "type": "bar",
            "name": name,
            "x": [row["name"] for row in rows],
            "y": [row[key]["value"] for row in rows],
            "error_y": _error([row[key] for row in rows]),
            "marker": {"color": color},
        }
        for key, name, color in (
            ("pga", "point-game accuracy", COLORS[0]),
            ("pge", "median energy", COLORS[1]),
            ("ranking", "ranking of regions", COLORS[2]),
        )
    ]
    return Figure(
        "Best layer of each method",
        "Chosen by point-game accuracy on these images, so slightly flattering.",
        data,
        _layout(y={"range": [0, 1]}) | {"barmode": "group"},
    )


def _energies(report: EvaluationReport) -> Figure | None:
    energies = report.pairs.get("energy", {})
    if not energies:
        return None
    data = [
        {
            "type": "violin",
            "name": name,
            "y": [value for value in values if value is not None],
            "points": False,
            "box": {"visible": True},
            "line": {"color": color},
            "spanmode": "hard",
        }
        for (name, values), color in zip(energies.items(), _cycle(energies), strict=True)
    ]
    return Figure(
        "Energy in the object, all objects",
        "Share of the positive attribution that lies in the named object.",
        data,
        _layout(y={"range": [0, 1]}) | {"showlegend": False},
    )


def _by_label(report: EvaluationReport) -> Figure | None:
    rows = report.best()
    labels = sorted({label for row in rows for label in row["by_label"]})
    if not labels:
        return None
    table = [[row["by_label"].get(label, {}).get("pga") for label in labels] for row in rows]
    counts = [[row["by_label"].get(label, {}).get("pairs", 0) for label in labels] for row in rows]
    return Figure(
        "Point-game accuracy by label",
        "Best layer of each method; hover for the number of objects.",
        [
            {
                "type": "heatmap",
                "x": labels,
                "y": [row["name"] for row in rows],
                "z": table,
                "customdata": counts,
                "hovertemplate": "%{y}<br>%{x}: %{z:.2f} of %{customdata}<extra></extra>",
                "zmin": 0,
                "zmax": 1,
                "colorscale": "Viridis",
            }
        ],
        _layout() | {"margin": {"l": 220, "r": 16, "t": 24, "b": 90}},
    )


def _faithfulness(report: EvaluationReport) -> Figure | None:
    rows = report.faithfulness
    if not rows:
        return None
    names = {"cii": "image insertion", "cid": "image deletion"}
    names |= {"cti": "text insertion", "ctd": "text deletion"}
    data = [
        {
            "type": "bar",
            "name": name,
            "x": [row["name"] for row in rows],
            "y": [row[key]["value"] for row in rows],
            "error_y": _error([row[key] for row in rows]),
            "marker": {"color": color},
        }
        for (key, name), color in zip(names.items(), COLORS[: len(names)], strict=True)
    ]
    return Figure(
        "Insertion and deletion: area under the score",
        "High is good for insertion, low for deletion; compare within one source only, since each "
        "has a score of its own. Random: patches and words in a random order.",
        data,
        _layout() | {"barmode": "group"},
    )


def _steering(report: EvaluationReport) -> Figure | None:
    if not report.steering:
        return None
    methods = list(dict.fromkeys(row["method"] for row in report.steering))
    data = []
    for method, color in zip(methods, _cycle(methods), strict=True):
        rows = [row for row in report.steering if row["method"] == method]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": method,
                "x": [row["weight"] for row in rows],
                "y": [row["rate"]["value"] for row in rows],
                "error_y": _error([row["rate"] for row in rows]),
                "line": {"color": color},
            }
        )
    axes = _layout(
        x={"title": {"text": "weight"}}, y={"title": {"text": "success"}, "range": [0, 1]}
    )
    return Figure(
        "Steering: captions that name what was left out",
        "One object per image, its patches weighted; plain has no weight.",
        data,
        axes,
    )


def _layout(*, x: dict[str, Any] | None = None, y: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**_LAYOUT, "xaxis": {**_AXIS, **(x or {})}, "yaxis": {**_AXIS, **(y or {})}}


def _error(stats: Sequence[Row]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [_gap(stat["high"], stat["value"]) for stat in stats],
        "arrayminus": [_gap(stat["value"], stat["low"]) for stat in stats],
        "thickness": 1,
    }


def _gap(upper: float | None, lower: float | None) -> float | None:
    return None if upper is None or lower is None else max(upper - lower, 0.0)


def _short(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f}"


def _cycle(items: Any) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(len(items))]

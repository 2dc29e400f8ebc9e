"""An evaluation's plots as Plotly figures: by layer, head and label, probes, two compared runs.

Figures 23 and 24 of arXiv 2311.01016, and more.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any

from fiftyone_capviz.curation.evaluation.comparison import EvaluationComparison
from fiftyone_capviz.curation.evaluation.report import EvaluationReport, Row
from fiftyone_capviz.curation.evaluation.table import differing_objects, family_label, steering_note

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


def evaluation_figures(report: EvaluationReport) -> list[Figure]:
    """Every plot that the report has data for."""
    made = [_by_layer(report, "pga"), _by_layer(report, "pge"), *_by_head(report)]
    made += [_best(report), _energies(report), _by_label(report)]
    made += [faithfulness_figure(report), steering_figure(report)]
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
    for (family, rows), color in zip(families.items(), cycle(families), strict=True):
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": family,
                "x": [row["layer"] for row in rows],
                "y": [row[measure]["value"] for row in rows],
                "error_y": error_bars([row[measure] for row in rows]),
                "customdata": [row[measure]["n"] for row in rows],
                "hovertemplate": HOVER,
                "line": {"color": color},
            }
        )
    layers = [row["layer"] for rows in families.values() for row in rows]
    data += _chance_lines(report, measure, [min(layers), max(layers)])
    return Figure(
        f"{_NAMES[measure].capitalize()} by layer",
        "Mean of the heads; layers from 0; bars are 95 % intervals over images; hover "
        "for the number of objects. Dotted and dashed: chance, a map drawn by lot and one bell "
        f"around the middle of the image. A hit of the point game: {report.rule}. "
        f"{differing_objects(report)}".strip(),
        data,
        layout(x={"title": {"text": "layer"}, "dtick": 1}, y={"title": {"text": _NAMES[measure]},
                "range": [0, 1]}),
    )  # fmt: skip


def _chance_lines(
    report: EvaluationReport, measure: str, across: Sequence[int]
) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": row["name"],
            "x": list(across),
            "y": [row[measure]["value"]] * len(across),
            "customdata": [row[measure]["n"]] * len(across),
            "hovertemplate": HOVER,
            "line": {"color": GREY, "dash": "dash" if row["method"] == "centre" else "dot"},
        }
        for row in report.references
        if row[measure]["n"]
    ]


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
                        "text": [[short(v) for v in line] for line in table],
                        "texttemplate": "%{text}",
                        "zmin": 0,
                        "zmax": 1,
                        "colorscale": "Viridis",
                    }
                ],
                layout(y={"autorange": "reversed"}),
            )
        )
    return figures


def _best(report: EvaluationReport) -> Figure | None:
    best = report.best()
    if not best:
        return None
    chance = [row for row in report.references if row["pga"]["n"]]
    rows = [*best, *chance]
    names = [*map(family_label, best), *(f"chance: {row['name']}" for row in chance)]
    data = [
        {
            "type": "bar",
            "name": name,
            "x": names,
            "y": [row[key]["value"] for row in rows],
            "error_y": error_bars([row[key] for row in rows]),
            "customdata": [row[key]["n"] for row in rows],
            "hovertemplate": HOVER,
            "marker": {"color": color},
        }
        for key, name, color in (
            ("pga", "point-game accuracy", COLORS[0]),
            ("pga_lenient", "lenient point game", COLORS[3]),
            ("pge", "median energy", COLORS[1]),
            ("ranking", "ranking of regions", COLORS[2]),
        )
        if key in rows[0]
    ]
    return Figure(
        "Best layer of each method",
        "Chosen by point-game accuracy on one half of the images and measured on the other, both "
        f"halves pooled. A hit: {report.rule}. Lenient: the object owns a fifth of the patch's "
        f"pixels. Hover for the number of objects. {differing_objects(report)}".strip(),
        data,
        layout(y={"range": [0, 1]}) | {"barmode": "group"},
    )


def _energies(report: EvaluationReport) -> Figure | None:
    kept = report.pairs.get("energy", {})
    energies = {row["name"]: kept[row["name"]] for row in report.best() if row["name"] in kept}
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
        for (name, values), color in zip(energies.items(), cycle(energies), strict=True)
    ]
    return Figure(
        "Energy in the object, all objects",
        "Share of the positive attribution that lies in the named object; best layers, "
        "cross-fitted.",
        data,
        layout(y={"range": [0, 1]}) | {"showlegend": False},
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
        f"Best layer of each method, cross-fitted. A hit: {report.rule}. Hover for the number of "
        "objects.",
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
        layout() | {"margin": {"l": 220, "r": 16, "t": 24, "b": 90}},
    )


_RATES = (("rate", "success", "dot"), ("acceptable", "acceptable", "solid"))


def faithfulness_figure(report: EvaluationReport) -> Figure | None:
    """Bars per source and method; a captioner has no text side."""
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
            "error_y": error_bars([row[key] for row in rows]),
            "marker": {"color": color},
        }
        for (key, name), color in zip(names.items(), COLORS[: len(names)], strict=True)
    ]
    return Figure(
        "Insertion and deletion: area under the score",
        "High is good for insertion, low for deletion; compare within one source only, since each "
        "has a score of its own. Random: patches and words in a random order. The captioner (lm) "
        "has no text side: the likelihood of a text in pieces measures grammar first.",
        data,
        layout() | {"barmode": "group"},
    )


def steering_figure(report: EvaluationReport) -> Figure | None:
    """Two lines per method: captions that name the object, and those acceptable as well."""
    if not report.steering:
        return None
    methods = list(dict.fromkeys(row["method"] for row in report.steering))
    data = []
    for method, color in zip(methods, cycle(methods), strict=True):
        rows = [row for row in report.steering if row["method"] == method]
        for key, what, dash in _RATES:
            stats = [row[key] for row in rows if key in row]
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": f"{method}, {what}",
                    "x": [row["weight"] for row in rows if key in row],
                    "y": [stat["value"] for stat in stats],
                    "error_y": error_bars(stats),
                    "customdata": [stat["n"] for stat in stats],
                    "hovertemplate": HOVER,
                    "line": {"color": color, "dash": dash},
                }
            )
    axes = layout(
        x={"title": {"text": "weight"}}, y={"title": {"text": "share of captions"}, "range": [0, 1]}
    )
    return Figure(
        "Steering: captions that name what was left out",
        "One object per image, its patches weighted; plain has no weight. Dotted: "
        f"{steering_note(report.steering)}.",
        data,
        axes,
    )


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
        "On the objects that both measured; bars are 95 % intervals over images.",
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

"""The plots of an evaluation as Plotly figures (the seed paper's figures 23 and 24, and more)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fiftyone_capviz.curation.evaluation_grounding_table import differing_objects, family_label
from fiftyone_capviz.curation.evaluation_plots import (
    COLORS,
    GREY,
    HOVER,
    Figure,
    cycle,
    error_bars,
    layout,
    short,
)
from fiftyone_capviz.curation.evaluation_probe_figures import faithfulness_figure, steering_figure
from fiftyone_capviz.curation.evaluation_report import EvaluationReport, Row


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
        "Mean of the heads; layers from 0; bars are 95 % bootstrap intervals over images; hover "
        "for the number of objects. Dotted and dashed: chance, a map drawn by lot and one bell "
        f"around the middle of the image. {differing_objects(report)}".strip(),
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
            "line": {"color": GREY, "dash": "dot" if row["method"] == "uniform" else "dash"},
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
            ("pge", "median energy", COLORS[1]),
            ("ranking", "ranking of regions", COLORS[2]),
        )
    ]
    return Figure(
        "Best layer of each method",
        "Chosen by point-game accuracy on one half of the images and measured on the other, both "
        f"halves pooled. Hover for the number of objects. {differing_objects(report)}".strip(),
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
        "Best layer of each method, cross-fitted; hover for the number of objects.",
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

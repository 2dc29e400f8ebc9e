"""The plots of what an evaluation measures on a part of the images: faithfulness, steering."""

from __future__ import annotations

from fiftyone_capviz.curation.evaluation_plots import (
    COLORS,
    HOVER,
    Figure,
    cycle,
    error_bars,
    layout,
)
from fiftyone_capviz.curation.evaluation_report import EvaluationReport
from fiftyone_capviz.curation.evaluation_table import steering_note

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

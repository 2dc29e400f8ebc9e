"""Evaluations as pages that need no network: Plotly's own script is part of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from fiftyone_capviz.curation.evaluation.comparison import EvaluationComparison
from fiftyone_capviz.curation.evaluation.plots import (
    Figure,
    comparison_figures,
    evaluation_figures,
)
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.evaluation.table import evaluation_table
from fiftyone_capviz.curation.pages.page import STYLE
from fiftyone_capviz.curation.pages.text_files import xml_text
from fiftyone_capviz.errors import InputError

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
_DRAW = """
const ink = getComputedStyle(document.body).color;
for (const [id, data, layout] of figures) {
  layout.font.color = ink;
  Plotly.newPlot(id, data, layout, {displaylogo: false, responsive: true});
}
"""


def write_evaluation_page(
    found: EvaluationReport | EvaluationComparison, path: Path, *, title: str
) -> Path:
    """Write plots and tables.

    Args:
        found: an evaluation, or two of them compared.
        path: of the file; its folder is made if it does not exist.
        title: of the page, such as the dataset's name.

    Raises:
        InputError: the file cannot be written.
    """
    page = (
        evaluation_page(found, title=title)
        if isinstance(found, EvaluationReport)
        else comparison_page(found, title=title)
    )
    place = path.expanduser()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(page, encoding="utf-8")
    except OSError as err:
        raise InputError(
            f"--html must name a file that can be written; got {path}: {err}. Choose another place."
        ) from err
    return place


def evaluation_page(report: EvaluationReport, *, title: str) -> str:
    """The page of an evaluation as text."""
    about = report.about
    note = (
        f"Captions {about['caption_field']}, regions {about['regions_field']}, seed "
        f"{about['seed']}, finished {about.get('finished', '')}. A hit of the point game: "
        f"{report.rule}."
    )
    figures = evaluation_figures(report)
    return _page(f"Attribution on {title}", note, figures, evaluation_table(report))


def comparison_page(compared: EvaluationComparison, *, title: str) -> str:
    """The page of two compared evaluations as text."""
    first, second = compared.names
    note = f"A: {first}. B: {second}."
    figures = comparison_figures(compared)
    return _page(f"Two evaluations of {title}", note, figures, compared.text)


def _page(title: str, note: str, figures: Sequence[Figure], text: str) -> str:
    from plotly.offline import get_plotlyjs

    heading = xml_text(title)
    traces = [[f"plot{i}", each.data, each.layout] for i, each in enumerate(figures)]
    # "</" would end the script inside a label.
    data = json.dumps(traces).replace("</", "<\\/")
    cards = "".join(_card(f"plot{i}", each) for i, each in enumerate(figures))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{heading}</title>\n<style>{STYLE}\npre {{ overflow-x: auto; font-size: 12px; }}"
        f"</style>\n<script>{get_plotlyjs()}</script>\n</head>\n<body>\n<main>\n<h1>{heading}</h1>"
        f'<p class="note">{xml_text(note)}</p>{cards}'
        f"<section><h2>All figures</h2><pre>{xml_text(text)}</pre></section>"
        f"\n</main>\n<script>const figures = {data};{_DRAW}</script>\n</body>\n</html>\n"
    )


def _card(name: str, figure: Figure) -> str:
    return (
        f'<section><h2>{xml_text(figure.title)}</h2><p class="note">{xml_text(figure.note)}</p>'
        f'<div id="{name}"></div></section>'
    )

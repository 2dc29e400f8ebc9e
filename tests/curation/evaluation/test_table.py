"""A report as text, as plots and as a page."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.evaluation.html import evaluation_page
from fiftyone_capviz.curation.evaluation.plots import evaluation_figures
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.evaluation.table import evaluation_table


def test_table_plots_and_page_show_it(evaluated: tuple[Any, EvaluationReport]) -> None:
    _, report = evaluated
    text = evaluation_table(report)
    for part in ("PGA", "ASO epsilon", "CII", "lower attribution", "rank by log-odds", "success",
                 "acceptable", "~   itm, lm, dual random", "itm gradcam (best", "object hidden",
                 "lenient"):  # fmt: skip
        assert part in text
    figures = evaluation_figures(report)
    assert sum("layer and head" in one.title for one in figures) == 4
    import plotly.graph_objects as go

    for one in figures:  # Plotly's own check of every trace and attribute
        go.Figure(data=one.data, layout=one.layout)
    page = evaluation_page(report, title="</script><b>scenes")
    assert "<script src" not in page
    assert "default-src 'none'" in page
    assert "<b>scenes" not in page
    assert page.count("</script>") == 2

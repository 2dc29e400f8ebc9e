"""One analysis in the terminal: estimate, progress bar, summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fiftyone_capviz.commands.console import complain, say

if TYPE_CHECKING:
    from fiftyone.core.collections import SampleCollection

    from fiftyone_capviz.curation.analysis.report import Report
    from fiftyone_capviz.settings.analysis import AnalysisOptions


def run_analysis(
    collection: SampleCollection,
    options: AnalysisOptions,
    *,
    stages: Sequence[str],
    quiet: bool = False,
) -> tuple[Report, str]:
    """Analyse, and say what will be done, what is being done and what was done.

    Args:
        collection: dataset or view.
        options: validated options.
        stages: the stages to run.
        quiet: say nothing but what failed.

    Returns:
        The report, and the summary that was printed.

    Raises:
        CapvizError: the options, fields or models cannot be used.
    """
    from fiftyone_capviz.curation.analysis.analyze import analyze
    from fiftyone_capviz.curation.analysis.forecast import estimate
    from fiftyone_capviz.curation.dataset.progress import ProgressBar
    from fiftyone_capviz.curation.export.summary import summarize

    if not quiet:
        say(estimate(collection, options, stages).text)
    with ProgressBar(enabled=not quiet) as bar:
        report = analyze(collection, options, stages=stages, progress=bar)
    summary = summarize(collection, options, report=report)
    if not quiet:
        say(summary)
    elif report.failures or report.stopped:
        complain(report.summary())
    return report, summary

"""See what an image dataset contains, what its captions miss, and steer new captions, in FiftyOne.

    import fiftyone as fo
    import fiftyone_capviz as capviz

    dataset = fo.load_dataset("my-photos")
    report = capviz.analyze(dataset, captioner="Salesforce/blip-image-captioning-base")
    print(report.summary())

Names are imported when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pairs.explanation import PairExplanation
    from fiftyone_capviz.curation.analysis.analyze import analyze
    from fiftyone_capviz.curation.analysis.forecast import estimate
    from fiftyone_capviz.curation.analysis.report import Report
    from fiftyone_capviz.curation.analysis.segment_map import map_segments
    from fiftyone_capviz.curation.app.workspace import save_workspace
    from fiftyone_capviz.curation.dataset.progress import Progress
    from fiftyone_capviz.curation.delete import delete_analysis
    from fiftyone_capviz.curation.evaluation.comparison import compare_evaluations
    from fiftyone_capviz.curation.evaluation.report import EvaluationReport
    from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
    from fiftyone_capviz.curation.evaluation.storage import load_evaluation
    from fiftyone_capviz.curation.evaluation.table import evaluation_table
    from fiftyone_capviz.curation.export.files import export_analysis
    from fiftyone_capviz.curation.export.report import html_report
    from fiftyone_capviz.curation.export.summary import summarize
    from fiftyone_capviz.curation.pairs.mismatches import find_mismatches
    from fiftyone_capviz.curation.pairs.view_relations import relate_view
    from fiftyone_capviz.curation.segments.active import activate_captions
    from fiftyone_capviz.curation.segments.focus import focus_word
    from fiftyone_capviz.curation.segments.stop_words import (
        add_stop_words,
        own_stop_words,
        remove_stop_words,
        undo_stop_words,
    )
    from fiftyone_capviz.curation.steering.accept import accept_captions, undo_captions
    from fiftyone_capviz.curation.steering.many import steer_captions
    from fiftyone_capviz.curation.words.dataset_graph import stale_captions, word_graph
    from fiftyone_capviz.errors import CapvizError
    from fiftyone_capviz.graph.word_graph import build_graph
    from fiftyone_capviz.settings.analysis import SCENES_OPTIONS, AnalysisOptions
    from fiftyone_capviz.settings.evaluation import EvaluationOptions
    from fiftyone_capviz.settings.pairs import PairSettings
    from fiftyone_capviz.settings.steering import Recipe
    from fiftyone_capviz.text.words import caption_words
    from fiftyone_capviz.without_dataset import explain_pair, load_model

__version__ = "0.1.0"

_MODULES = {
    "AnalysisOptions": "settings.analysis",
    "CapvizError": "errors",
    "EvaluationOptions": "settings.evaluation",
    "EvaluationReport": "curation.evaluation.report",
    "PairExplanation": "attribution.pairs.explanation",
    "PairSettings": "settings.pairs",
    "Progress": "curation.dataset.progress",
    "Recipe": "settings.steering",
    "Report": "curation.analysis.report",
    "SCENES_OPTIONS": "settings.analysis",
    "accept_captions": "curation.steering.accept",
    "activate_captions": "curation.segments.active",
    "add_stop_words": "curation.segments.stop_words",
    "analyze": "curation.analysis.analyze",
    "build_graph": "graph.word_graph",
    "caption_words": "text.words",
    "compare_evaluations": "curation.evaluation.comparison",
    "delete_analysis": "curation.delete",
    "estimate": "curation.analysis.forecast",
    "evaluate_attribution": "curation.evaluation.run",
    "evaluation_table": "curation.evaluation.table",
    "explain_pair": "without_dataset",
    "export_analysis": "curation.export.files",
    "find_mismatches": "curation.pairs.mismatches",
    "focus_word": "curation.segments.focus",
    "html_report": "curation.export.report",
    "load_evaluation": "curation.evaluation.storage",
    "load_model": "without_dataset",
    "map_segments": "curation.analysis.segment_map",
    "own_stop_words": "curation.segments.stop_words",
    "relate_view": "curation.pairs.view_relations",
    "remove_stop_words": "curation.segments.stop_words",
    "save_workspace": "curation.app.workspace",
    "stale_captions": "curation.words.dataset_graph",
    "steer_captions": "curation.steering.many",
    "summarize": "curation.export.summary",
    "undo_captions": "curation.steering.accept",
    "undo_stop_words": "curation.segments.stop_words",
    "word_graph": "curation.words.dataset_graph",
}

__all__ = [
    "SCENES_OPTIONS",
    "AnalysisOptions",
    "CapvizError",
    "EvaluationOptions",
    "EvaluationReport",
    "PairExplanation",
    "PairSettings",
    "Progress",
    "Recipe",
    "Report",
    "__version__",
    "accept_captions",
    "activate_captions",
    "add_stop_words",
    "analyze",
    "build_graph",
    "caption_words",
    "compare_evaluations",
    "delete_analysis",
    "estimate",
    "evaluate_attribution",
    "evaluation_table",
    "explain_pair",
    "export_analysis",
    "find_mismatches",
    "focus_word",
    "html_report",
    "load_evaluation",
    "load_model",
    "map_segments",
    "own_stop_words",
    "relate_view",
    "remove_stop_words",
    "save_workspace",
    "stale_captions",
    "steer_captions",
    "summarize",
    "undo_captions",
    "undo_stop_words",
    "word_graph",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

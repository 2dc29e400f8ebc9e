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
    from fiftyone_capviz.curation.active import activate_captions
    from fiftyone_capviz.curation.analyze import analyze
    from fiftyone_capviz.curation.delete import delete_analysis
    from fiftyone_capviz.curation.estimate import estimate
    from fiftyone_capviz.curation.export import export_analysis
    from fiftyone_capviz.curation.focus import focus_word
    from fiftyone_capviz.curation.graph_of import word_graph
    from fiftyone_capviz.curation.options import SCENES_OPTIONS, AnalysisOptions
    from fiftyone_capviz.curation.pipeline import Progress, Report
    from fiftyone_capviz.curation.relations import relate_view
    from fiftyone_capviz.curation.report_html import html_report
    from fiftyone_capviz.curation.segment_map import map_segments
    from fiftyone_capviz.curation.stale import stale_captions
    from fiftyone_capviz.curation.steer import (
        Recipe,
        accept_captions,
        steer_captions,
        undo_captions,
    )
    from fiftyone_capviz.curation.summary import summarize
    from fiftyone_capviz.curation.workspace import save_workspace
    from fiftyone_capviz.errors import CapvizError
    from fiftyone_capviz.graph import build_graph
    from fiftyone_capviz.words import caption_words

__version__ = "0.1.0"

_MODULES = {
    "AnalysisOptions": "curation.options",
    "CapvizError": "errors",
    "Progress": "curation.pipeline",
    "Recipe": "curation.steer",
    "Report": "curation.pipeline",
    "SCENES_OPTIONS": "curation.options",
    "accept_captions": "curation.steer",
    "activate_captions": "curation.active",
    "analyze": "curation.analyze",
    "build_graph": "graph",
    "caption_words": "words",
    "delete_analysis": "curation.delete",
    "estimate": "curation.estimate",
    "export_analysis": "curation.export",
    "focus_word": "curation.focus",
    "html_report": "curation.report_html",
    "map_segments": "curation.segment_map",
    "relate_view": "curation.relations",
    "save_workspace": "curation.workspace",
    "stale_captions": "curation.stale",
    "steer_captions": "curation.steer",
    "summarize": "curation.summary",
    "undo_captions": "curation.steer",
    "word_graph": "curation.graph_of",
}

__all__ = [
    "SCENES_OPTIONS",
    "AnalysisOptions",
    "CapvizError",
    "Progress",
    "Recipe",
    "Report",
    "__version__",
    "accept_captions",
    "activate_captions",
    "analyze",
    "build_graph",
    "caption_words",
    "delete_analysis",
    "estimate",
    "export_analysis",
    "focus_word",
    "html_report",
    "map_segments",
    "relate_view",
    "save_workspace",
    "stale_captions",
    "steer_captions",
    "summarize",
    "undo_captions",
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

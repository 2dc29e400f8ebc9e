"""What an analysis can be written as."""

from __future__ import annotations

from typing import Literal, get_args

ExportFormat = Literal[
    "captions_json",
    "captions_csv",
    "captions_coco",
    "graph_graphml",
    "graph_csv",
    "associations_csv",
    "report_html",
]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)

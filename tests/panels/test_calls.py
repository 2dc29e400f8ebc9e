"""A panel's call that lacks a parameter is answered in words, not with the name of an exception."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from panels.segment_gallery import SegmentGallery
from panels.word_graph import WordGraph
from tests.worlds.analysed import analysed_dataset
from tests.worlds.asking import context


@pytest.mark.parametrize(
    ("panel", "name", "lacking"),
    [
        (WordGraph, "focus", "caption_field"),
        (WordGraph, "compare", "caption_field"),
        (WordGraph, "similar", "caption_field"),
        (WordGraph, "export", "caption_field"),
        (WordGraph, "comparison_fields", "caption_field"),
        (WordGraph, "comparison_values", "path"),
        (WordGraph, "paint", "version"),
        (SegmentGallery, "methods", "caption_field"),
        (SegmentGallery, "read", "source"),
        (SegmentGallery, "recolor", "by"),
    ],
)
def test_what_is_lacking_is_named(panel: Any, name: str, lacking: str, tmp_path: Path) -> None:
    ctx = context(analysed_dataset(tmp_path), app=True)
    assert getattr(panel(), name)(ctx) == {"error": f"The panel's call lacks {lacking!r}."}

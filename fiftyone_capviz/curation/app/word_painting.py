"""The focus of the Word Graph, carried out: samples for the grid, colors for the plot."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.app.panel_focus import PanelFocus, focus_version, panel_focus
from fiftyone_capviz.curation.app.panel_scope import PanelScope
from fiftyone_capviz.curation.app.workspace import COLOR_BY, recolor_params
from fiftyone_capviz.curation.dataset.runs import read_run
from fiftyone_capviz.curation.segments.focus import focus_word, focused_word, unfocus
from fiftyone_capviz.curation.words.caption_index import CaptionIndex, caption_indexes
from fiftyone_capviz.errors import InputError

_painting = threading.Lock()
"""Two updates of all segments at once would leave a mixture of two words."""


@dataclass(frozen=True)
class WordSamples:
    """The samples of some words.

    Attributes:
        sample_ids: in the order of the view.
        together: whether they hold all of the words; False where no sample does, then any of them.
        total: samples that were looked at.
        message: one plain sentence for the user.
    """

    sample_ids: tuple[str, ...]
    together: bool
    total: int
    message: str


@dataclass(frozen=True)
class Painting:
    """What :func:`paint_focus` did.

    Attributes:
        recolor: calls of ``set_panel_data`` that show it in an open plot, in this order.
        message: what could not be shown and why, for the user; empty if all was.
    """

    recolor: tuple[dict[str, Any], ...]
    message: str


def samples_with_words(index: CaptionIndex, scope: PanelScope, words: Sequence[str]) -> WordSamples:
    """The samples in view that hold all of these words; where there is none, any of them.

    Args:
        index: of the caption field.
        scope: what the panel shows.
        words: one at least.

    Raises:
        InputError: no word, or one that no caption holds.
    """
    if not words:
        raise InputError("A focus needs a word; got none. Click a word of the graph.")
    ids = index.ids if scope.shown is None else scope.shown
    rows = index.rows(ids)
    columns = [index.graph.position(word) for word in dict.fromkeys(words)]
    hits = index.graph.matrix[rows][:, columns].sum(axis=1)
    all_of_them = hits == len(columns)
    together = bool(all_of_them.any())
    kept = all_of_them if together else hits > 0
    found = tuple(index.ids[row] for row in rows[kept].tolist())
    return WordSamples(found, together, len(ids), _sentence(words, len(found), len(ids), together))


def segments_field_of(dataset: fo.Dataset, caption_field: str) -> str:
    """The segments that a caption field was attributed on."""
    run = read_run(dataset, caption_field)
    return "segments" if run is None else run.segments_field


def paint_focus(
    dataset: fo.Dataset, view: SampleCollection, spaces: Any, *, version: int
) -> Painting:
    """Write the first word in focus into the segments' ``attention``, or take it away.

    Args:
        dataset: the dataset.
        view: whose segments are painted.
        spaces: ``ctx.spaces``: where the plot is.
        version: of the focus that is meant; a newer one makes this call do nothing.
    """
    with _painting:
        if focus_version(dataset) != version:
            return Painting((), "")
        focus = panel_focus(dataset)
        message = ""
        with caption_indexes().sparing(dataset):
            if focus is None:
                segments_field = _unpaint(dataset)
                color_by = COLOR_BY
            else:
                segments_field, color_by = focus.segments_field, "attention"
                message = _paint(view, focus)
    recolor = [] if message else recolor_params(spaces, segments_field, color_by=color_by)
    return Painting(tuple(recolor), message)


def _paint(view: SampleCollection, focus: PanelFocus) -> str:
    try:
        report = focus_word(
            view,
            focus.words[0],
            caption_field=focus.caption_field,
            segments_field=focus.segments_field,
        )
    except InputError as error:
        return str(error)
    return "" if report.written else report.message


def _unpaint(dataset: fo.Dataset) -> str:
    for name in dataset.get_field_schema():
        if focused_word(dataset, name) is not None:
            unfocus(dataset, segments_field=name)
            return str(name)
    return "segments"


def _sentence(words: Sequence[str], found: int, total: int, together: bool) -> str:
    named = " and ".join(f"“{word}”" for word in words)
    if len(words) == 1:
        return f"{named} is in {found:,} of {total:,} captions."
    if together:
        return f"{named} are together in {found:,} of {total:,} captions."
    either = " or ".join(f"“{word}”" for word in words)
    return f"No caption holds {named} together; {found:,} of {total:,} hold {either}."

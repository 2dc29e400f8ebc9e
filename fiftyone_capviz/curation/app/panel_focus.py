"""What the user has picked in the Word Graph, for all panels: kept in the execution store.

The store is scoped to the dataset and seen by every panel, process and tab. A panel that is told of
a new version asks for the focus again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.app.workspace import find_panel
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.curation.dataset.store import recall, remember

LISTENERS = ("segment_gallery", "caption_steering")
"""The panels that show something else when the focus changes."""

OWN_SELECTIONS = 20
"""How many of the selections that the panel made are remembered.

The App tells of a selection late and several times: after two quick clicks that of the first word
may arrive when the second word is in focus already.
"""

_KEY = "panel_focus"


@dataclass(frozen=True)
class PanelFocus:
    """The words in focus.

    Attributes:
        words: one at least; the first one colors the plot.
        caption_field, segments_field: whose words, and which segments were scored for them.
        sample_ids: what the grid was narrowed to, in the order of the view; None if it was not.
            In a view of patches the grid's items are patches: then the patches' ids.
        version: grows with every change, also when the focus is taken away.
    """

    words: tuple[str, ...]
    caption_field: str
    segments_field: str
    sample_ids: tuple[str, ...] | None
    version: int


def panel_focus(dataset: fo.Dataset) -> PanelFocus | None:
    """The present focus; None where no word is in focus, or only words that nothing counts."""
    kept = recall(dataset, _KEY)
    if kept is None or not kept.get("words"):
        return None
    stop = own_stop_words(dataset)
    words = tuple(one for one in kept["words"] if one not in stop)
    if not words:
        return None
    ids = kept["sample_ids"]
    return PanelFocus(
        words=words,
        caption_field=kept["caption_field"],
        segments_field=kept["segments_field"],
        sample_ids=None if ids is None else tuple(ids),
        version=int(kept["version"]),
    )


def set_panel_focus(
    dataset: fo.Dataset,
    words: Sequence[str],
    *,
    caption_field: str = "caption",
    segments_field: str = "segments",
    sample_ids: Sequence[str] | None = None,
) -> PanelFocus:
    """Put words in focus for all panels.

    Args:
        dataset: the dataset.
        words: one at least.
        caption_field, segments_field: whose words and which segments.
        sample_ids: what the grid is narrowed to, patches in a view of patches, so that it is not
            taken for a user's lasso.
    """
    focus = PanelFocus(
        words=tuple(words),
        caption_field=caption_field,
        segments_field=segments_field,
        sample_ids=None if sample_ids is None else tuple(sample_ids),
        version=focus_version(dataset) + 1,
    )
    own = _own_selections(dataset)
    if sample_ids is not None:
        own = [*(one for one in own if one != _digest(sample_ids)), _digest(sample_ids)]
    _keep(dataset, focus, own[-OWN_SELECTIONS:])
    return focus


def clear_panel_focus(dataset: fo.Dataset) -> int:
    """Take the focus away; returns the version that says so."""
    version = focus_version(dataset) + 1
    _keep(dataset, PanelFocus((), "", "", None, version), _own_selections(dataset))
    return version


def focus_version(dataset: fo.Dataset) -> int:
    """The version of the last change; 0 where there was none."""
    kept = recall(dataset, _KEY)
    return 0 if kept is None else int(kept["version"])


def is_own_selection(dataset: fo.Dataset, sample_ids: Iterable[str]) -> bool:
    """Whether the App's grid is narrowed to what a word of the panel narrowed it to, now or before.

    Args:
        dataset: the dataset.
        sample_ids: of the grid, in any order.
    """
    return _digest(sample_ids) in _own_selections(dataset)


def focus_notices(spaces: Any, version: int) -> list[dict[str, Any]]:
    """Parameters of ``patch_panel_data`` that tell the open panels of a version.

    Args:
        spaces: ``ctx.spaces``.
        version: of the focus.
    """
    found = (find_panel(spaces, name) for name in LISTENERS)
    return [
        {"panel_id": panel_id, "data": {"focus_version": version}}
        for panel_id in found
        if panel_id is not None
    ]


def selected_samples(request_params: Mapping[str, Any]) -> list[str] | None:
    """Ids that the App's extended selection narrows the grid to; None where it selects no samples.

    Args:
        request_params: ``ctx.request_params``.
    """
    for stage, options in (request_params.get("extended") or {}).items():
        if stage == "fiftyone.core.stages.Select":
            return [str(one) for one in options.get("sample_ids") or ()]
    return None


def _own_selections(dataset: fo.Dataset) -> list[str]:
    kept = recall(dataset, _KEY)
    return [] if kept is None else list(kept.get("own") or ())


def _digest(sample_ids: Iterable[str]) -> str:
    text = " ".join(sorted(set(sample_ids)))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _keep(dataset: fo.Dataset, focus: PanelFocus, own: Sequence[str]) -> None:
    value = {
        "words": list(focus.words),
        "caption_field": focus.caption_field,
        "segments_field": focus.segments_field,
        "sample_ids": None if focus.sample_ids is None else list(focus.sample_ids),
        "version": focus.version,
        "own": list(own),
    }
    remember(dataset, _KEY, value)

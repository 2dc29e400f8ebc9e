"""The saved workspace and views, and the colors that make the App read well."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F

from fiftyone_capviz.curation.dataset.before import notes_before, was_set
from fiftyone_capviz.curation.dataset.captions import shown_path
from fiftyone_capviz.curation.dataset.collection import root_dataset
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.names import (
    HEATMAP_FIELD,
    NOT_SEEN,
    UNATTRIBUTED,
    UNCOVERED,
    CaptionFields,
    SegmentFields,
)
from fiftyone_capviz.curation.dataset.ownership import Ownership
from fiftyone_capviz.curation.dataset.runs import caption_names
from fiftyone_capviz.curation.dataset.saved import (
    delete_our_view,
    delete_our_workspace,
    our_workspace,
    save_our_view,
    save_our_workspace,
)
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.field_names import require_free_names

WORKSPACE = "Captions"
LEAST_COVERED = "Least covered"
MISMATCHED = "Mismatched words"
WORKSPACE_TOLD = "Samples, word graph, map of all segments: dark ones are in no caption."
MISMATCHED_TOLD = "Captions with a word that speaks against the image, lowest score first"
"""Descriptions, by which they are known as ours."""
COVERAGE_LIMIT = 0.5
"""A sample whose coverage lies below this is "least covered"."""

SAMPLES_PANEL = "Samples"
EMBEDDINGS_PANEL = "Embeddings"
SIZES = (0.28, 0.4, 0.32)
# Plot and gallery stand above each other: a change of tabs makes the App forget a selection.
PANELS = (
    SAMPLES_PANEL,
    "word_graph+caption_steering",
    f"{EMBEDDINGS_PANEL}/segment_gallery",
)
"""The workspace, see :func:`captions_space`."""
COLOR_BY = "coverage"
HEATMAP_SCALE = {"path": HEATMAP_FIELD, "name": "viridis"}
UNCOVERED_COLOR = "#c9c9c9"
NOT_SEEN_COLOR = "#4a4a4a"
OPACITY = 0.4
"""Of labels: an image's segments fill it, and the image should show through."""
# Twenty hues that stay apart on photographs, none of them grey (that is for "uncovered", and
# a dark one for "not seen").
WORD_COLORS = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2"),
    *("#bcbd22", "#17becf", "#393b79", "#637939", "#8c6d31", "#843c39", "#7b4173"),
    *("#3182bd", "#e6550d", "#31a354", "#756bb1", "#d6a300", "#00a5a5"),
)


_asked: dict[str, tuple[float, dict[str, Any]]] = {}
"""By panel: when a plot was last asked for another color, and which."""


def captions_space(panels: Sequence[str] = PANELS) -> fo.Space:
    """The layout: one leaf space per panel, side by side, each with its active child.

    Args:
        panels: panel types from left to right. Entries joined by "+" share one leaf as tabs, the
            first one in front; those joined by "/" stand above each other:
            ``("Samples", "word_graph+caption_steering", "Embeddings/segment_gallery")``.
    """
    columns = []
    for entry in panels:
        rows = [_leaf(row.split("+")) for row in entry.split("/")]
        stacked = len(rows) > 1
        columns.append(fo.Space(children=rows, orientation="vertical") if stacked else rows[0])
    sizes = list(SIZES) if len(columns) == len(SIZES) else None
    return fo.Space(children=columns, orientation="horizontal", sizes=sizes)


def _leaf(names: Sequence[str]) -> fo.Space:
    tabs = [fo.Panel(type=name, pinned=name == SAMPLES_PANEL) for name in names]
    # Without an active child the App shows a blank panel.
    return fo.Space(children=tabs, active_child=tabs[0].component_id)


@database_errors()
def save_workspace(
    dataset: fo.Dataset,
    options: AnalysisOptions | None = None,
    *,
    caption_field: str | None = None,
    segments_field: str | None = None,
    panels: Sequence[str] = PANELS,
    words: Sequence[str] | None = None,
) -> None:
    """Save the workspace "Captions" and the view "Least covered", and set colors and fields.

    Running it again changes nothing but what the arguments change. Colors and active fields that
    the user set for other fields are kept.

    Args:
        dataset: the dataset.
        options: the analysis; names the fields.
        caption_field, segments_field: other fields than those.
        panels: as in :func:`captions_space`.
        words: dominant words, most frequent first: they get the palette's colors; default those
            of the dataset.
    """
    require_free_names(caption_field=caption_field, segments_field=segments_field)
    dataset = root_dataset(dataset)
    options = options or AnalysisOptions()
    captions = caption_names(dataset, caption_field or options.caption_field)
    segments = SegmentFields(segments_field or options.segments_field)
    owner = Ownership(dataset)
    save_our_workspace(dataset, WORKSPACE, captions_space(panels), description=WORKSPACE_TOLD)
    if owner.is_ours(captions.coverage):
        coverage = F(captions.coverage)
        # MongoDB sorts None below every number: "below" alone would let it in.
        low = (coverage >= 0) & (coverage < COVERAGE_LIMIT)
        save_our_view(
            dataset,
            view_name(LEAST_COVERED, captions.caption),
            dataset.match(low).sort_by(captions.coverage),
            description=least_covered_told(captions),
        )
    _set_colors(dataset, segments, _dominant(dataset, captions) if words is None else words)
    shown = [shown_path(dataset, captions.caption), captions.coverage, segments.segments]
    if dataset.app_config.active_fields is not None and was_set(
        notes_before(dataset), "active_fields"
    ):
        shown = [path for path in shown if owner.is_ours(path)]  # theirs are as the user wants them
    _set_active_fields(dataset, shown)


def least_covered_told(captions: CaptionFields) -> str:
    """The description of the view of least covered samples, by which it is known as ours."""
    return f"{captions.coverage} below {COVERAGE_LIMIT}, lowest first"


def view_name(name: str, caption_field: str) -> str:
    """Saved views of another caption field than the default one say whose they are."""
    return name if caption_field == "caption" else f"{name}: {caption_field}"


def remove_workspace(
    dataset: fo.Dataset,
    captions: CaptionFields,
    *,
    segments_fields: Sequence[str],
    last: bool,
    had_colors: bool,
) -> list[str]:
    """Take away what :func:`save_workspace` saved; returns the names.

    Args:
        dataset: the dataset.
        captions: whose views go.
        segments_fields: whose colors go.
        last: no other analysis is left: the workspace goes, and the heatmaps' color scale.
        had_colors: the user had set colors before; they stay, also where nothing is left of them.
    """
    told = {LEAST_COVERED: least_covered_told(captions), MISMATCHED: MISMATCHED_TOLD}
    removed = []
    for name, description in told.items():
        removed += delete_our_view(
            dataset, view_name(name, captions.caption), description=description
        )
    if last:
        removed += delete_our_workspace(dataset, WORKSPACE, description=WORKSPACE_TOLD)
    _unset_colors(dataset, segments_fields, last=last, keep=had_colors)
    return removed


def embeddings_panel_data(
    segments_field: str = "segments", *, color_by: str = COLOR_BY
) -> dict[str, str]:
    """Data that opens the segments' map in the Embeddings panel, colored by an attribute."""
    fields = SegmentFields(segments_field)
    return {"openKey": fields.map_key, "colorField": fields.attribute(color_by)}


def embeddings_panel_params(
    spaces: Any, segments_field: str = "segments", *, color_by: str = COLOR_BY
) -> dict[str, Any] | None:
    """Parameters of the App's ``set_panel_data`` for the open Embeddings panel.

    The Embeddings panel ignores saved state, so that an open App must be told which run and which
    color to show.

    Args:
        spaces: ``ctx.spaces`` (an ``fo.Space`` or its dict).
        segments_field: whose map.
        color_by: attribute of the segments.

    Returns:
        None where no Embeddings panel is open.
    """
    panel_id = find_panel(spaces, EMBEDDINGS_PANEL)
    if panel_id is None:
        return None
    data = embeddings_panel_data(segments_field, color_by=color_by)
    return {"panel_id": panel_id, "data": data, "full_merge": True}


def recolor_params(
    spaces: Any, segments_field: str = "segments", *, color_by: str = "attention"
) -> list[dict[str, Any]]:
    """Two calls of ``set_panel_data`` that make an open plot fetch the values of its color again.

    The panel fetches colors when the color field changes, and only then: so it is taken away and
    set again. Leave a moment (some 0.1 s) between the two. The values are new only if the run's
    time stamp is, see :func:`~.segment_map.refresh_map`. What was asked last is remembered, see
    :func:`asked_since`.
    """
    params = embeddings_panel_params(spaces, segments_field, color_by=color_by)
    if params is None:
        return []
    _asked[params["panel_id"]] = (time.monotonic(), params)
    without = {**params, "data": {**params["data"], "colorField": None}}
    return [without, params]


def asked_since(params: dict[str, Any], moment: float) -> dict[str, Any]:
    """Parameters of ``set_panel_data``, or what the same panel was asked to show after a moment.

    Args:
        params: from :func:`embeddings_panel_params`.
        moment: of ``time.monotonic()``.
    """
    when, asked = _asked.get(params["panel_id"], (moment, params))
    return asked if when > moment else params


def find_panel(spaces: Any, panel_type: str) -> str | None:
    """Id of the first open panel of a type."""
    if spaces is None:
        return None
    component = spaces.to_dict() if hasattr(spaces, "to_dict") else spaces
    if not isinstance(component, Mapping):
        return None
    children = component.get("children")
    if not children and component.get("type") == panel_type:
        found = component.get("component_id") or component.get("id")
        return None if found is None else str(found)
    for child in children or ():
        nested = find_panel(child, panel_type)
        if nested is not None:
            return nested
    return None


def open_workspace(dataset: fo.Dataset, *, session: Any = None) -> Any:
    """Load the saved workspace, and show it in a session if one is given.

    Returns:
        The ``fo.Space``.
    """
    dataset = root_dataset(dataset)
    name = our_workspace(dataset, WORKSPACE, description=WORKSPACE_TOLD)
    if name is None:
        save_workspace(dataset)
        name = our_workspace(dataset, WORKSPACE, description=WORKSPACE_TOLD)
    space = dataset.load_workspace(name)
    if session is not None:
        session.spaces = space
    return space


def _dominant(dataset: fo.Dataset, captions: CaptionFields) -> list[str]:
    if not dataset.has_field(captions.words):
        return []
    counts = dataset.count_values(captions.words)
    return sorted(counts, key=lambda word: (-counts[word], word))[: len(WORD_COLORS)]


def _set_colors(dataset: fo.Dataset, segments: SegmentFields, words: Sequence[str]) -> None:
    scheme = dataset.app_config.color_scheme or _new_scheme()
    named = [*scheme.fields] if scheme.fields else []
    own = dataset.has_field(segments.stage)
    attribute = "label" if own else "top_word"
    colors = [{"value": v, "color": UNCOVERED_COLOR} for v in (UNCOVERED, UNATTRIBUTED)]
    colors.append({"value": NOT_SEEN, "color": NOT_SEEN_COLOR})
    colors += [
        {"value": word, "color": color} for word, color in zip(words, WORD_COLORS, strict=False)
    ]
    entry = {
        "path": segments.segments,
        "colorByAttribute": attribute,
        "valueColors": colors,
    }
    theirs = [one for one in named if one["path"] != segments.segments or not _is_our_color(one)]
    if all(one["path"] != segments.segments for one in theirs):
        theirs.append(entry)
    scheme.fields = theirs
    scales = list(scheme.colorscales or [])
    if all(one["path"] != HEATMAP_FIELD for one in scales):
        scheme.colorscales = [*scales, HEATMAP_SCALE]
    dataset.app_config.color_scheme = scheme
    dataset.save()


def _is_our_color(entry: Mapping[str, Any]) -> bool:
    """Whether we colored a field: the value that stands for no word has our grey."""
    grey = {"value": UNCOVERED, "color": UNCOVERED_COLOR}
    return grey in [dict(one) for one in entry.get("valueColors") or ()]


def _new_scheme() -> Any:
    return fo.ColorScheme(color_by="value", opacity=OPACITY)


def _unset_colors(
    dataset: fo.Dataset, segments_fields: Sequence[str], *, last: bool, keep: bool
) -> None:
    scheme = dataset.app_config.color_scheme
    if scheme is None:
        return
    fields, scales = list(scheme.fields or []), list(scheme.colorscales or [])
    left = [one for one in fields if one["path"] not in segments_fields or not _is_our_color(one)]
    left_scales = [one for one in scales if not (last and dict(one) == HEATMAP_SCALE)]
    if len(left) == len(fields) and len(left_scales) == len(scales):
        return
    scheme.fields, scheme.colorscales = left or None, left_scales or None
    plain = _without_id(scheme) == _without_id(_new_scheme())
    dataset.app_config.color_scheme = None if plain and not keep else scheme
    dataset.save()


def _without_id(scheme: Any) -> dict[str, Any]:
    return {key: value for key, value in scheme.to_dict().items() if key not in ("_id", "id")}


def _set_active_fields(dataset: fo.Dataset, paths: Sequence[str]) -> None:
    active = dataset.app_config.active_fields
    listed = list(active.paths) if active is not None and not active.exclude else []
    if active is not None and active.exclude:
        return
    wanted = [path for path in paths if dataset.has_field(path) and path not in listed]
    if wanted:
        exclude = None if active is None else active.exclude
        dataset.app_config.active_fields = fo.ActiveFields(paths=listed + wanted, exclude=exclude)
        dataset.save()


def remove_active_fields(dataset: fo.Dataset, paths: Sequence[str]) -> None:
    """Take paths out of the fields that the App shows at the start."""
    active = dataset.app_config.active_fields
    if active is None or active.exclude:
        return
    kept = [path for path in active.paths if path not in paths]
    dataset.app_config.active_fields = (
        fo.ActiveFields(paths=kept, exclude=active.exclude) if kept else None
    )
    dataset.save()

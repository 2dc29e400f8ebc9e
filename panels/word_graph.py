"""*Word Graph*: what the captions name, what they name together, and what never."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.app.lasso import forget_lasso, note_lasso, user_lasso
from fiftyone_capviz.curation.app.panel_focus import (
    clear_panel_focus,
    focus_notices,
    is_own_selection,
    panel_focus,
    selected_samples,
    set_panel_focus,
)
from fiftyone_capviz.curation.app.panel_scope import (
    PanelScope,
    base_view,
    captions_key,
    captions_notices,
    panel_scope,
)
from fiftyone_capviz.curation.app.word_painting import (
    paint_focus,
    samples_with_words,
    segments_field_of,
)
from fiftyone_capviz.curation.app.workspace import COLOR_BY, recolor_params
from fiftyone_capviz.curation.dataset.caption_fields import text_fields
from fiftyone_capviz.curation.dataset.captions import is_there
from fiftyone_capviz.curation.dataset.collection import is_patches, ungrouped
from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.dataset.runs import list_runs
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.curation.segments.focus import count_unread, told_unread
from fiftyone_capviz.curation.segments.stop_words import (
    StopWordsReport,
    add_stop_words,
    undo_stop_words,
)
from fiftyone_capviz.curation.words.caption_index import CaptionIndex, caption_indexes
from fiftyone_capviz.curation.words.comparison import (
    Side,
    compare_sides,
    comparison_fields,
    comparison_values,
)
from fiftyone_capviz.curation.words.panel_graph import (
    find_words,
    graph_text,
    pairs_of_word,
    panel_graph,
)
from fiftyone_capviz.curation.words.similarity import similar_words
from fiftyone_capviz.errors import InputError

from .frame.panel import CapvizPanel, event, sent
from .payloads.word_graph import (
    ChoicesPayload,
    ComparePayload,
    EmptyPayload,
    FilePayload,
    FocusPayload,
    GraphPayload,
    PaintPayload,
    SimilarPayload,
    ValuesPayload,
    compare_payload,
    graph_payload,
    pairs_payload,
    similar_payload,
)

MIME = {"graphml": "application/graphml+xml", "csv": "text/csv"}


class OpenedPayload(GraphPayload):
    """The graph for a panel that was just opened while words were in focus.

    ``cleared`` is the version that took an old focus away: its colors are still to be taken away.
    """

    cleared: int


class WordGraph(CapvizPanel):
    """Shows the words of the captions in view and how often they go together."""

    panel_name = "word_graph"
    title = "Word Graph"
    icon = "hub"
    component = "CapvizWordGraph"
    # No hook for the view, the filters and a lasso around segments: the browser knows of them first
    # (js/src/host/seen.ts), and every other call would slow the graph's own down.
    help = (
        "Words of the captions in view; a link joins words of the same caption. Click a word or a "
        "link to see its images, shift-click for several words, Escape to go back. Drag a word to "
        "pin it, double-click to release it."
    )

    def on_load(self, ctx: Any) -> None:
        """Tell the component that there is something to ask for."""
        self._tell(ctx)

    def on_change_extended_selection(self, ctx: Any) -> None:
        """A selection in a plot has changed, or the panel's own."""
        self._tell(ctx)

    def on_change_dataset(self, ctx: Any) -> None:
        """Another dataset, or this one was reloaded."""
        self._tell(ctx)

    @event
    def graph(self, ctx: Any) -> GraphPayload | OpenedPayload | EmptyPayload:
        """Count the words in view. Params: caption_field, search, fresh (the panel was opened)."""
        dataset = ctx.dataset
        note_lasso(dataset, ctx.request_params)
        key = captions_key(dataset, ctx.request_params)
        fields = _caption_fields(dataset)
        if not fields:
            return EmptyPayload(
                key=key,
                dataset=dataset.name,
                empty="This dataset has no captions yet. Analyze captions writes them, or choose "
                "a dataset with a text field.",
            )
        chosen = ctx.params.get("caption_field")
        field = chosen if chosen in fields else fields[0]
        index, scope = _index_and_scope(ctx, field)
        whole = index.part(scope.shown)
        focus = _live_focus(ctx)
        cleared = None
        if not focus and ctx.params.get("fresh") and panel_focus(dataset) is not None:
            # A reload of the page gives the grid back, and so the other panels let go of the word.
            cleared = clear_panel_focus(dataset)
            _notify(ctx, cleared)
        wanted = [*focus, *find_words(whole, str(ctx.params.get("search") or ""))]
        payload = graph_payload(
            panel_graph(whole, score_histogram=index.score_histogram(scope.shown), wanted=wanted),
            key=key,
            dataset=dataset.name,
            caption_field=field,
            caption_fields=fields,
            samples=len(index.ids) if scope.shown is None else len(scope.shown),
            lasso=None if scope.lasso is None else len(scope.lasso),
            focus=focus,
            stop_words=own_stop_words(dataset),
        )
        return payload if cleared is None else OpenedPayload(**payload, cleared=cleared)

    @event
    def focus(self, ctx: Any) -> FocusPayload:
        """Narrow the grid to the samples of some words. Params: words, caption_field."""
        words = [str(one) for one in ctx.params.get("words") or ()]
        field = sent(ctx, "caption_field")
        dataset = ctx.dataset
        index, scope = _index_and_scope(ctx, field)
        found = samples_with_words(index, scope, words)
        selection = _grid_ids(scope, found.sample_ids)
        focus = set_panel_focus(
            dataset,
            words,
            caption_field=field,
            segments_field=segments_field_of(dataset, field),
            sample_ids=selection,
        )
        if scope.lasso is not None:
            # An open plot holds on to its lasso: without this the grid would go on showing it.
            ctx.ops.set_extended_selection(reset=True)
        ctx.ops.set_extended_selection(selection=selection, scope="global")
        _notify(ctx, focus.version)
        pairs, unread = None, 0
        if len(words) == 1:
            unread = count_unread(dataset, words[0], field, found.sample_ids)
            graph = index.part(scope.ids)
            if words[0] in graph.words:
                pairs = pairs_payload((), *pairs_of_word(graph, words[0]))
        return FocusPayload(
            words=words,
            samples=len(found.sample_ids),
            total=found.total,
            together=found.together,
            message=found.message + told_unread(unread),
            version=focus.version,
            pairs=pairs,
        )

    @event
    def unfocus(self, ctx: Any) -> dict[str, int]:
        """Give the grid back."""
        lasso = user_lasso(ctx.dataset, ctx.request_params)
        version = clear_panel_focus(ctx.dataset)
        # Just after a click the App may not have told of the panel's own selection yet.
        if lasso is None:
            ctx.ops.set_extended_selection(reset=True)
        _notify(ctx, version)
        return {"version": version}

    @event
    def drop_lasso(self, ctx: Any) -> dict[str, bool]:
        """Give the grid back that a lasso has narrowed."""
        forget_lasso(ctx.dataset)
        ctx.ops.set_extended_selection(reset=True)
        return {"ok": True}

    @event
    def paint(self, ctx: Any) -> PaintPayload:
        """Color the plot by the word in focus, or as before. Params: version, of the focus."""
        view = base_view(ctx.dataset, ctx.request_params)
        done = paint_focus(ctx.dataset, view, ctx.spaces, version=int(sent(ctx, "version")))
        return PaintPayload(recolor=list(done.recolor), message=done.message)

    @event
    def stop_word(self, ctx: Any) -> PaintPayload:
        """Make a word a stop word of the dataset. Params: word, caption_field."""
        return self._change_stop_words(ctx, partial(add_stop_words, words=[str(sent(ctx, "word"))]))

    @event
    def undo_stop_words(self, ctx: Any) -> PaintPayload:
        """Take the last change of the stop words back. Params: caption_field."""
        return self._change_stop_words(ctx, undo_stop_words)

    @event
    def similar(self, ctx: Any) -> SimilarPayload:
        """Similar words, as the captioner has them. Params: words, caption_field."""
        words = [str(one) for one in ctx.params.get("words") or ()]
        return similar_payload(
            similar_words(ctx.dataset, words, caption_field=sent(ctx, "caption_field"))
        )

    @event
    def comparison_fields(self, ctx: Any) -> ChoicesPayload:
        """What can be compared by. Params: caption_field."""
        return ChoicesPayload(fields=comparison_fields(ctx.dataset, sent(ctx, "caption_field")))

    @event
    def comparison_values(self, ctx: Any) -> ValuesPayload:
        """Values of a path. Params: path."""
        found = comparison_values(ctx.dataset, str(sent(ctx, "path")))
        return ValuesPayload(values=[one for one, _ in found], counts=[n for _, n in found])

    @event
    def compare(self, ctx: Any) -> ComparePayload:
        """Two collections. Params: path, a, b, caption_field."""
        index, scope = _index_and_scope(ctx, sent(ctx, "caption_field"))
        path = str(sent(ctx, "path"))
        a, b = Side(path, str(sent(ctx, "a"))), Side(path, str(sent(ctx, "b")))
        return compare_payload(compare_sides(ctx.dataset, index, a, b, within=scope.shown))

    @event
    def export(self, ctx: Any) -> FilePayload:
        """A file of the words that are shown. Params: kind, words, caption_field."""
        field = sent(ctx, "caption_field")
        index, scope = _index_and_scope(ctx, field)
        kind = sent(ctx, "kind")
        text = graph_text(index.part(scope.shown), kind, words=ctx.params.get("words"))
        ending, _, part = str(kind).partition("_")
        name = "-".join(one for one in (ctx.dataset.name, field, part or "graph") if one)
        return FilePayload(name=f"{name}.{ending}", mime=MIME[ending], text=text)

    @event
    def analyze(self, ctx: Any) -> dict[str, bool]:
        """Open the form of *Analyze captions*."""
        ctx.prompt("@capviz/capviz/analyze_captions")
        return {"ok": True}

    def _change_stop_words(
        self, ctx: Any, change: Callable[[fo.Dataset], StopWordsReport]
    ) -> PaintPayload:
        field = sent(ctx, "caption_field")
        dataset = ctx.dataset
        kept = panel_focus(dataset)
        report = change(dataset)
        focus = panel_focus(dataset)
        if kept is not None and (focus is None or focus.words != kept.words):
            _notify(ctx, clear_panel_focus(dataset))
            ctx.ops.set_extended_selection(reset=True)
            focus = None
        for notice in captions_notices(dataset, ctx.spaces, ctx.request_params):
            ctx.trigger("patch_panel_data", notice)
        color_by = COLOR_BY if focus is None else "attention"
        recolor = recolor_params(ctx.spaces, segments_field_of(dataset, field), color_by=color_by)
        return PaintPayload(recolor=list(recolor), message=report.summary())

    def _tell(self, ctx: Any) -> None:
        try:
            note_lasso(ctx.dataset, ctx.request_params)
            ctx.panel.set_data("scope", captions_key(ctx.dataset, ctx.request_params))
        except Exception:  # what a hook raises would replace the whole panel
            get_logger().exception("the word graph could not follow the view")


def _caption_fields(dataset: fo.Dataset) -> list[str]:
    """Fields with text: analysed ones first, `caption` before all; none that an analysis made."""
    analysed = set(list_runs(dataset))
    found = list(
        dict.fromkeys([*text_fields(dataset), *(o for o in analysed if is_there(dataset, o))])
    )
    return sorted(found, key=lambda one: (one != "caption", one not in analysed))


def _index_and_scope(ctx: Any, caption_field: str) -> tuple[CaptionIndex, PanelScope]:
    if not isinstance(caption_field, str) or not caption_field:
        raise InputError("The word graph needs a caption field; got none. Choose one above.")
    scope = panel_scope(
        ctx.dataset,
        ctx.request_params,
        segments_field=segments_field_of(ctx.dataset, caption_field),
    )
    return caption_indexes().get(ctx.dataset, caption_field), scope


def _live_focus(ctx: Any) -> list[str]:
    """The words in focus if the grid still shows them: after a reload it does not."""
    focus = panel_focus(ctx.dataset)
    if focus is None:
        return []
    selected = selected_samples(ctx.request_params)
    if selected is not None and is_own_selection(ctx.dataset, selected):
        return list(focus.words)
    return []


def _grid_ids(scope: PanelScope, sample_ids: tuple[str, ...]) -> list[str]:
    """What the grid is narrowed to: in a view of patches these are its items."""
    if not is_patches(scope.view):
        return list(sample_ids)
    kept = set(sample_ids)
    pairs = zip(*ungrouped(scope.view).values(["id", "sample_id"]), strict=True)
    return [patch for patch, sample in pairs if sample in kept]


def _notify(ctx: Any, version: int) -> None:
    for params in focus_notices(ctx.spaces, version):
        ctx.trigger("patch_panel_data", params)

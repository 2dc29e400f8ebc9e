"""*Stop words*: leave words out of graph, focus, gallery, exports and coverage; undo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.collection import dataset_of
from fiftyone_capviz.curation.dataset.progress import RunReport
from fiftyone_capviz.curation.dataset.stop_words import read_stop_words
from fiftyone_capviz.errors import InputError

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.streaming import Outcome

if TYPE_CHECKING:
    from fiftyone_capviz.curation.segments.stop_words import StopWordsReport

CHANGES = {"add": "Add", "remove": "Take off the list", "undo": "Undo the last change"}


class ChangeStopWords(CapvizOperator):
    """Changes the dataset's own stop words; coverage is derived anew from what is stored."""

    operator_name = "change_stop_words"
    title = "Stop words"
    icon = "block"
    summary = "Leave words out of graph, focus, gallery, exports and coverage, or undo that"
    risk = types.RiskLevel.LOW
    followed = False

    def add_fields(self, form: Form) -> None:
        kept = read_stop_words(form.ctx.dataset)
        form.notice("now", f"Stop words now: {', '.join(kept.words) or 'none of your own'}.")
        view = types.RadioGroup()
        for value, label in CHANGES.items():
            view.add_choice(value, label=label)
        form.inputs.enum("change", list(CHANGES), default="add", label="Change", view=view)
        change = form.ctx.params.get("change") or "add"
        if change == "undo":
            if not kept.history:
                form.refuse("problem", "No change of the stop words is left to undo.")
            return
        form.inputs.str(
            "words",
            label="Words",
            description="Separated by commas or spaces; no model runs",
            required=True,
        )

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        given = ctx.params.get("words") or ()
        words = given.replace(",", " ").split() if isinstance(given, str) else list(given)
        change = ctx.params.get("change") or "add"
        return partial(self.work, ctx.dataset, words, change=change)

    def work(
        self, collection: SampleCollection, words: Any = (), *, change: str = "add"
    ) -> StopWordsReport:
        """Change the stop words of a dataset: "add" or "remove" these words, or "undo"."""
        from fiftyone_capviz.curation.segments import stop_words

        dataset = dataset_of(collection)
        if change == "undo":
            return stop_words.undo_stop_words(dataset)
        if change == "remove":
            return stop_words.remove_stop_words(dataset, words)
        if change == "add":
            return stop_words.add_stop_words(dataset, words)
        raise InputError(f"A change is one of {', '.join(CHANGES)}; got {change!r}. Choose one.")

    def outcome(self, ctx: Any, report: StopWordsReport) -> Outcome:
        return Outcome(report.summary(), report.to_dict(), warn=bool(report.skipped))

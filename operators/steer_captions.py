"""*Steer captions*: new captions by another prompt or other weights, kept as candidates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.job import JobKeywords
from fiftyone_capviz.curation.dataset.progress import RunReport
from fiftyone_capviz.curation.steering.subjects import subject_preview
from fiftyone_capviz.errors import CapvizError
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.steering import (
    AUTO,
    DEFAULT_STEERING_METHOD,
    DEFAULT_STEERING_WEIGHT,
    STEERING_METHODS,
    Recipe,
)

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.requests import called_options, params_from, target_samples
from .frame.sections import caption_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fiftyone_capviz.curation.steering.reports import SteerReport


class SteerCaptions(CapvizOperator):
    """Writes candidates beside the captions; *Accept captions* makes them the captions."""

    operator_name = "steer_captions"
    title = "Steer captions"
    icon = "tune"
    summary = "Caption the images again with another prompt or with weights on some segments"

    def add_fields(self, form: Form) -> None:
        params = form.ctx.params
        caption_source(form)
        form.model("captioner", "Captioner")
        form.text(
            "prompt",
            "Prompt",
            description=(
                'for example "the man is wearing"; {subject} stands for the first noun of each '
                'image\'s own caption: "the {subject} is wearing"'
            ),
        )
        form.inputs.str(
            "word",
            label="Wanted word",
            description="Counted in the new captions; an automatic weight aims at it",
            view=types.LazyFieldView(),
        )
        form.inputs.str(
            "segment_label",
            label="Segments to weight",
            description="Label or top word of the segments that get the weight, such as uncovered",
            view=types.LazyFieldView(),
        )
        if params.get("segment_label"):
            if not form.switch("auto_weight", "Find the weight for the wanted word"):
                form.inputs.float(
                    "weight",
                    label="Weight",
                    description="1 changes nothing; the largest break captions",
                    default=DEFAULT_STEERING_WEIGHT,
                    min=0,
                    view=types.FieldView(),
                )
            form.choice("steering", "How", STEERING_METHODS, default=DEFAULT_STEERING_METHOD)
        if not form.sound:
            return
        try:
            recipe = recipe_from(params)
            view = target_samples(form.ctx)
            count = view.count()
            subjects = subject_preview(view, recipe.prompt, called_options(form.ctx))
        except CapvizError as error:
            form.refuse("problem", str(error))
            return
        form.notice("estimate", f"{count} images get a candidate; their captions stay until you "
                    "accept.")  # fmt: skip
        if subjects:
            form.notice("subjects", subjects)

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        recipe = recipe_from(ctx.params)
        return partial(self.work, target_samples(ctx), recipe, options=called_options(ctx))

    def work(
        self,
        collection: SampleCollection,
        recipe: Recipe,
        *,
        options: AnalysisOptions | None = None,
        delegate: bool = False,
        **job: Unpack[JobKeywords],
    ) -> SteerReport | Any:
        """Steer the captions of a dataset or view by a recipe.

        Args:
            collection: dataset or view.
            recipe: how to steer.
            options: models, fields and decoding; default those of the last analysis.
            delegate: schedule it instead of running it now.
            job: progress, stop, cache, as in `analyze`.
        """
        if delegate:
            return self.delegated(collection, params_of_recipe(recipe) | params_from(options))
        from fiftyone_capviz.curation.steering.many import steer_captions

        return steer_captions(collection, recipe, options, **job)


def recipe_from(params: Mapping[str, Any]) -> Recipe:
    """The recipe that a form or an SDK call asks for.

    Raises:
        InputError: it would change nothing, or its parts do not fit together.
    """
    chosen = bool(params.get("segment_label") or params.get("segment_ids"))
    weight: Any = AUTO if params.get("auto_weight") else params.get("weight")
    return Recipe(
        prompt=params.get("prompt") or None,
        word=params.get("word") or None,
        weight=DEFAULT_STEERING_WEIGHT if chosen and weight is None else weight,
        method=params.get("steering") or DEFAULT_STEERING_METHOD,
        segment_ids=tuple(params.get("segment_ids") or ()),
        segment_label=params.get("segment_label") or None,
    ).validated()


def params_of_recipe(recipe: Recipe) -> dict[str, Any]:
    """The operator parameters that stand for a recipe."""
    automatic = recipe.weight == AUTO
    return {
        "prompt": recipe.prompt,
        "word": recipe.word,
        "auto_weight": automatic,
        "weight": None if automatic else recipe.weight,
        "steering": recipe.method,
        "segment_ids": list(recipe.segment_ids),
        "segment_label": recipe.segment_label,
    }

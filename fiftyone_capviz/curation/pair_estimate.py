"""What explaining the pairs of a view would do, for forms: no model is loaded.

Settings are recognised by what the last run noted of the encoder, so that this is exact unless a
checkpoint was exchanged under the same name; then the run still refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fiftyone_capviz.curation.estimate import duration_text
from fiftyone_capviz.curation.images_of import image_samples
from fiftyone_capviz.curation.pair_fields import PairFields
from fiftyone_capviz.curation.pair_plan import PairPlan, plan_pairs, validated_existing
from fiftyone_capviz.curation.pair_runs import PairRun, expected_hash, pace_key, read_pair_run
from fiftyone_capviz.curation.pair_sample import required_fields
from fiftyone_capviz.curation.pair_settings import METHODS, PairSettings, require_signed


@dataclass(frozen=True)
class PairEstimate:
    """What a run would do, and roughly how long it would take.

    Attributes:
        to_do: pairs to explain.
        seconds: None if these settings have not run on this device yet.
        text: how much there is to do, for people.
        conflict: what other settings explained already, in plain sentences; empty if nothing.
    """

    to_do: int
    seconds: float | None
    text: str
    conflict: str


def estimate_pairs(
    collection: Any,
    settings: PairSettings,
    *,
    caption_field: str | None = None,
    caption_index: int | None = None,
    existing: str = "error",
) -> PairEstimate:
    """Look at what is stored, and at how long the last pairs took.

    Args:
        collection, settings, caption_field, caption_index, existing: as for `find_mismatches`.

    Raises:
        InputError: what the run would be refused for.
    """
    kept = validated_existing(existing)
    require_signed(settings)
    samples = image_samples(collection)
    chosen = required_fields(samples.dataset, caption_field, caption_index)
    names = PairFields(str(chosen.caption_field))
    last = read_pair_run(samples.dataset, names.caption)
    wanted = expected_hash(settings, last)
    plan = plan_pairs(
        samples.dataset,
        samples.ids,
        names,
        wanted,
        existing=kept,
        caption_index=chosen.caption_index,
    )
    pace = None if last is None else last.pace.get(pace_key(wanted, settings.device))
    seconds = None if pace is None else pace * len(plan.tasks)
    return PairEstimate(
        to_do=len(plan.tasks),
        seconds=seconds,
        text=" ".join([_work(plan), _duration(plan, seconds, settings, last)]).strip(),
        conflict=plan.conflict({} if last is None else last.descriptions),
    )


def _work(plan: PairPlan) -> str:
    text = f"{len(plan.tasks)} of {plan.samples} captions are explained"
    told = [
        f"{count} {what}"
        for count, what in (
            (len(plan.done), "are done already"),
            (plan.stale, "changed since they were"),
            (plan.captionless, "samples have no caption"),
        )
        if count
    ]
    return f"{text} ({', '.join(told)})." if told else f"{text}."


def _duration(
    plan: PairPlan, seconds: float | None, settings: PairSettings, last: PairRun | None
) -> str:
    if not plan.tasks:
        return ""
    if seconds is not None:
        return f"About {duration_text(seconds)}."
    text = "The duration shows once the encoder is loaded."
    if settings.method == "ilime":
        return f"{text} {METHODS['ilime']} takes a thousand passes of the model for each caption."
    inner = settings.layer is not None and (last is None or settings.layer < last.image_layers - 1)
    if inner:
        text += " Below the last layer a caption takes many passes of the model instead of one."
    return text

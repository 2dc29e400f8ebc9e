"""How long an evaluation will take, before it starts."""

from __future__ import annotations

from dataclasses import dataclass

from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_samples import plan_evaluation
from fiftyone_capviz.curation.evaluation_store import list_evaluations, load_evaluation

SIZES = {
    "discrimination": "swap_samples",
    "faithfulness": "faithfulness_samples",
    "steering": "steering_samples",
}


@dataclass(frozen=True)
class EvaluationEstimate:
    """What would be measured, and roughly how long it would take.

    Attributes:
        pairs: objects that a caption names.
        seconds: None where nothing was evaluated with these models on this device yet.
        text: for people.
    """

    images: int
    pairs: int
    seconds: float | None
    text: str


def estimate_evaluation(
    collection: SampleCollection, options: EvaluationOptions
) -> EvaluationEstimate:
    """Look at labels and captions, and at how long the last evaluation took per image.

    Raises:
        InputError: what the evaluation would be refused for.
    """
    plan = plan_evaluation(collection, options)
    counts = plan.counts
    work = _work(options, len(plan.samples), counts["captions_with_pair"])
    seconds = None
    for key in list_evaluations(plan.dataset):
        report = load_evaluation(plan.dataset, key)
        last = EvaluationOptions.from_dict(report.about["options"])
        if not _same_machinery(last, options):
            continue
        done = _work(last, report.counts["captions"], report.counts["captions_with_pair"])
        paces = {p: report.seconds[p] / done[p] for p in done if done[p] and p in report.seconds}
        if set(work) <= set(paces):
            seconds = report.seconds.get("models", 0.0) + sum(paces[p] * work[p] for p in work)
    several = options.all_captions or options.expressions
    total = f"{counts['captions']} texts" if several else f"{counts['images']} images"
    text = (
        f"{counts['pairs']} objects in {counts['captions_with_pair']} of {total} "
        f"are named; measuring {', '.join(work)} by {', '.join(options.sources)}"
    )
    text += f", about {seconds:.0f} s." if seconds is not None else "."
    return EvaluationEstimate(counts["images"], counts["pairs"], seconds, text)


def _work(options: EvaluationOptions, images: int, with_pair: int) -> dict[str, int]:
    """Part -> images that it looks at."""
    whole = images if "coverage" in options.measures else with_pair
    work = {"grounding": whole}
    for part, name in SIZES.items():
        if part in options.measures and getattr(options, name):
            work[part] = min(getattr(options, name), with_pair)
    return work


def _same_machinery(last: EvaluationOptions, options: EvaluationOptions) -> bool:
    names = ("captioner", "matcher", "encoder", "sources", "heads", "device", "dtype")
    return all(getattr(last, name) == getattr(options, name) for name in names)

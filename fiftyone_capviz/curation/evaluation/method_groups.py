"""The best of each source and method, cross-fitted, and the product's defaults, compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from bson import ObjectId

from fiftyone_capviz.curation.evaluation.grounding import GroundingRun
from fiftyone_capviz.curation.evaluation.report import Row
from fiftyone_capviz.curation.evaluation.sources import MapSource
from fiftyone_capviz.evaluation.cross_fitting import (
    FamilyChoice,
    choose_variants,
    cross_fit,
    first_half,
)
from fiftyone_capviz.evaluation.grounding import Grounding
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.evaluation.summaries import Variant, compare, summarize_grounding
from fiftyone_capviz.settings.evaluation import EvaluationOptions


def default_variants(sources: Sequence[MapSource]) -> list[Variant]:
    """What the product uses where nothing is chosen, of every source and method."""
    return [
        source.default(method)
        for source in sources
        for method in dict.fromkeys(variant.method for variant in source.variants)
    ]


def unsigned_methods(options: EvaluationOptions) -> tuple[str, ...]:
    """Methods whose maps are never negative: attention is not, nor are clamped gradients."""
    return ("cross_attention",) if options.clamp == "none" else ("cross_attention", "gradcam")


@dataclass(frozen=True)
class ChosenVariants:
    """For one sample, source and method -> the variant chosen on the other half of the images.

    Attributes:
        choices: one per source and method.
        samples: those of the first half.
    """

    choices: Sequence[FamilyChoice]
    samples: frozenset[ObjectId]

    def __call__(self, source: str, sample: ObjectId) -> Mapping[Variant, Variant]:
        in_first = sample in self.samples
        return {c.variant: c.on(in_first) for c in self.choices if c.variant.source == source}


@dataclass(frozen=True, eq=False)
class MethodGroups:
    """Every source and method by its best variant, chosen on the other half of the images.

    Attributes:
        choices: one per source and method.
        values: of them, "choices pairs".
        samples: those of the first half.
    """

    choices: list[FamilyChoice]
    values: Grounding
    samples: frozenset[ObjectId]

    @classmethod
    def of(
        cls, run: GroundingRun, values: Grounding, defaults: Collection[Variant], *, seed: int
    ) -> MethodGroups:
        """Choose and cross-fit.

        Args:
            run: with the variants and pairs.
            values: of all variants.
            defaults: win ties.
            seed: of the halves.
        """
        in_first = first_half([str(pair.sample.id) for pair in run.pairs], seed=seed)
        choices = choose_variants(run.variants, values.hit, in_first, defaults=defaults)
        fitted = cross_fit(choices, run.variants, values, in_first)
        samples = (p.sample.id for p, first in zip(run.pairs, in_first, strict=True) if first)
        return cls(choices, fitted, frozenset(samples))

    @property
    def variants(self) -> list[Variant]:
        """One per choice: source and method, no layer."""
        return [choice.variant for choice in self.choices]

    @property
    def chosen(self) -> ChosenVariants:
        """For every sample, what was chosen on the other half."""
        return ChosenVariants(self.choices, self.samples)

    def rows(
        self, labels: Sequence[str], intervals: GroupIntervals, *, unsigned: Collection[str]
    ) -> list[Row]:
        """Grounding rows; "chosen" holds the variants on the first half and on the second, of so
        many "candidates".
        """
        rows = summarize_grounding(self.variants, self.values, labels, intervals, unsigned=unsigned)
        return [
            row.to_dict()
            | {
                "chosen": [choice.first.name, choice.second.name],
                "candidates": choice.candidates,
            }
            for row, choice in zip(rows, self.choices, strict=True)
        ]


def comparison_rows(
    families: MethodGroups,
    run: GroundingRun,
    values: Grounding,
    intervals: GroupIntervals,
    *,
    defaults: Sequence[Variant],
    options: EvaluationOptions,
) -> list[Row]:
    """Variants against each other on the same objects.

    The second-order default against the cross-fitted best of each baseline of the dual encoder;
    the best of all sources and methods against every other, all cross-fitted; the first default
    against every other default.

    Args:
        families: cross-fitted.
        run: with the variants.
        values: of all variants.
        intervals: over the images.
        defaults: of every source and method.
        options: seed and number of resamples.
    """
    everything = [*run.variants, *families.variants]
    place = {variant: i for i, variant in enumerate(everything)}
    stacked = values.stacked(families.values)
    wanted = _wanted(families, stacked, place, defaults)
    return [
        compare(
            (one.name, other.name),
            stacked,
            (place[one], place[other]),
            intervals,
            comparisons=len(wanted),
            samples=options.bootstrap_samples,
            seed=options.seed,
        ).to_dict()
        for one, other in wanted
    ]


def _wanted(
    families: MethodGroups,
    values: Grounding,
    place: Mapping[Variant, int],
    defaults: Sequence[Variant],
) -> list[tuple[Variant, Variant]]:
    known = [v for v in families.variants if np.isfinite(values.hit[place[v]]).any()]
    wanted: list[tuple[Variant, Variant]] = []
    for own in (v for v in defaults if v.family == "dual second_order"):
        rivals = [v for v in known if v.source == "dual" and v.family != own.family]
        wanted += [(own, rival) for rival in rivals]
    if known:
        first = max(known, key=lambda v: float(np.nanmean(values.hit[place[v]])))
        wanted += [(first, other) for other in known if other != first]
    usable = [v for v in defaults if np.isfinite(values.hit[place[v]]).any()]
    wanted += [(usable[0], other) for other in usable[1:]]
    # A method with one layer is its own best: such a pair is compared once.
    made_of = {c.variant: (c.first, c.second) for c in families.choices}
    distinct = {
        (made_of.get(one, (one, one)), made_of.get(other, (other, other))): (one, other)
        for one, other in reversed(wanted)
    }
    return list(reversed(distinct.values()))

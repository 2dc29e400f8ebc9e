"""What an evaluation's report says, made from what it has measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fiftyone_capviz.curation.evaluation_grounding import GroundingRun
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_planted import planted_rows
from fiftyone_capviz.curation.evaluation_report import Row
from fiftyone_capviz.curation.evaluation_samples import EvaluationPlan
from fiftyone_capviz.curation.evaluation_sources import MapSource
from fiftyone_capviz.curation.runs import installed_versions
from fiftyone_capviz.evaluation.grounding import Grounding
from fiftyone_capviz.evaluation.statistics import Bootstrap
from fiftyone_capviz.evaluation.summaries import GroundingRow, Variant, compare


def about(
    options: EvaluationOptions, sources: Sequence[MapSource], *, shown: Variant, begun: str
) -> dict[str, Any]:
    """What was evaluated with what: enough to do it again."""
    return {
        "caption_field": options.caption_field,
        "regions_field": options.regions_field,
        "name": options.name,
        "options": options.to_dict(),
        "seed": options.seed,
        "revisions": {source.name: source.revision for source in sources},
        "versions": installed_versions(),
        "shown": shown.name,
        "defaults": [
            source.default(method).name
            for source in sources
            for method in dict.fromkeys(v.method for v in source.variants)
        ],
        "started": begun,
    }


def comparison_rows(
    best: Mapping[str, GroundingRow],
    values: Grounding,
    bootstrap: Bootstrap,
    *,
    variants: Sequence[Variant],
    options: EvaluationOptions,
) -> list[Row]:
    """Second-order against the best baseline, and the best of all against every other.

    Args:
        best: the best row of each family.
        values: of all variants.
        bootstrap: over the images.
        variants: in the order of the values.
        options: seed and number of resamples.
    """
    wanted: list[tuple[Variant, Variant]] = []
    second = best.get("dual second_order")
    baselines = [r for f, r in best.items() if f.startswith("dual ") and r is not second]
    if second is not None and baselines:
        rival = max(baselines, key=lambda row: row.pga.value)
        wanted.append((second.variant, rival.variant))
    first = max(best.values(), key=lambda row: row.pga.value, default=None)
    if first is not None:
        wanted += [(first.variant, row.variant) for row in best.values() if row is not first]
    place = {variant: i for i, variant in enumerate(variants)}
    return [
        compare(
            (one.name, other.name),
            values,
            (place[one], place[other]),
            bootstrap,
            samples=options.bootstrap_samples,
            seed=options.seed,
        ).to_dict()
        for one, other in dict.fromkeys(wanted)
    ]


def coverage_rows(run: GroundingRun) -> list[Row]:
    """How well "uncovered" finds the objects that no word names, by variant."""
    return [
        {
            "name": variant.name,
            "source": variant.source,
            "method": variant.method,
            "layer": variant.layer,
            "precision": _number(found.precision),
            "recall": _number(found.recall),
            "chance": _number(found.chance),
            "unnamed": found.true_positives + found.false_negatives,
            "uncovered": found.true_positives + found.false_positives,
        }
        for variant, found in run.coverage()
    ]


def association_rows(plan: EvaluationPlan, options: EvaluationOptions) -> list[Row]:
    """Ranks of the planted associations, where some are known."""
    if "coverage" not in options.measures or not (options.planted or options.apart):
        return []
    return planted_rows([sample.text for sample in plan.samples], options.planted, options.apart)


def pair_columns(
    run: GroundingRun, values: Grounding, best: Sequence[Variant], *, shown: Variant
) -> dict[str, Any]:
    """Energy and hit of every object, for the best variants and the one that is shown."""
    place = {variant: i for i, variant in enumerate(run.variants)}
    kept = [(one.name, place[one]) for one in dict.fromkeys([*best, shown])]
    return {
        "sample": [str(pair.sample.id) for pair in run.pairs],
        "label": [pair.label for pair in run.pairs],
        "word": [pair.word for pair in run.pairs],
        "energy": {name: _rounded(values.energy[i]) for name, i in kept},
        "hit": {name: _rounded(values.hit[i]) for name, i in kept},
    }


def completeness_row(errors: Sequence[float]) -> Row:
    """What is missing from the sum of the parts, over all captions."""
    if not errors:
        return {}
    return {
        "captions": len(errors),
        "median": float(np.median(errors)),
        "largest": float(np.max(errors)),
    }


def _rounded(values: Any) -> list[float | None]:
    return [None if np.isnan(v) else round(float(v), 4) for v in values]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

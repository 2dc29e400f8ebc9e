"""The rows of an evaluation's report, made from what it has measured.

Planted rows are pairs of words that are known to go together, or apart: those that a user gives,
or the scenes' own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import numpy as np

from fiftyone_capviz.curation.dataset.runs import installed_versions
from fiftyone_capviz.curation.evaluation.grounding import GroundingRun
from fiftyone_capviz.curation.evaluation.method_groups import MethodGroups, default_variants
from fiftyone_capviz.curation.evaluation.plan import EvaluationPlan
from fiftyone_capviz.curation.evaluation.report import CENTRE_RULE, Row
from fiftyone_capviz.curation.evaluation.sources import MapSource
from fiftyone_capviz.curation.inference.loaded_models import resolve_device, resolve_precision
from fiftyone_capviz.evaluation.grounding import Grounding
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.evaluation.truth import rank_planted
from fiftyone_capviz.graph.word_graph import build_graph
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from fiftyone_capviz.text.words import words_of_corpus

if TYPE_CHECKING:
    from fiftyone_capviz.models.interfaces import Captioner

LONGEST_VIEW = 100_000
"""Characters of a view that are kept: one that lists ids can be as long as the dataset."""


def about(
    options: EvaluationOptions,
    sources: Sequence[MapSource],
    plan: EvaluationPlan,
    *,
    captioner: Captioner | None,
    shown: Variant,
    begun: str,
) -> dict[str, Any]:
    """What was evaluated with what: enough to do it again.

    Args:
        options: as asked for.
        sources: the models that attribute.
        plan: texts and images.
        captioner: the one that is steered.
        shown: the variant in the fields.
        begun: when.
    """
    revisions = {source.name: source.revision for source in sources}
    if captioner is not None and "lm" not in revisions:
        revisions["captioner"] = captioner.revision
    device = resolve_device(options.model_options())
    return {
        "caption_field": options.caption_field,
        "regions_field": options.regions_field,
        "name": options.name,
        "options": options.to_dict(),
        "seed": options.seed,
        "samples": _fingerprint(plan),
        "view": plan.view if plan.view and len(plan.view) <= LONGEST_VIEW else None,
        "device": device,
        "precision": resolve_precision(options.model_options(), device),
        "revisions": revisions,
        "versions": installed_versions(),
        "shown": shown.name,
        "point_game": CENTRE_RULE,
        "defaults": [variant.name for variant in default_variants(sources)],
        "started": begun,
    }


def _fingerprint(plan: EvaluationPlan) -> dict[str, Any]:
    """How many images and texts were planned, and digests of which, in any order.

    "ids" is of the images' ids, "digest" of the ids, texts and labels of the texts.
    """
    lines = [f"{s.id}\t{s.text}\t{s.labels}" for s in plan.samples]
    return {
        "images": len(plan.ids),
        "ids": _digest(map(str, plan.ids)),
        "texts": len(lines),
        "digest": _digest(lines),
    }


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


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
    run: GroundingRun,
    values: Grounding,
    families: MethodGroups,
    *,
    kept: Sequence[Variant],
) -> dict[str, Any]:
    """Energy and hit of every object: of the cross-fitted best, and of single variants to keep."""
    place = {variant: i for i, variant in enumerate([*run.variants, *families.variants])}
    stacked = values.stacked(families.values)
    columns = [(one.name, place[one]) for one in dict.fromkeys([*families.variants, *kept])]
    return {
        "sample": [str(pair.sample.id) for pair in run.pairs],
        "label": [pair.label for pair in run.pairs],
        "word": [pair.word for pair in run.pairs],
        "text": [pair.sample.number for pair in run.pairs],
        "energy": {name: _rounded(stacked.energy[i]) for name, i in columns},
        "hit": {name: _rounded(stacked.hit[i]) for name, i in columns},
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


Pairs = Sequence[tuple[str, str]]


def planted_rows(texts: Iterable[str], together: Pairs, apart: Pairs) -> list[Row]:
    """Rank planted pairs among all pairs of words of the captions.

    Args:
        texts: captions.
        together: pairs that were planted to occur together.
        apart: pairs that were planted to avoid each other.
    """
    graph = build_graph([found.words for found in words_of_corpus(texts)])
    table = graph.associations()
    rows = []
    for pairs, kind in ((together, "together"), (apart, "apart")):
        for found in rank_planted(table, pairs, apart=kind == "apart"):
            rows.append(
                {
                    "words": list(found.words),
                    "kind": kind,
                    "rank": found.rank,
                    "pairs": found.pairs,
                    "log_odds": found.log_odds,
                }
            )
    return rows


def is_scenes(dataset: fo.Dataset) -> bool:
    """Whether a dataset was made of the bundled world's scenes: its folder says so."""
    path = dataset.first().filepath if len(dataset) else ""
    return bool(path) and (Path(path).parent.parent / "scenes.json").is_file()


def scenes_pairs() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Pairs of words that the bundled world's biases plant: together, and apart."""
    from fiftyone_capviz.scenes.tables import NEVER_TOGETHER, PLANTED_BIASES
    from fiftyone_capviz.scenes.wording import word_of_background

    strong, weak = 0.5, 0.05
    together, apart = [], list(NEVER_TOGETHER)
    for bias in PLANTED_BIASES:
        given = bias.given.removeprefix("held ")
        pair = (_word(given, word_of_background), _word(bias.then, word_of_background))
        if bias.share >= strong:
            together.append(pair)
        elif bias.share <= weak and pair not in apart:
            apart.append(pair)
    return together, apart


def _word(name: str, spoken: Any) -> str:
    from fiftyone_capviz.text.words import caption_words

    return caption_words(str(spoken(name))).words[0]

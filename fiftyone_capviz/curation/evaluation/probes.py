"""What costs many passes per image, on a part of the samples: faithfulness, swaps, steering.

Steering's targets are chosen because the plain caption omits them, so the rate of "plain" is 0 by
choice (above it only by a prompt).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from bson import ObjectId

from fiftyone_capviz.curation.evaluation.labelled import OpenedSample
from fiftyone_capviz.curation.evaluation.report import Row
from fiftyone_capviz.curation.evaluation.sources import MapSource
from fiftyone_capviz.evaluation.discrimination import SwappedCaption, swap_object
from fiftyone_capviz.evaluation.faithfulness import MEASURES, measure_faithfulness
from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.evaluation.statistics import NOTHING, GroupIntervals
from fiftyone_capviz.evaluation.steering_success import keeps_names, names_object, repeats_word
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.records import Caption, FloatArray
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from fiftyone_capviz.steering.weighting import coverage_of_segments
from fiftyone_capviz.text.words import caption_words

if TYPE_CHECKING:
    from fiftyone_capviz.models.interfaces import Captioner
    from fiftyone_capviz.records import Steering

RANDOM = "random"
"""The method of a map drawn by lot: what a measure gives without any knowledge."""

LIKELIHOODS = ("lm",)
"""Sources whose score is the likelihood of the text, which says nothing of a text in pieces."""

Chosen = Callable[[str, ObjectId], Mapping[Variant, Variant]]
"""Of a source and a sample: what is probed -> the variant that stands for it there."""


Areas = dict[Variant, dict[str, float]]
"""Of one image: variant -> measure -> area under its curve."""


class FaithfulnessRun:
    """Insertion and deletion, image by image."""

    def __init__(self, sources: Sequence[MapSource], chosen: Chosen, *, seed: int) -> None:
        self._sources, self._chosen, self._seed = sources, chosen, seed
        self._areas: dict[Variant, list[dict[str, float]]] = defaultdict(list)

    def measure(self, opened: OpenedSample, number: int) -> Areas:
        """Measure one image and its caption by what is chosen, and by chance.

        Args:
            opened: the image.
            number: of the sample, from which its draws come.
        """
        rng = np.random.default_rng([self._seed, 1, number])
        sample = opened.sample
        measured: dict[Variant, dict[str, float]] = {}
        for source in self._sources:
            (made,) = source.maps([opened.image], [sample.text], [sample.words])
            maps = {
                family: made.maps[source.variants.index(variant)]
                for family, variant in self._chosen(source.name, sample.id).items()
            }
            maps[Variant(source.name, RANDOM)] = rng.random(made.maps.shape[1:])
            for variant, each in maps.items():
                measured[variant] = measure_faithfulness(
                    opened.image,
                    sample.text,
                    words=sample.words,
                    maps=each.astype(np.float64),
                    transform=made.transform,
                    scorer=source.score,
                    text_side=source.name not in LIKELIHOODS,
                )
        return measured

    def take(self, measured: Areas) -> None:
        """Count what `measure` found."""
        for variant, areas in measured.items():
            self._areas[variant].append(areas)

    def rows(self) -> list[Row]:
        """A row per family, with intervals over images; nothing for the text side of "lm"."""
        names = {source.name: source.score_name for source in self._sources}
        rows = []
        for variant, areas in self._areas.items():
            intervals = GroupIntervals(np.arange(len(areas)))
            row: Row = {**about_variant(variant), "score": names[variant.source]}
            for measure in MEASURES:
                known = [each[measure] for each in areas if measure in each]
                row[measure] = (intervals.mean(known) if known else NOTHING).to_dict()
            rows.append(row)
        return rows


@dataclass(frozen=True)
class Swap:
    """One swapped word.

    Attributes:
        changes: source -> the change of its score and of each variant's attribution; None where
            there is nothing to compare.
        example: both texts.
    """

    changes: Mapping[str, tuple[float, dict[Variant, float]] | None]
    example: dict[str, str]


class SwapRun:
    """Hard negatives: one word of each caption swapped for an object that is not there."""

    def __init__(
        self,
        sources: Sequence[MapSource],
        chosen: Chosen,
        *,
        labels: Sequence[str],
        seed: int,
    ) -> None:
        self._sources, self._chosen, self._labels, self._seed = sources, chosen, labels, seed
        self._scores: dict[str, list[float]] = defaultdict(list)
        self._attributions: dict[Variant, list[float]] = defaultdict(list)
        self.examples: list[dict[str, str]] = []

    def measure(self, opened: OpenedSample, number: int) -> Swap | None:
        """Swap one named object's word, and measure what changes; None where none can be swapped.

        Args:
            opened: the image.
            number: of the sample, from which its draws come.
        """
        rng = np.random.default_rng([self._seed, 2, number])
        sample = opened.sample
        pairs = [(r, words) for r, words in sample.named.pairs if len(words) == 1]
        if not pairs:
            return None
        region, (word,) = pairs[int(rng.integers(len(pairs)))]
        swapped = swap_object(
            sample.text,
            sample.words,
            word,
            labels=self._labels,
            absent_from=sample.labels,
            rng=rng,
        )
        if swapped is None:
            return None
        changes = {
            source.name: self._measure(source, opened, region, word, swapped)
            for source in self._sources
        }
        return Swap(changes, {"true": sample.text, "false": swapped.text})

    def take(self, swap: Swap | None) -> None:
        """Count what `measure` found."""
        if swap is None:
            return
        for name, found in swap.changes.items():
            if found is not None:
                self._scores[name].append(found[0])
                for variant, change in found[1].items():
                    self._attributions[variant].append(change)
        if len(self.examples) < 5:
            self.examples.append(swap.example)

    def _measure(
        self,
        source: MapSource,
        opened: OpenedSample,
        region: int,
        word: int,
        swapped: SwappedCaption,
    ) -> tuple[float, dict[Variant, float]] | None:
        """What changes in the score and in each map; None where there is nothing to compare."""
        images, texts = [opened.image] * 2, [opened.sample.text, swapped.text]
        words = [opened.sample.words, caption_words(swapped.text)]
        true, false = source.maps(images, texts, words)
        places = [i for i, w in enumerate(words[1].words) if w in swapped.new.split()]
        # A word that the model never saw, or that is none, says nothing of the method.
        if not places or false.unread[places].any() or true.unread[word]:
            return None
        scores = source.score(images, texts)
        shares = GridRegions.of(opened.masks[[region]], true.transform).shares[0]
        changes = {}
        for family, variant in self._chosen(source.name, opened.sample.id).items():
            row = source.variants.index(variant)
            before = float((true.maps[row, word] * shares).sum())
            after = float((false.maps[row, places].sum(axis=0) * shares).sum())
            changes[family] = after - before
        return float(scores[1] - scores[0]), changes

    def rows(self) -> list[Row]:
        """A row per family: shares of swaps with a lower score and a lower attribution."""
        rows = []
        for variant, changes in self._attributions.items():
            intervals = GroupIntervals(np.arange(len(changes)))
            scores = np.array(self._scores[variant.source])
            change = np.array(changes)
            rows.append(
                {
                    **about_variant(variant),
                    "score_lower": intervals.share(scores < 0).to_dict(),
                    "score_change": intervals.mean(scores).to_dict(),
                    "attribution_lower": intervals.share(change < 0).to_dict(),
                    "attribution_change": intervals.mean(change).to_dict(),
                }
            )
        return rows


def about_variant(variant: Variant) -> dict[str, Any]:
    """What a row says of its variant."""
    return {
        "source": variant.source,
        "method": variant.method,
        "layer": variant.layer,
        "head": variant.head,
        "name": variant.name,
    }


PLAIN = "plain"


@dataclass(frozen=True)
class Attempts:
    """One image's captions by all settings, in their order.

    Attributes:
        sample: its id.
        named: whether each names the object.
        accepted: whether each is about as good as the plain one.
    """

    sample: str
    named: Sequence[bool]
    accepted: Sequence[bool]


class SteeringRun:
    """One caption per setting of each image's largest object that the plain caption leaves out."""

    def __init__(
        self,
        captioner: Captioner,
        options: EvaluationOptions,
        vocabulary: Vocabulary,
        *,
        matcher: MapSource | None,
    ) -> None:
        """Make one.

        Args:
            captioner: that is steered.
            options: methods, weights and prompt.
            vocabulary: the names of all labels.
            matcher: judges captions beside their likelihood; None where ITM is not measured.
        """
        self._captioner, self._options, self._vocabulary = captioner, options, vocabulary
        self._matcher = matcher
        self._settings: list[tuple[str, float]] = [(PLAIN, 1.0)]
        self._settings += [
            (m, float(w)) for m in options.steering_methods for w in options.steering_weights
        ]
        self._named: dict[tuple[str, float], list[bool]] = {one: [] for one in self._settings}
        self._accepted: dict[tuple[str, float], list[bool]] = {one: [] for one in self._settings}
        self._samples: list[str] = []
        self.images = 0

    def measure(self, opened: OpenedSample) -> Attempts | None:
        """Caption one image by every setting; None where the plain caption leaves nothing out."""
        from fiftyone_capviz.steering.recaption import caption_images

        captioner, options = self._captioner, self._options
        plain = caption_images(captioner, [opened.image])[0].text
        target = self._target(opened, plain)
        if target is None:
            return None
        label, coverage = target
        captions = caption_images(
            captioner,
            [opened.image] * len(self._settings),
            prompt=options.steering_prompt,
            steering=[self._steering(coverage, *setting) for setting in self._settings],
        )
        accepted = self._acceptable(opened, captions)
        named = [
            names_object(caption.text, label, self._vocabulary, prompt=caption.prompt)
            for caption in captions
        ]
        return Attempts(str(opened.sample.id), named, accepted)

    def take(self, attempts: Attempts | None) -> None:
        """Count what `measure` found."""
        self.images += 1
        if attempts is None:
            return
        self._samples.append(attempts.sample)
        rows = zip(self._settings, attempts.named, attempts.accepted, strict=True)
        for setting, named, fine in rows:
            self._named[setting].append(named)
            self._accepted[setting].append(named and fine)

    def _acceptable(self, opened: OpenedSample, captions: Sequence[Caption]) -> list[bool]:
        """Whether captions are about as good as the first one, which is not steered."""
        from fiftyone_capviz.steering.recaption import holds_up

        texts, plain = [caption.text for caption in captions], captions[0]
        matches: list[float | None] = [None] * len(texts)
        if self._matcher is not None:
            matches = [float(m) for m in self._matcher.score([opened.image] * len(texts), texts)]
        labels = opened.sample.labels
        return [
            not repeats_word(caption.text)
            and holds_up(caption, plain, match=match, plain_match=matches[0])
            and (match is not None
                 or keeps_names(caption.text, plain.text, labels, self._vocabulary))
            for caption, match in zip(captions, matches, strict=True)
        ]  # fmt: skip

    def _target(self, opened: OpenedSample, plain: str) -> tuple[str, FloatArray] | None:
        transform = self._captioner.transform(*opened.image.size)
        regions = GridRegions.of(opened.masks, transform)
        unnamed = [
            i
            for i, label in enumerate(opened.sample.labels)
            if regions.counted[i] and not names_object(plain, label, self._vocabulary)
        ]
        if not unnamed:
            return None
        chosen = max(unnamed, key=lambda i: regions.areas[i])
        return opened.sample.labels[chosen], coverage_of_segments(regions.weights[chosen])

    def _steering(self, coverage: FloatArray, method: str, weight: float) -> Steering | None:
        from fiftyone_capviz.steering.recaption import steer_patches

        if method == PLAIN:
            return None
        return steer_patches(coverage, weight, method=method)  # type: ignore[arg-type]

    def rows(self) -> list[Row]:
        """A row per setting; none where every object was named from the start.

        "rate": captions that name the object, beside what their prompt says; "overall": the same of
        all images asked, also those whose plain caption leaves nothing out; "acceptable": those
        that also repeat no word and hold up by match and likelihood, or, without a matcher
        ("judge"), by likelihood and
        with every name that the plain caption has.
        """
        intervals = GroupIntervals(self._samples)
        rest = [False] * (self.images - len(self._samples))
        of_all = GroupIntervals(np.arange(self.images))
        judge = "likelihood, names kept" if self._matcher is None else "match, likelihood"
        return [
            {
                "method": method,
                "weight": weight,
                "prompt": self._options.steering_prompt,
                "rate": intervals.share(self._named[method, weight]).to_dict(),
                "overall": of_all.share([*self._named[method, weight], *rest]).to_dict(),
                "acceptable": intervals.share(self._accepted[method, weight]).to_dict(),
                "judge": judge,
            }
            for method, weight in (self._settings if self._samples else ())
        ]

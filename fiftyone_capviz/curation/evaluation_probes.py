"""What costs many passes per image, on a part of the samples: faithfulness and hard negatives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fiftyone_capviz.curation.evaluation_report import Row
from fiftyone_capviz.curation.evaluation_samples import OpenedSample
from fiftyone_capviz.curation.evaluation_sources import MapSource
from fiftyone_capviz.evaluation.discrimination import SwappedCaption, swap_object
from fiftyone_capviz.evaluation.faithfulness import MEASURES, measure_faithfulness
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.evaluation.statistics import Bootstrap
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.words import caption_words

RANDOM = "random"
"""The method of a map drawn by lot: what a measure gives without any knowledge."""

Chosen = Mapping[str, Sequence[Variant]]
"""Source -> the variants that are probed."""


class FaithfulnessRun:
    """Insertion and deletion, image by image."""

    def __init__(self, sources: Sequence[MapSource], chosen: Chosen, *, seed: int) -> None:
        self._sources, self._chosen = sources, chosen
        self._rng = np.random.default_rng([seed, 1])
        self._areas: dict[Variant, list[dict[str, float]]] = defaultdict(list)

    def add(self, opened: OpenedSample) -> None:
        """Measure one image and its caption by every chosen variant and by chance."""
        sample = opened.sample
        for source in self._sources:
            (made,) = source.maps([opened.image], [sample.text], [sample.words])
            maps = {
                v: made.maps[source.variants.index(v)] for v in self._chosen.get(source.name, ())
            }
            maps[Variant(source.name, RANDOM)] = self._rng.random(made.maps.shape[1:])
            for variant, each in maps.items():
                areas = measure_faithfulness(
                    opened.image,
                    sample.text,
                    words=sample.words,
                    maps=each.astype(np.float64),
                    transform=made.transform,
                    scorer=source.score,
                )
                self._areas[variant].append(areas)

    def rows(self, *, samples: int, seed: int) -> list[Row]:
        """A row per variant, with intervals over images."""
        names = {source.name: source.score_name for source in self._sources}
        rows = []
        for variant, areas in self._areas.items():
            bootstrap = Bootstrap(np.arange(len(areas)), samples=samples, seed=seed)
            row: Row = {**_about(variant), "score": names[variant.source]}
            for measure in MEASURES:
                row[measure] = bootstrap.mean([each[measure] for each in areas]).to_dict()
            rows.append(row)
        return rows


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
        self._sources, self._chosen, self._labels = sources, chosen, labels
        self._rng = np.random.default_rng([seed, 2])
        self._scores: dict[str, list[float]] = defaultdict(list)
        self._attributions: dict[Variant, list[float]] = defaultdict(list)
        self.examples: list[dict[str, str]] = []

    def add(self, opened: OpenedSample) -> None:
        """Swap one named object's word, and measure what changes."""
        sample = opened.sample
        pairs = [(r, words) for r, words in sample.named.pairs if len(words) == 1]
        if not pairs:
            return
        region, (word,) = pairs[int(self._rng.integers(len(pairs)))]
        swapped = swap_object(
            sample.text,
            sample.words,
            word,
            labels=self._labels,
            absent_from=sample.labels,
            rng=self._rng,
        )
        if swapped is None:
            return
        if len(self.examples) < 5:
            self.examples.append({"true": sample.text, "false": swapped.text})
        for source in self._sources:
            self._measure(source, opened, region, word, swapped)

    def _measure(
        self,
        source: MapSource,
        opened: OpenedSample,
        region: int,
        word: int,
        swapped: SwappedCaption,
    ) -> None:
        images, texts = [opened.image] * 2, [opened.sample.text, swapped.text]
        words = [opened.sample.words, caption_words(swapped.text)]
        true, false = source.maps(images, texts, words)
        scores = source.score(images, texts)
        self._scores[source.name].append(float(scores[1] - scores[0]))
        shares = GridRegions.of(opened.masks[[region]], true.transform).shares[0]
        places = [i for i, w in enumerate(words[1].words) if w in swapped.new.split()]
        for variant in self._chosen.get(source.name, ()):
            row = source.variants.index(variant)
            before = float((true.maps[row, word] * shares).sum())
            after = float((false.maps[row, places].sum(axis=0) * shares).sum())
            self._attributions[variant].append(after - before)

    def rows(self, *, samples: int, seed: int) -> list[Row]:
        """A row per variant: shares of swaps with a lower score and a lower attribution."""
        rows = []
        for variant, changes in self._attributions.items():
            bootstrap = Bootstrap(np.arange(len(changes)), samples=samples, seed=seed)
            scores = np.array(self._scores[variant.source])
            change = np.array(changes)
            rows.append(
                {
                    **_about(variant),
                    "score_lower": bootstrap.mean(scores < 0).to_dict(),
                    "score_change": bootstrap.mean(scores).to_dict(),
                    "attribution_lower": bootstrap.mean(change < 0).to_dict(),
                    "attribution_change": bootstrap.mean(change).to_dict(),
                }
            )
        return rows


def _about(variant: Variant) -> dict[str, Any]:
    return {
        "source": variant.source,
        "method": variant.method,
        "layer": variant.layer,
        "head": variant.head,
        "name": variant.name,
    }

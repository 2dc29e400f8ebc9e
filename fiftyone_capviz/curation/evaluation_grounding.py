"""Grounding of every variant over all samples of an evaluation, in batches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_samples import LabelledSample, OpenedSample
from fiftyone_capviz.curation.evaluation_sources import CaptionVariants, MapSource
from fiftyone_capviz.evaluation.failures import (
    FAILED_ENERGY,
    GROUPS,
    ObjectShape,
    failure_groups,
    unusual_shapes,
)
from fiftyone_capviz.evaluation.grounding import Grounding, ground
from fiftyone_capviz.evaluation.matching import label_words
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.evaluation.truth import Detection, uncovered_regions
from fiftyone_capviz.records import FloatArray


@dataclass
class EvaluatedPair:
    """An object and its word.

    Attributes:
        image: number of the sample among those that were evaluated.
        region, words: as in `NamedRegions.pairs`.
        groups: suggested failure groups by the shown variant.
    """

    sample: LabelledSample
    image: int
    region: int
    words: tuple[int, ...]
    shape: ObjectShape
    groups: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The object's label, normalised."""
        return " ".join(label_words(self.sample.labels[self.region]))

    @property
    def word(self) -> str:
        """What the caption calls it."""
        return " ".join(self.sample.words.words[i] for i in self.words)


class GroundingRun:
    """Collects, batch by batch.

    Attributes:
        variants: of all sources, in their order.
        pairs: in the order of the columns of `grounding`.
        images: samples evaluated so far.
        counts: "<source>_pairs": pairs that count on a source's grid.
        errors: relative completeness errors of second-order attributions.
    """

    def __init__(
        self, sources: Sequence[MapSource], shown: Variant, options: EvaluationOptions
    ) -> None:
        self._sources, self._shown = sources, shown
        self._coverage = "coverage" in options.measures
        self.variants = [variant for source in sources for variant in source.variants]
        self.pairs: list[EvaluatedPair] = []
        self.images = 0
        self.counts: Counter[str] = Counter()
        self.errors: list[float] = []
        self._parts: list[Grounding] = []
        self._uncovered: dict[int, list[FloatArray]] = defaultdict(list)
        self._unnamed: list[FloatArray] = []

    def add(self, batch: Sequence[OpenedSample]) -> None:
        """Attribute the captions of a batch by every variant, and compare with the regions."""
        images = [opened.image for opened in batch]
        texts = [opened.sample.text for opened in batch]
        words = [opened.sample.words for opened in batch]
        made = [source.maps(images, texts, words) for source in self._sources]
        for i, opened in enumerate(batch):
            self._add_image(opened, [each[i] for each in made])
        self.errors += [v.error for each in made for v in each if np.isfinite(v.error)]

    def _add_image(self, opened: OpenedSample, found: Sequence[CaptionVariants]) -> None:
        sample = opened.sample
        pairs = sample.named.pairs
        on_grids = [GridRegions.of(opened.masks, each.transform) for each in found]
        if self._coverage:
            self._add_coverage(sample, found, on_grids)
        if pairs:
            others = [_others(sample, region) for region, _ in pairs]
            parts = []
            for source, each, regions in zip(self._sources, found, on_grids, strict=True):
                part = ground(each.maps, pairs, regions, others=others)
                small = ~regions.large[[region for region, _ in pairs]]
                self.counts[f"{source.name}_pairs"] += int((~small).sum())
                parts.append(_without(part, small))
            self._parts.append(_stacked(parts))
            self._add_pairs(opened, found, on_grids)
        self.images += 1

    def _add_pairs(
        self,
        opened: OpenedSample,
        found: Sequence[CaptionVariants],
        on_grids: Sequence[GridRegions],
    ) -> None:
        sample = opened.sample
        place = [source.name for source in self._sources].index(self._shown.source)
        row = self._sources[place].variants.index(self._shown)
        shares, maps = on_grids[place].shares, found[place].maps[row]
        large = on_grids[place].large
        for region, words in sample.named.pairs:
            shape = _shape(opened, region)
            pair = EvaluatedPair(sample, self.images, region, words, shape)
            if large[region]:
                same = tuple(
                    i for i in range(len(sample.labels)) if i not in _others(sample, region)
                )
                pair.groups = failure_groups(
                    maps[list(words)].sum(axis=0),
                    shares,
                    region,
                    covered=shape.covered,
                    unusual=False,
                    same_label=same,
                )
            self.pairs.append(pair)

    def _add_coverage(
        self,
        sample: LabelledSample,
        found: Sequence[CaptionVariants],
        on_grids: Sequence[GridRegions],
    ) -> None:
        self._unnamed.append(np.array([not words for words in sample.named.words]))
        start = 0
        for source, each, regions in zip(self._sources, found, on_grids, strict=True):
            whole = [i for i, variant in enumerate(source.variants) if variant.head is None]
            uncovered = uncovered_regions(each.maps[whole], regions)
            for i, row in zip(whole, uncovered, strict=True):
                self._uncovered[start + i].append(row)
            start += len(source.variants)

    def grounding(self) -> Grounding:
        """All pairs; nan where an object is too small on a source's grid."""
        return Grounding.joined(self._parts)

    def coverage(self) -> list[tuple[Variant, Detection]]:
        """How well "uncovered" finds what no word names, by variants that are means of heads."""
        if not self._unnamed:
            return []
        unnamed = np.concatenate(self._unnamed).astype(bool)
        return [
            (self.variants[i], Detection.of(np.concatenate(rows), unnamed))
            for i, rows in self._uncovered.items()
        ]

    def shown_energy(self, grounding: Grounding) -> FloatArray:
        """Energies of the pairs by the variant of the fields; nan where a pair does not count."""
        energy: FloatArray = grounding.energy[self.variants.index(self._shown)]
        return energy

    def shown_hits(self, grounding: Grounding) -> FloatArray:
        """The same of the point game's hits."""
        hits: FloatArray = grounding.hit[self.variants.index(self._shown)]
        return hits

    def finish_groups(self, grounding: Grounding) -> dict[str, int]:
        """Add what only the whole dataset shows, and count the groups."""
        energy = self.shown_energy(grounding)
        shapes = [pair.shape for pair in self.pairs]
        rare = unusual_shapes([pair.label for pair in self.pairs], shapes)
        for pair, value, unusual in zip(self.pairs, energy, rare, strict=True):
            if value < FAILED_ENERGY and unusual:
                pair.groups.append("unusual")
        counts = Counter(group for pair in self.pairs for group in pair.groups)
        failed = int((energy < FAILED_ENERGY).sum())
        known = {group: counts[group] for group in GROUPS}
        other = sum(
            1 for pair, e in zip(self.pairs, energy, strict=True)
            if e < FAILED_ENERGY and not pair.groups
        )  # fmt: skip
        return {"failed": failed, **known, "none_of_these": other}


def _others(sample: LabelledSample, region: int) -> list[int]:
    """Regions of the image that the words of this one do not name."""
    words = set(sample.named.words[region])
    key = label_words(sample.labels[region])
    return [
        i
        for i, (label, named) in enumerate(zip(sample.labels, sample.named.words, strict=True))
        if i != region and label_words(label) != key and not words & set(named)
    ]


def _shape(opened: OpenedSample, region: int) -> ObjectShape:
    mask = opened.masks[region]
    _, _, width, height = opened.boxes[region]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    covered = 0.0
    if len(rows) and len(opened.masks) > 1:
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        rest = np.delete(opened.masks, region, axis=0).any(axis=0)
        covered = float((rest & ~mask)[box].mean())
    aspect = width * opened.image.width / (height * opened.image.height) if height > 0 else 1.0
    if opened.flagged[region]:
        covered = 1.0
    return ObjectShape(float(mask.mean()), float(aspect), covered)


def _without(part: Grounding, left_out: np.ndarray) -> Grounding:
    names = ("hit", "energy", "ranked", "own", "cross_negative", "cross_count")
    return Grounding(*(np.where(left_out, np.nan, getattr(part, name)) for name in names))


def _stacked(parts: Sequence[Grounding]) -> Grounding:
    names = ("hit", "energy", "ranked", "own", "cross_negative", "cross_count")
    return Grounding(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))

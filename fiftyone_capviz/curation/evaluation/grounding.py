"""Grounding of every variant over all samples of an evaluation, in batches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fiftyone_capviz.curation.evaluation.labelled import LabelledSample, OpenedSample
from fiftyone_capviz.curation.evaluation.sources import CaptionVariants, MapSource
from fiftyone_capviz.evaluation.chance import REFERENCES, ground_references
from fiftyone_capviz.evaluation.failures import (
    FAILED_ENERGY,
    FEWEST,
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
from fiftyone_capviz.records import BoolArray, FloatArray
from fiftyone_capviz.settings.evaluation import EvaluationOptions


@dataclass
class EvaluatedPair:
    """An object and its word.

    Attributes:
        region, words: as in `NamedRegions.pairs`.
        groups: suggested failure groups by the shown variant.
    """

    sample: LabelledSample
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
        counts: "<source>_pairs": pairs that count on a source's grid; "<source>_unread": pairs
            whose words lie beyond its token limit, and do not count.
        errors: relative completeness errors of second-order attributions.
    """

    def __init__(
        self, sources: Sequence[MapSource], shown: Variant, options: EvaluationOptions
    ) -> None:
        self._sources, self._shown, self._options = sources, shown, options
        self._coverage = "coverage" in options.measures
        self.variants = [variant for source in sources for variant in source.variants]
        self.pairs: list[EvaluatedPair] = []
        self._ranked = options.expressions is not None
        self.counts: Counter[str] = Counter()
        self.errors: list[float] = []
        self._parts: list[Grounding] = []
        self._references: list[Grounding] = []
        self._uncovered: dict[int, list[tuple[BoolArray, BoolArray]]] = defaultdict(list)

    def add(self, batch: Sequence[OpenedSample]) -> None:
        """Attribute the captions of a batch by every variant, and compare with the regions.

        Where that raises, nothing of the batch is counted.
        """
        part = GroundingRun(self._sources, self._shown, self._options)
        part._measure(batch)
        self.pairs += part.pairs
        self.counts.update(part.counts)
        self.errors += part.errors
        self._parts += part._parts
        self._references += part._references
        for i, rows in part._uncovered.items():
            self._uncovered[i] += rows

    def _measure(self, batch: Sequence[OpenedSample]) -> None:
        images = [opened.image for opened in batch]
        texts = [opened.sample.text for opened in batch]
        words = [opened.sample.words for opened in batch]
        made = [source.maps(images, texts, words) for source in self._sources]
        for i, opened in enumerate(batch):
            found = [each[i] for each in made]
            grids = [GridRegions.of(opened.masks, each.transform) for each in found]
            self._add_image(opened, found, grids)
        self.errors += [v.error for each in made for v in each if np.isfinite(v.error)]

    def _add_image(
        self,
        opened: OpenedSample,
        found: Sequence[CaptionVariants],
        on_grids: Sequence[GridRegions],
    ) -> None:
        sample = opened.sample
        pairs = sample.named.pairs
        if self._coverage:
            self._add_coverage(sample, found, on_grids)
        if pairs:
            others = [sample.named.others(region) for region, _ in pairs]
            parts, references = [], []
            index = [region for region, _ in pairs]
            for source, each, regions in zip(self._sources, found, on_grids, strict=True):
                part = ground(each.maps, pairs, regions, others=others)
                small = ~regions.large[index]
                cut = np.array([each.unread[list(words)].any() for _, words in pairs])
                self.counts[f"{source.name}_pairs"] += int((~small & ~cut).sum())
                self.counts[f"{source.name}_unread"] += int(cut.sum())
                part = _without(part, small, ranked=self._ranked)
                parts.append(_without(part, cut, ranked=False))
                chance = ground_references(index, regions, each.transform)
                chance = _without(chance, small, ranked=self._ranked)
                references.append(_without(chance, cut, ranked=False))
            self._parts.append(_stacked(parts))
            self._references.append(_stacked(references))
            self._add_pairs(opened, found, on_grids)

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
            pair = EvaluatedPair(sample, region, words, shape)
            if large[region] and not found[place].unread[list(words)].any():
                others = sample.named.others(region)
                same = tuple(i for i in range(len(sample.labels)) if i not in others)
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
        unnamed = np.array([not words for words in sample.named.words])
        start = 0
        for source, each, regions in zip(self._sources, found, on_grids, strict=True):
            whole = [i for i, variant in enumerate(source.variants) if variant.head is None]
            uncovered = uncovered_regions(each.maps[whole], regions)
            # What words beyond the token limit name is neither found nor overlooked.
            read = np.array([not each.unread[list(words)].any() for words in sample.named.words])
            for i, row in zip(whole, uncovered, strict=True):
                self._uncovered[start + i].append((row[read], unnamed[read]))
            start += len(source.variants)

    def grounding(self) -> Grounding:
        """All pairs; nan where an object is too small on a source's grid."""
        return Grounding.joined(self._parts)

    def references(self) -> tuple[list[Variant], Grounding]:
        """What no knowledge reaches on each grid; sources with the same grid share the rows."""
        found = Grounding.joined(self._references)
        grids: dict[bytes, list[int]] = {}
        for i in range(len(self._sources)):
            rows = slice(i * len(REFERENCES), (i + 1) * len(REFERENCES))
            grids.setdefault(found.energy[rows].tobytes(), []).append(i)
        variants, kept = [], []
        for owners in grids.values():
            names = ", ".join(self._sources[i].name for i in owners)
            variants += [Variant(names, reference) for reference in REFERENCES]
            kept += [owners[0] * len(REFERENCES) + k for k in range(len(REFERENCES))]
        taken = np.repeat(np.array(kept, dtype=int)[:, None], len(self.pairs), axis=1)
        return variants, found.taken(taken)

    def coverage(self) -> list[tuple[Variant, Detection]]:
        """How well "uncovered" finds what no word names, by variants that are means of heads."""
        return [
            (self.variants[i], Detection.of(*map(np.concatenate, zip(*rows, strict=True))))
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
        """Add what only the whole dataset shows, and count the groups that can be told."""
        energy = self.shown_energy(grounding)
        shapes = [pair.shape for pair in self.pairs]
        rare = unusual_shapes([pair.label for pair in self.pairs], shapes)
        for pair, value, unusual in zip(self.pairs, energy, rare, strict=True):
            if value < FAILED_ENERGY and unusual:
                pair.groups.append("unusual")
        counts = Counter(group for pair in self.pairs for group in pair.groups)
        failed = int((energy < FAILED_ENERGY).sum())
        known = {group: counts[group] for group in self._told_groups()}
        other = sum(
            1 for pair, e in zip(self.pairs, energy, strict=True)
            if e < FAILED_ENERGY and not pair.groups
        )  # fmt: skip
        return {"failed": failed, **known, "none_of_these": other}

    def _told_groups(self) -> list[str]:
        """Groups that these labels allow to tell; that no object is in another means nothing."""
        labels = Counter(pair.label for pair in self.pairs)
        several = any(len(pair.sample.labels) > 1 for pair in self.pairs)
        flagged = any(pair.shape.covered for pair in self.pairs)
        allowed = {
            "occluded": several or flagged,
            "misidentified": several,
            "unusual": max(labels.values(), default=0) >= FEWEST,
        }
        return [group for group in GROUPS if allowed.get(group, True)]


def _shape(opened: OpenedSample, region: int) -> ObjectShape:
    mask = opened.masks[region]
    _, _, width, height = opened.boxes[region]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    covered = 0.0
    if len(rows) and len(opened.masks) > 1:
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        # A region that is labelled twice is one region, and does not hide itself.
        rest = opened.masks[(opened.masks != mask).any(axis=(1, 2))].any(axis=0)
        # Where the mask fills its box there is but a box: what lies over it may hide it.
        hidden = np.asarray(rest if mask[box].all() else rest & ~mask)
        covered = float(hidden[box].mean())
    aspect = width * opened.image.width / (height * opened.image.height) if height > 0 else 1.0
    if opened.flagged[region]:
        covered = 1.0
    return ObjectShape(float(mask.mean()), float(aspect), covered)


def _without(part: Grounding, left_out: np.ndarray, *, ranked: bool) -> Grounding:
    """Without the pairs that are too small to point at; they may still be ranked."""
    names = ("hit", "energy", "ranked", "own", "cross_negative", "cross_count")
    values = {name: getattr(part, name) for name in names}
    kept = ("ranked",) if ranked else ()
    return Grounding(
        **{n: v if n in kept else np.where(left_out, np.nan, v) for n, v in values.items()}
    )


def _stacked(parts: Sequence[Grounding]) -> Grounding:
    names = ("hit", "energy", "ranked", "own", "cross_negative", "cross_count")
    return Grounding(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))

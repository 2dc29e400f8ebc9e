"""Grounding of every variant over all samples of an evaluation, in batches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from fiftyone_capviz.curation.evaluation.labelled import LabelledText, OpenedSample
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

    sample: LabelledText
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


@dataclass
class GroundingPart:
    """What some samples have shown; parts add up.

    Attributes:
        pairs: in the order of the columns of `groundings`.
        counts: "<source>_pairs": pairs that count on a source's grid. Of those that do not:
            "<source>_small": not larger than a patch; "<source>_centreless": larger, but owning no
            patch's centre; "<source>_unread": whose words lie beyond its token limit.
        errors: relative completeness errors of second-order attributions.
        groundings, references: of each image, by all variants, and by no knowledge.
        uncovered: place of a variant -> per image, which regions it leaves uncovered, and which no
            word names.
    """

    pairs: list[EvaluatedPair] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[float] = field(default_factory=list)
    groundings: list[Grounding] = field(default_factory=list)
    references: list[Grounding] = field(default_factory=list)
    uncovered: dict[int, list[tuple[BoolArray, BoolArray]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def take(self, part: GroundingPart) -> None:
        """Add another part to this one."""
        self.pairs += part.pairs
        self.counts.update(part.counts)
        self.errors += part.errors
        self.groundings += part.groundings
        self.references += part.references
        for i, rows in part.uncovered.items():
            self.uncovered[i] += rows


class GroundingMeasurement:
    """Measures batches of opened samples.

    Args:
        sources: whose variants.
        shown: the variant whose scores go to the fields.
        options: what is measured.
    """

    def __init__(
        self, sources: Sequence[MapSource], shown: Variant, options: EvaluationOptions
    ) -> None:
        self._sources, self._shown = sources, shown
        self._coverage = "coverage" in options.measures
        self._ranked = options.expressions is not None

    def __call__(self, batch: Sequence[OpenedSample]) -> GroundingPart:
        """Attribute the captions of a batch by every variant, and compare with the regions."""
        part = GroundingPart()
        images = [opened.image for opened in batch]
        texts = [opened.sample.text for opened in batch]
        words = [opened.sample.words for opened in batch]
        made = [source.maps(images, texts, words) for source in self._sources]
        for i, opened in enumerate(batch):
            found = [each[i] for each in made]
            grids = [GridRegions.of(opened.masks, each.transform) for each in found]
            self._add_image(part, opened, found, grids)
        part.errors += [v.error for each in made for v in each if np.isfinite(v.error)]
        return part

    def _add_image(
        self,
        total: GroundingPart,
        opened: OpenedSample,
        found: Sequence[CaptionVariants],
        on_grids: Sequence[GridRegions],
    ) -> None:
        sample = opened.sample
        pairs = sample.named.pairs
        if self._coverage:
            self._add_coverage(total, sample, found, on_grids)
        if pairs:
            others = [sample.named.others(region) for region, _ in pairs]
            parts, references = [], []
            index = [region for region, _ in pairs]
            for source, each, regions in zip(self._sources, found, on_grids, strict=True):
                part = ground(each.maps, pairs, regions, others=others)
                small = ~regions.counted[index]
                large, central = regions.large[index], regions.central[index]
                total.counts[f"{source.name}_small"] += int((~large).sum())
                total.counts[f"{source.name}_centreless"] += int((large & ~central).sum())
                cut = np.array([each.unread[list(words)].any() for _, words in pairs])
                total.counts[f"{source.name}_pairs"] += int((~small & ~cut).sum())
                total.counts[f"{source.name}_unread"] += int(cut.sum())
                part = _without(part, small, ranked=self._ranked)
                parts.append(_without(part, cut, ranked=False))
                chance = ground_references(index, regions, each.transform)
                chance = _without(chance, small, ranked=self._ranked)
                references.append(_without(chance, cut, ranked=False))
            total.groundings.append(_stacked(parts))
            total.references.append(_stacked(references))
            self._add_pairs(total, opened, found, on_grids)

    def _add_pairs(
        self,
        total: GroundingPart,
        opened: OpenedSample,
        found: Sequence[CaptionVariants],
        on_grids: Sequence[GridRegions],
    ) -> None:
        sample = opened.sample
        place = [source.name for source in self._sources].index(self._shown.source)
        row = self._sources[place].variants.index(self._shown)
        shares, maps = on_grids[place].shares, found[place].maps[row]
        counted = on_grids[place].counted
        for region, words in sample.named.pairs:
            shape = _shape(opened, region)
            pair = EvaluatedPair(sample, region, words, shape)
            if counted[region] and not found[place].unread[list(words)].any():
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
            total.pairs.append(pair)

    def _add_coverage(
        self,
        total: GroundingPart,
        sample: LabelledText,
        found: Sequence[CaptionVariants],
        on_grids: Sequence[GridRegions],
    ) -> None:
        unnamed = np.array([not words for words in sample.named.words])
        start = 0
        for source, each, regions in zip(self._sources, found, on_grids, strict=True):
            whole = [i for i, variant in enumerate(source.variants) if variant.head is None]
            uncovered = uncovered_regions(each.maps[whole], regions)
            # What words beyond the token limit name is neither found nor overlooked; nor is what
            # lies outside the part of the image that the model sees.
            named = sample.named.words
            read = np.array([not each.unread[list(words)].any() for words in named], dtype=bool)
            read &= regions.seen
            for i, row in zip(whole, uncovered, strict=True):
                total.uncovered[start + i].append((row[read], unnamed[read]))
            start += len(source.variants)


class GroundingRun:
    """Collects, batch by batch.

    Attributes:
        variants: of all sources, in their order.
        total: what all samples have shown.
    """

    def __init__(
        self, sources: Sequence[MapSource], shown: Variant, options: EvaluationOptions
    ) -> None:
        self._sources, self._shown = sources, shown
        self.measure = GroundingMeasurement(sources, shown, options)
        self.variants = [variant for source in sources for variant in source.variants]
        self.total = GroundingPart()

    @property
    def pairs(self) -> list[EvaluatedPair]:
        """In the order of the columns of `grounding`."""
        return self.total.pairs

    @property
    def counts(self) -> Counter[str]:
        """Of pairs by source; see `GroundingPart`."""
        return self.total.counts

    @property
    def errors(self) -> list[float]:
        """Relative completeness errors of second-order attributions."""
        return self.total.errors

    def add(self, batch: Sequence[OpenedSample]) -> None:
        """Measure a batch here and now. Where that raises, nothing of it is counted."""
        self.total.take(self.measure(batch))

    def grounding(self) -> Grounding:
        """All pairs; nan where an object is too small on a source's grid."""
        return Grounding.joined(self.total.groundings)

    def references(self) -> tuple[list[Variant], Grounding]:
        """What no knowledge reaches on each grid; sources with the same grid share the rows."""
        found = Grounding.joined(self.total.references)
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

    def controls(self) -> dict[str, FloatArray]:
        """Source -> what no knowledge hits on its grid, "references pairs"."""
        hits = Grounding.joined(self.total.references).hit
        return dict(
            zip((s.name for s in self._sources), np.split(hits, len(self._sources)), strict=True)
        )

    def coverage(self) -> list[tuple[Variant, Detection]]:
        """How well "uncovered" finds what no word names, by variants that are means of heads."""
        return [
            (self.variants[i], Detection.of(*map(np.concatenate, zip(*rows, strict=True))))
            for i, rows in self.total.uncovered.items()
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
    values = {each.name: getattr(part, each.name) for each in fields(part)}
    kept = ("ranked",) if ranked else ()
    return Grounding(
        **{n: v if n in kept else np.where(left_out, np.nan, v) for n, v in values.items()}
    )


def _stacked(parts: Sequence[Grounding]) -> Grounding:
    return parts[0].stacked(*parts[1:])

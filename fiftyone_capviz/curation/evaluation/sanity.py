"""What no method may fall short of: maps that know nothing, and objects that cannot be seen.

A method that reads the image points at an object more often than a map drawn by lot, than a bell
around the middle of the image, and than it does itself where the object is not there: its word is
still in the caption, but the patches that it touches show the image's mean colour, so that the
model cannot have used what is in them. What does not is marked in every table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fiftyone_capviz.curation.evaluation.labelled import OpenedSample
from fiftyone_capviz.curation.evaluation.probes import Chosen, about_variant
from fiftyone_capviz.curation.evaluation.report import Row
from fiftyone_capviz.curation.evaluation.sources import MapSource
from fiftyone_capviz.evaluation.chance import (
    REFERENCES,
    beats_controls,
    ground_references,
)
from fiftyone_capviz.evaluation.faithfulness import blank_patches
from fiftyone_capviz.evaluation.grounding import Grounding, ground
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.records import BoolArray, FloatArray

HIDDEN = "hidden"
CONTROLS = (*REFERENCES, HIDDEN)
MARK = "! "


@dataclass(frozen=True)
class SanityHits:
    """One image's objects.

    Attributes:
        sample: its id.
        hits: of each variant, and of its controls, "1+controls objects".
    """

    sample: str
    hits: Mapping[Variant, FloatArray]


def marked_rows(
    rows: Sequence[Row],
    values: Grounding,
    controls: Mapping[str, FloatArray],
    intervals: GroupIntervals,
) -> list[Row]:
    """The rows with "beats": more hits than a map by lot and a bell; None for single heads.

    Args:
        rows: of variants, one for each of the values.
        values: "rows pairs".
        controls: source -> hits of the references, "references pairs".
        intervals: over the pairs.
    """
    return [
        row
        | {
            "beats": None
            if row["head"] is not None
            else beats_controls(hits, controls[row["source"]], intervals)
        }
        for row, hits in zip(rows, values.hit, strict=True)
    ]


class SanityRun:
    """Every chosen variant on images as they are, and with their named objects hidden."""

    def __init__(self, sources: Sequence[MapSource], chosen: Chosen) -> None:
        self._sources, self._chosen = sources, chosen
        self._samples: dict[Variant, list[str]] = defaultdict(list)
        self._hits: dict[Variant, list[FloatArray]] = defaultdict(list)

    def measure(self, opened: OpenedSample, number: int) -> SanityHits:
        """Attribute one image's caption twice.

        Args:
            opened: the image.
            number: of the sample; nothing is drawn.
        """
        hits: dict[Variant, FloatArray] = {}
        for source in self._sources:
            hits |= self._of_source(source, opened)
        return SanityHits(str(opened.sample.id), hits)

    def take(self, found: SanityHits) -> None:
        """Count what `measure` found."""
        for variant, hits in found.hits.items():
            self._hits[variant].append(hits)
            self._samples[variant] += [found.sample] * hits.shape[1]

    def rows(self) -> list[Row]:
        """A row per variant: its share of hits, its controls', and whether it beats them all."""
        rows = []
        for variant, parts in self._hits.items():
            hits = np.concatenate(parts, axis=1)
            if not hits.size:
                continue
            intervals = GroupIntervals(self._samples[variant])
            shares = [intervals.share(each).to_dict() for each in hits]
            named = dict(zip(("pga", *CONTROLS), shares, strict=True))
            above = beats_controls(hits[0], hits[1:], intervals)
            rows.append({**about_variant(variant), **named, "beats": above})
        return rows

    def _of_source(self, source: MapSource, opened: OpenedSample) -> dict[Variant, FloatArray]:
        sample = opened.sample
        asked = [sample.text], [sample.words]
        (seen,) = source.maps([opened.image], *asked)
        regions = GridRegions.of(opened.masks, seen.transform)
        pairs = [
            (region, words)
            for region, words in sample.named.pairs
            if regions.counted[region] and not seen.unread[list(words)].any()
        ]
        if not pairs:
            return {}
        index = [region for region, _ in pairs]
        touched: BoolArray = np.any(regions.shares[index] > 0, axis=0)
        hidden = blank_patches(opened.image, seen.transform, ~touched)
        (blind,) = source.maps([hidden], *asked)
        others: list[list[int]] = [[] for _ in pairs]
        real, unseen = (ground(each.maps, pairs, regions, others=others) for each in (seen, blind))
        blank: Grounding = ground_references(index, regions, seen.transform)
        chosen = self._chosen(source.name, sample.id)
        place = {variant: i for i, variant in enumerate(source.variants)}
        return {
            family: np.stack([real.hit[place[one]], *blank.hit, unseen.hit[place[one]]])
            for family, one in chosen.items()
        }


def sanity_note(rows: Sequence[Row]) -> str:
    """Which methods fall short of a control, or cannot be told from it; empty where none does."""
    short = [row["name"] for row in rows if row["beats"] is False]
    unknown = [row["name"] for row in rows if row["beats"] is None]
    parts = []
    if short:
        parts.append(
            f"{MARK}does not beat a map by lot, a bell in the middle, or itself without seeing "
            f"the object: {', '.join(short)}"
        )
    if unknown:
        parts.append(f"too few images to tell whether it beats them: {', '.join(unknown)}")
    return "\n".join(parts)

"""From every pair of every variant to the rows of a table.

Formulas: docs/methods.md, sections 7.2, 7.3, 7.5.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fiftyone_capviz.evaluation.grounding import HIGH_ENERGY, Grounding
from fiftyone_capviz.evaluation.statistics import NOTHING, GroupIntervals, Interval
from fiftyone_capviz.evaluation.stochastic_order import almost_stochastic_order


@dataclass(frozen=True)
class Variant:
    """One way to attribute.

    Attributes:
        source: "itm", "lm" or "dual".
        method: as in `attribution.methods`, or of the dual encoder.
        layer: zero-based; None where the method chooses.
        head: zero-based; None is the mean of all.
    """

    source: str
    method: str
    layer: int | None = None
    head: int | None = None

    @property
    def name(self) -> str:
        """ "itm gradcam layer 6 head 3"."""
        parts = [self.source, self.method]
        parts += [] if self.layer is None else [f"layer {self.layer}"]
        parts += [] if self.head is None else [f"head {self.head}"]
        return " ".join(parts)

    @property
    def family(self) -> str:
        """The name without layer and head."""
        return f"{self.source} {self.method}"


@dataclass(frozen=True)
class GroundingRow:
    """One variant's figures.

    Attributes:
        pga: point-game accuracy, by the patch's centre. macro: its mean over labels.
        pga_lenient: the same where a fifth of the patch's pixels is enough, on the same objects.
        pge: median energy in the object. high: share of the objects with an energy above 0.8.
        ranking: share of the objects that rank first among their image's regions.
        own_positive: share of the objects with a positive sum of their own word; nothing where
            the method knows no sign.
        cross_negative: share of the other objects with a negative sum; likewise.
        by_label: label -> pairs, point-game accuracy, median energy.
    """

    variant: Variant
    pga: Interval
    macro: float
    pga_lenient: Interval
    pge: Interval
    high: Interval
    ranking: Interval
    own_positive: Interval
    cross_negative: Interval
    by_label: Mapping[str, Mapping[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        names = ("pga", "pga_lenient", "pge", "high", "ranking", "own_positive", "cross_negative")
        intervals = {name: getattr(self, name).to_dict() for name in names}
        about = asdict(self.variant) | {"name": self.variant.name}
        labels = {label: dict(values) for label, values in self.by_label.items()}
        return about | intervals | {"macro": _number(self.macro), "by_label": labels}


@dataclass(frozen=True)
class Comparison:
    """One variant against another on the same pairs.

    Attributes:
        pga, pge: mean difference, first minus second, with a paired interval.
        epsilon: of the energies' almost stochastic order; below 0.2 the first is clearly ahead,
            below 0.5 weakly.
    """

    first: str
    second: str
    pga: Interval
    pge: Interval
    epsilon: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "first": self.first,
            "second": self.second,
            "pga": self.pga.to_dict(),
            "pge": self.pge.to_dict(),
            "epsilon": _number(self.epsilon),
        }


def summarize_grounding(
    variants: Sequence[Variant],
    grounding: Grounding,
    labels: Sequence[str],
    intervals: GroupIntervals,
    *,
    unsigned: Collection[str] = (),
) -> list[GroundingRow]:
    """A row per variant.

    Args:
        variants: the rows of the figures.
        grounding: "variants pairs"; nan where a pair does not count for a variant.
        labels: of the pairs.
        intervals: over the pairs.
        unsigned: methods whose values are never negative, so that signs say nothing.
    """
    rows = []
    for i, variant in enumerate(variants):
        energy = grounding.energy[i]
        above = np.where(np.isnan(energy), np.nan, energy > HIGH_ENERGY)
        own = np.where(np.isnan(grounding.own[i]), np.nan, grounding.own[i] > 0)
        by_label = _by_label(labels, grounding.hit[i], energy)
        accuracies = [values["pga"] for values in by_label.values()]
        signed = variant.method not in unsigned
        negative = grounding.cross_negative[i], grounding.cross_count[i]
        rows.append(
            GroundingRow(
                variant=variant,
                pga=intervals.share(grounding.hit[i]),
                macro=float(np.mean(accuracies)) if accuracies else float("nan"),
                pga_lenient=intervals.share(grounding.lenient[i]),
                pge=intervals.median(energy),
                high=intervals.share(above),
                ranking=intervals.share(grounding.ranked[i]),
                own_positive=intervals.share(own) if signed else NOTHING,
                cross_negative=intervals.ratio(*negative) if signed else NOTHING,
                by_label=by_label,
            )
        )
    return rows


def compare(
    names: tuple[str, str],
    grounding: Grounding,
    places: tuple[int, int],
    intervals: GroupIntervals,
    *,
    comparisons: int = 1,
    samples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare two variants of one grounding, on the pairs that both count.

    Args:
        names: of the two.
        grounding: of all variants.
        places: the two variants' rows in it.
        intervals: over the pairs.
        comparisons: how many are made; the stochastic order is corrected for them.
        samples, seed: of the stochastic order's draws.
    """
    first, second = places
    energies = grounding.energy[first], grounding.energy[second]
    both = np.isfinite(energies[0]) & np.isfinite(energies[1])
    epsilon = float("nan")
    if both.any():
        epsilon = almost_stochastic_order(
            *energies,
            groups=intervals.groups,
            comparisons=comparisons,
            samples=samples,
            seed=seed,
        )
    return Comparison(
        *names,
        pga=intervals.difference(grounding.hit[first], grounding.hit[second]),
        pge=intervals.difference(*energies),
        epsilon=epsilon,
    )


def _by_label(labels: Sequence[str], hits: Any, energies: Any) -> dict[str, dict[str, float]]:
    names = np.array(labels, dtype=object)
    found = {}
    for label in sorted(set(labels)):
        chosen = (names == label) & np.isfinite(hits)
        if chosen.any():
            found[label] = {
                "pairs": int(chosen.sum()),
                "pga": float(hits[chosen].mean()),
                "pge": float(np.median(energies[chosen])),
            }
    return found


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

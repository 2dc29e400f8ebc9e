"""What an evaluation found: one record for the terminal, JSON, the plot, and the stored run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

Row = dict[str, Any]
"""One line of a table; statistics are {"value", "low", "high", "n"}."""


@dataclass(frozen=True)
class EvaluationReport:
    """Everything measured, as JSON can hold it.

    Attributes:
        about: caption_field, regions_field, name, options, seed, revisions, versions, started,
            finished, state ("done" or "stopped"), shown (the variant in the fields).
        counts: images, captions, pairs and what was left out; per source "<source>_pairs".
        grounding: one row per variant (see `evaluation.summaries.GroundingRow`).
        comparisons: best variants against each other, on the same pairs.
        faithfulness: one row per source and method: cii, cid, cti, ctd.
        discrimination: one row per source and method: score_lower, attribution_lower.
        completeness: of the second-order attributions: median and largest relative error.
        coverage: one row per variant: precision, recall, chance.
        associations: ranks of planted pairs.
        steering: success by method and weight.
        failures: suggested group -> objects.
        pairs: columns of equal length: sample, label, word, and per variant's name its energies
            and hits; of the best variants and those of the fields.
        seconds: per part.
        notes: things worth knowing.
    """

    about: dict[str, Any]
    counts: dict[str, int]
    grounding: list[Row] = field(default_factory=list)
    comparisons: list[Row] = field(default_factory=list)
    faithfulness: list[Row] = field(default_factory=list)
    discrimination: list[Row] = field(default_factory=list)
    completeness: Row = field(default_factory=dict)
    coverage: list[Row] = field(default_factory=list)
    associations: list[Row] = field(default_factory=list)
    steering: list[Row] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    pairs: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def stopped(self) -> bool:
        """Whether it ended early, on request."""
        return self.about.get("state") == "stopped"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EvaluationReport:
        """The report that :meth:`to_dict` wrote; entries of other versions are ignored."""
        known = {each.name for each in fields(cls)}
        return cls(**{key: value for key, value in values.items() if key in known})

    def best(self) -> list[Row]:
        """The grounding rows that are the best of their source and method, mean of heads."""
        found: dict[str, Row] = {}
        for row in self.grounding:
            if row["head"] is not None or row["pga"]["value"] is None:
                continue
            family = f"{row['source']} {row['method']}"
            if family not in found or row["pga"]["value"] > found[family]["pga"]["value"]:
                found[family] = row
        return list(found.values())

"""What an evaluation found: one record for the terminal, JSON, the plot, and the stored run."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields
from typing import Any

from fiftyone_capviz.curation.dataset.progress import Failure

Row = dict[str, Any]
"""One line of a table; statistics are {"value", "low", "high", "n"}."""
EARLIER = (
    "Stored by an earlier version, which measured neither the cross-fitted best of each method nor "
    "the level of chance. Evaluate again to have them."
)
EARLIER_RULE = (
    "Stored by an earlier version, whose point game asked for a fifth of the patch's pixels: its "
    "PGA is by the rule that is the lenient one now. Evaluate again to have the present one."
)
CENTRE_RULE = "the patch's centre lies in the object"
"""What the point game calls a hit, as reports keep it under ``about["point_game"]``."""
_STORED = {"groups": "failures"}
"""Attribute -> its key in what is stored, where that is another."""


@dataclass(frozen=True)
class EvaluationReport:
    """Everything measured, as JSON can hold it.

    Attributes:
        about: caption_field, regions_field, name, options, seed, revisions, versions, started,
            finished, state ("done" or "stopped"), shown (the variant in the fields), defaults
            (variants of the product), samples (how many images and texts, and digests of which),
            view (its stages as JSON, a limit among them; None for a dataset, or where it is too
            long to keep), device and precision that "auto" came to, fields (that were written),
            point_game (its rule).
        counts: images, captions, pairs and what was left out; per source "<source>_pairs".
        grounding: one row per variant (see `evaluation.summaries.GroundingRow`).
        families: the same per source and method, each half of the images measured by the layer
            that is best on the other; "chosen" names both.
        references: the same of maps without knowledge, per grid.
        comparisons: families and defaults against each other, on the same pairs.
        sanity: one row per source and method, on some images: pga, of controls that no method may
            fall short of (random, centre, hidden), and whether it "beats" them; None where too few
            images tell. In grounding and families the same against random and centre, on all.
        faithfulness: one row per source and method: cii, cid, cti, ctd.
        discrimination: one row per source and method: score_lower, attribution_lower.
        completeness: of the second-order attributions: median and largest relative error.
        coverage: one row per variant: precision, recall, chance.
        associations: ranks of planted pairs.
        steering: by method and weight, "rate" of captions that name what was left out, "overall"
            the same of all images asked, and "acceptable" of the rate's images as well.
        groups: suggested group of missed objects -> objects; without groups that the labels
            cannot tell: other objects of the image, or 20 of a label, are missing. Stored as
            ``failures``.
        pairs: columns of equal length: sample, label, word, text (its number
            among those of the sample), and per variant's name its energies
            and hits; of the families, the defaults and the variant of the fields.
        seconds: per part.
        notes: things worth knowing.
        failures: images that this run could not use; not stored, where ``counts`` and ``notes``
            say how many there were, and why.
    """

    about: dict[str, Any]
    counts: dict[str, int]
    grounding: list[Row] = field(default_factory=list)
    families: list[Row] = field(default_factory=list)
    references: list[Row] = field(default_factory=list)
    comparisons: list[Row] = field(default_factory=list)
    sanity: list[Row] = field(default_factory=list)
    faithfulness: list[Row] = field(default_factory=list)
    discrimination: list[Row] = field(default_factory=list)
    completeness: Row = field(default_factory=dict)
    coverage: list[Row] = field(default_factory=list)
    associations: list[Row] = field(default_factory=list)
    steering: list[Row] = field(default_factory=list)
    groups: dict[str, int] = field(default_factory=dict)
    pairs: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list, compare=False)

    @property
    def stopped(self) -> bool:
        """Whether it ended early, on request."""
        return self.about.get("state") == "stopped"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            _STORED.get(each.name, each.name): deepcopy(getattr(self, each.name))
            for each in fields(self)
            if each.name != "failures"
        }

    def summary(self) -> str:
        """The result in a sentence."""
        best = max(self.best(), key=lambda row: row["pga"]["value"], default=None)
        if best is None:
            return "No object is larger than a patch and owns the centre of one."
        return (
            f"{best['name']} points at {100 * best['pga']['value']:.1f} % of {best['pga']['n']} "
            f"named objects (best layer, cross-fitted), with a median energy of "
            f"{100 * best['pge']['value']:.1f} %. A hit: {self.rule}."
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EvaluationReport:
        """The report that :meth:`to_dict` wrote; entries of other versions are ignored."""
        names = (each.name for each in fields(cls) if each.name != "failures")
        stored = {name: _STORED.get(name, name) for name in names}
        chosen = {name: values[key] for name, key in stored.items() if key in values}
        if "families" not in values:
            chosen["notes"] = [*chosen.get("notes", ()), EARLIER]
        elif "point_game" not in values.get("about", {}):
            chosen["notes"] = [*chosen.get("notes", ()), EARLIER_RULE]
        return cls(**chosen)

    @property
    def earlier(self) -> bool:
        """Whether an earlier version stored it: without the families, or by another point game."""
        return EARLIER in self.notes or EARLIER_RULE in self.notes

    @property
    def rule(self) -> str:
        """What the point game's figures call a hit."""
        earlier = "the object owns a fifth of the patch's pixels (the rule of an earlier version)"
        return str(self.about.get("point_game", earlier))

    def best(self) -> list[Row]:
        """The families' rows that have an object."""
        return [row for row in self.families if row["pga"]["n"]]

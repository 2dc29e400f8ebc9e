"""Names of what an evaluation stores on a dataset.

Names of the plain evaluation follow from the caption field alone. Those of a named one also hold
the length of the name, so that no caption field and name share them with another pair: read from
the number, every name says where the caption field ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

RUN_PREFIX = "capviz_evaluation"
_KINDS = ("pge", "pge_word", "pga", "failures")
_NAMED = re.compile(r"(?P<stem>.+)_(?P<kind>pge|pge_word|pga|failures)(?P<length>\d+)")


@dataclass(frozen=True)
class EvaluationFields:
    """Sample fields, attributes of the regions, and the saved view of one evaluation.

    Attributes:
        caption: the caption field.
        name: of the evaluation; empty for the plain one.
    """

    caption: str
    name: str = ""

    @property
    def pge(self) -> str:
        """The lowest energy of the sample's objects, so that a filter finds every miss."""
        return self._field("pge")

    @property
    def pge_word(self) -> str:
        """The word of that object."""
        return self._field("pge_word")

    @property
    def pga(self) -> str:
        """Share of the sample's objects that the point game hits."""
        return self._field("pga")

    @property
    def failures(self) -> str:
        """Suggested failure groups of its objects."""
        return self._field("failures")

    @property
    def paths(self) -> tuple[str, ...]:
        """All fields of the samples."""
        return self.pge, self.pge_word, self.pga, self.failures

    def attributes(self, regions_field: str) -> tuple[str, str]:
        """Paths of energy and groups on the single objects of a Detections field."""
        inner = f"{regions_field}.detections"
        return f"{inner}.{self.pge}", f"{inner}.{self.failures}"

    @property
    def view(self) -> str:
        """The view of the samples with a miss."""
        return f"{self.caption}: PGE below 0.2" + (f" ({self.name})" if self.name else "")

    def _field(self, kind: str) -> str:
        if not self.name:
            return f"{self.caption}_{kind}"
        return f"{self.caption}_{self.name}_{kind}{len(self.name)}"


def fields_of(path: str) -> EvaluationFields | None:
    """Which evaluation's fields a name can be of; None if it is none's."""
    named = _NAMED.fullmatch(path)
    if named is not None:
        stem, length = named["stem"], int(named["length"])
        caption, name = stem[: -length - 1], stem[len(stem) - length :]
        if length and caption and stem[len(caption)] == "_":
            return EvaluationFields(caption, name)
    kind = next((one for one in _KINDS if path.endswith(f"_{one}")), "")
    caption = path.removesuffix(f"_{kind}")
    return EvaluationFields(caption) if kind and caption else None


def evaluation_key(caption_field: str, name: str = "") -> str:
    """The key of an evaluation's run."""
    name = evaluation_name(name)
    if not name:
        return f"{RUN_PREFIX}_{caption_field}"
    return f"{RUN_PREFIX}{len(name)}_{caption_field}_{name}"


def evaluation_name(given: str) -> str:
    """A name as it is stored: keys hold no hyphens, so one counts as an underscore."""
    return given.replace("-", "_")

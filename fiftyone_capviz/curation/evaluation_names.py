"""Names of what an evaluation stores on a dataset."""

from __future__ import annotations

from dataclasses import dataclass

RUN_PREFIX = "capviz_evaluation_"


@dataclass(frozen=True)
class EvaluationFields:
    """Sample fields and the saved view of one caption field's evaluation."""

    caption: str

    @property
    def pge(self) -> str:
        """The lowest energy of the sample's objects, so that a filter finds every miss."""
        return f"{self.caption}_pge"

    @property
    def pge_word(self) -> str:
        """The word of that object."""
        return f"{self.caption}_pge_word"

    @property
    def pga(self) -> str:
        """Share of the sample's objects that the point game hits."""
        return f"{self.caption}_pga"

    @property
    def failures(self) -> str:
        """Suggested failure groups of its objects."""
        return f"{self.caption}_failures"

    @property
    def paths(self) -> tuple[str, ...]:
        """All fields."""
        return self.pge, self.pge_word, self.pga, self.failures

    @property
    def view(self) -> str:
        """The view of the samples with a miss."""
        return f"{self.caption}: PGE below 0.2"


def evaluation_key(caption_field: str, name: str = "") -> str:
    """The key of an evaluation's run."""
    return f"{RUN_PREFIX}{caption_field}" + (f"_{name.replace('-', '_')}" if name else "")

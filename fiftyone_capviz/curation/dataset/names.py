"""Every name that is written to a dataset: fields, attributes of segments, runs.

Every name follows from the caption field and the segments field, so several captioners and several
segmentations live side by side.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fiftyone_capviz.settings.evaluation import evaluation_name

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
        """The samples with a miss."""
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


class _Name:
    """A name that follows from its owner's field, as ``{caption}_itm`` from the caption field."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __get__(self, owner: object, kind: type) -> str:
        return self._pattern.format_map(vars(owner))


@dataclass(frozen=True)
class CaptionFields:
    """Names of the sample fields that belong to one caption field."""

    caption: str

    itm = _Name("{caption}_itm")
    words = _Name("{caption}_words")
    word_tags = _Name("{caption}_word_tags")
    attention = _Name("{caption}_attention")
    scores = _Name("{caption}_scores")
    coverage = _Name("{caption}_coverage")
    previous = _Name("{caption}_previous")
    stages = _Name("{caption}_stages")
    """Bookkeeping: stage -> hash of the configuration its stored result came from."""
    run_key = _Name("capviz_{caption}")
    """The analysis' models, revisions, options, versions and durations."""

    @property
    def derived(self) -> tuple[str, ...]:
        """Everything but the caption itself."""
        return (
            self.itm,
            self.coverage,
            self.words,
            self.word_tags,
            self.attention,
            self.scores,
            self.previous,
            self.stages,
        )


@dataclass(frozen=True)
class SegmentFields:
    """Names of the fields that belong to one segments field."""

    segments: str

    stage = _Name("{segments}_stage")
    """Bookkeeping: hash of the configuration that made the segments; absent on a user's own."""
    map_key = _Name("{segments}_map")
    """The map of all segments, for the Embeddings panel."""
    detections = _Name("{segments}.detections")

    def attribute(self, name: str) -> str:
        """Path of an attribute of the segments."""
        return f"{self.detections}.{name}"


ERROR_FIELD = "capviz_error"
HEATMAP_FIELD = "word_heatmap"
SIDEBAR_GROUP = "Captions"
UNCOVERED = "uncovered"
# The label of our own segments as long as no caption has been attributed to them.
UNATTRIBUTED = "segment"
HASH_KEY = "pair"
"""Under which the caption's bookkeeping notes which settings its explanation came from."""
TEXT_KEY = "pair_text"
"""Under which it notes which text was explained."""
ERROR_PREFIX = "Explain pairs: "
"""How the line of `capviz_error` begins that is ours; other stages have lines of their own."""


@dataclass(frozen=True)
class PairFields:
    """Names of the sample fields that belong to the explanations of one caption field.

    What each holds: `pairs.fields.pair_schema`.
    """

    caption: str

    score = _Name("{caption}_pair_score")
    words = _Name("{caption}_pair_words")
    totals = _Name("{caption}_pair_totals")
    """Over patches and CLS."""
    mismatches = _Name("{caption}_mismatches")
    error = _Name("{caption}_pair_error")
    notes = _Name("{caption}_pair_notes")
    stages = _Name("{caption}_stages")
    hash = _Name(f"{{caption}}_stages.{HASH_KEY}")
    text_hash = _Name(f"{{caption}}_stages.{TEXT_KEY}")
    run_key = _Name("capviz_pairs_{caption}")

    @property
    def paths(self) -> tuple[str, ...]:
        """All fields but the caption's bookkeeping."""
        return self.score, self.words, self.totals, self.mismatches, self.error, self.notes


def steered_fields(caption_field: str) -> tuple[str, str, str]:
    """Fields of candidates: text, match score, recipe."""
    return (
        f"{caption_field}_steered",
        f"{caption_field}_steered_itm",
        f"{caption_field}_steered_recipe",
    )

"""Every name that is written to a dataset: fields, attributes of segments, runs.

Every name follows from the caption field and the segments field, so several captioners and several
segmentations live side by side. A caption may be nested (`vlm.response`) or have a name that is
no identifier (`blip2-caption`): derived names begin with its prefix, where every character that is
not allowed in a name is `_`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import overload

from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.evaluation import evaluation_name

RUN_PREFIX = "capviz_evaluation"
_KINDS = ("pge", "pge_word", "pga", "failures")
_NAMED = re.compile(r"(?P<stem>.+)_(?P<kind>pge|pge_word|pga|failures)(?P<length>\d+)")


def derived_prefix(caption_field: str) -> str:
    """What the derived names of a caption field begin with, unless another prefix was chosen."""
    return "".join(one if f"a{one}".isidentifier() else "_" for one in caption_field)


@dataclass(frozen=True)
class EvaluationFields:
    """Sample fields, attributes of the regions, and the saved view of one evaluation.

    Attributes:
        caption: the caption field.
        name: of the evaluation; empty for the plain one.
        prefix: of the derived names; empty for the caption field's own.
    """

    caption: str
    name: str = ""
    prefix: str = ""

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
        stem = self.prefix or derived_prefix(self.caption)
        if not self.name:
            return f"{stem}_{kind}"
        return f"{stem}_{self.name}_{kind}{len(self.name)}"


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


def evaluation_key(caption_field: str, name: str = "", prefix: str = "") -> str:
    """The key of an evaluation's run."""
    name, stem = evaluation_name(name), prefix or derived_prefix(caption_field)
    if not name:
        return f"{RUN_PREFIX}_{stem}"
    return f"{RUN_PREFIX}{len(name)}_{stem}_{name}"


class _Name:
    """A name that follows from its owner's: ``{0.stem}_itm`` from the stem of a caption field."""

    def __init__(self, pattern: str, told: str = "") -> None:
        self._pattern = pattern
        self.__doc__ = told

    @overload
    def __get__(self, owner: None, kind: type) -> _Name: ...
    @overload
    def __get__(self, owner: object, kind: type) -> str: ...
    def __get__(self, owner: object, kind: type) -> _Name | str:
        return self if owner is None else self._pattern.format(owner)


@dataclass(frozen=True)
class CaptionFields:
    """Names of the sample fields that belong to one caption field.

    Where a prefix may have been chosen, `runs.caption_names` makes them from the run, and `of`
    from its options.

    Attributes:
        caption: path of the captions.
        prefix: of the derived names; empty for the caption field's own.
    """

    caption: str
    prefix: str = ""

    @classmethod
    def of(cls, options: AnalysisOptions) -> CaptionFields:
        """Those of an analysis."""
        return cls(options.caption_field, options.derived_prefix)

    @property
    def stem(self) -> str:
        """What the derived names begin with."""
        return self.prefix or derived_prefix(self.caption)

    itm = _Name("{0.stem}_itm")
    words = _Name("{0.stem}_words")
    word_tags = _Name("{0.stem}_word_tags")
    attention = _Name("{0.stem}_attention")
    scores = _Name("{0.stem}_scores")
    coverage = _Name("{0.stem}_coverage")
    unread = _Name("{0.stem}_unread", "Words beyond the token limit of the model that attributed.")
    previous = _Name("{0.stem}_previous")
    stages = _Name(
        "{0.stem}_stages",
        "Bookkeeping: stage -> hash of the configuration its stored result came from.",
    )
    run_key = _Name(
        "capviz_{0.stem}", "The analysis' models, revisions, options, versions and durations."
    )

    @property
    def derived(self) -> tuple[str, ...]:
        """Everything but the caption itself."""
        return (
            self.itm,
            self.coverage,
            self.words,
            self.word_tags,
            self.unread,
            self.attention,
            self.scores,
            self.previous,
            self.stages,
        )

    @property
    def steered(self) -> tuple[str, str, str]:
        """Fields of candidates: text, match score, recipe."""
        return steered_fields(self.stem)

    @property
    def pairs(self) -> PairFields:
        """Fields of explained pairs."""
        return PairFields(self.caption, self.prefix)

    def evaluation(self, name: str = "") -> EvaluationFields:
        """Fields of an evaluation."""
        return EvaluationFields(self.caption, name, self.prefix)


@dataclass(frozen=True)
class SegmentFields:
    """Names of the fields that belong to one segments field."""

    segments: str

    stage = _Name(
        "{0.segments}_stage",
        "Bookkeeping: hash of the configuration that made the segments; absent on a user's own.",
    )
    map_key = _Name("{0.segments}_map", "The map of all segments, for the Embeddings panel.")
    detections = _Name("{0.segments}.detections")

    def attribute(self, name: str) -> str:
        """Path of an attribute of the segments."""
        return f"{self.detections}.{name}"


ERROR_FIELD = "capviz_error"
HEATMAP_FIELD = "word_heatmap"
SIDEBAR_GROUP = "Captions"
UNCOVERED = "uncovered"
# The label of our own segments that the model which attributed does not see.
NOT_SEEN = "not seen"
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
    """Names of the sample fields that belong to the explanations of one caption field."""

    caption: str
    prefix: str = ""

    score = _Name("{0.stem}_pair_score", "Cosine of image and caption.")
    words = _Name("{0.stem}_pair_words", "The content words that were explained, in caption order.")
    totals = _Name(
        "{0.stem}_pair_totals",
        "What each of them adds to the score, over patches and CLS, in the same order.",
    )
    mismatches = _Name(
        "{0.stem}_mismatches", "Those of them that take from the score, the worst first."
    )
    error = _Name("{0.stem}_pair_error", "Completeness error over the sum of all magnitudes.")
    notes = _Name(
        "{0.stem}_pair_notes",
        "What is worth knowing of an explanation, such as a caption that was cut.",
    )
    stages = _Name("{0.stem}_stages", "The caption's bookkeeping.")
    hash = _Name(f"{{0.stem}}_stages.{HASH_KEY}")
    text_hash = _Name(f"{{0.stem}}_stages.{TEXT_KEY}")
    run_key = _Name(
        "capviz_pairs_{0.stem}", "Where the explanations came from: settings, encoder, versions."
    )

    @property
    def paths(self) -> tuple[str, ...]:
        return self.score, self.words, self.totals, self.mismatches, self.error, self.notes

    @property
    def stem(self) -> str:
        """What the names begin with."""
        return self.prefix or derived_prefix(self.caption)


def steered_fields(caption_field: str) -> tuple[str, str, str]:
    """Fields of candidates: text, match score, recipe."""
    stem = derived_prefix(caption_field)
    return f"{stem}_steered", f"{stem}_steered_itm", f"{stem}_steered_recipe"

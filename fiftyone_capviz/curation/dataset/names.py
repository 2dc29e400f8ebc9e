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


@dataclass(frozen=True)
class CaptionFields:
    """Names of the sample fields that belong to one caption field."""

    caption: str

    @property
    def itm(self) -> str:
        return f"{self.caption}_itm"

    @property
    def words(self) -> str:
        return f"{self.caption}_words"

    @property
    def word_tags(self) -> str:
        return f"{self.caption}_word_tags"

    @property
    def attention(self) -> str:
        return f"{self.caption}_attention"

    @property
    def scores(self) -> str:
        return f"{self.caption}_scores"

    @property
    def coverage(self) -> str:
        return f"{self.caption}_coverage"

    @property
    def unread(self) -> str:
        """Words beyond the token limit of the model that attributed."""
        return f"{self.caption}_unread"

    @property
    def previous(self) -> str:
        return f"{self.caption}_previous"

    @property
    def stages(self) -> str:
        """Bookkeeping: stage -> hash of the configuration its stored result came from."""
        return f"{self.caption}_stages"

    @property
    def run_key(self) -> str:
        """The analysis' models, revisions, options, versions and durations."""
        return f"capviz_{self.caption}"

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


@dataclass(frozen=True)
class SegmentFields:
    """Names of the fields that belong to one segments field."""

    segments: str

    @property
    def stage(self) -> str:
        """Bookkeeping: hash of the configuration that made the segments; absent on a user's own."""
        return f"{self.segments}_stage"

    @property
    def map_key(self) -> str:
        """The map of all segments, for the Embeddings panel."""
        return f"{self.segments}_map"

    @property
    def detections(self) -> str:
        return f"{self.segments}.detections"

    def attribute(self, name: str) -> str:
        """Path of an attribute of the segments."""
        return f"{self.segments}.detections.{name}"


ERROR_FIELD = "capviz_error"
HEATMAP_FIELD = "word_heatmap"
SIDEBAR_GROUP = "Captions"
UNCOVERED = "uncovered"
# The label of our own segments that the model which attributed does not see.
NOT_SEEN = "not seen"
# The label of our own segments as long as no caption has been attributed to them.
UNATTRIBUTED = "segment"


@dataclass(frozen=True)
class PairFields:
    """Names of the sample fields that belong to the explanations of one caption field."""

    caption: str

    @property
    def score(self) -> str:
        """Cosine of image and caption."""
        return f"{self.caption}_pair_score"

    @property
    def words(self) -> str:
        """The content words that were explained, in caption order."""
        return f"{self.caption}_pair_words"

    @property
    def totals(self) -> str:
        """What each of them adds to the score, over patches and CLS, in the same order."""
        return f"{self.caption}_pair_totals"

    @property
    def mismatches(self) -> str:
        """Those of them that take from the score, the worst first."""
        return f"{self.caption}_mismatches"

    @property
    def error(self) -> str:
        """Completeness error over the sum of all magnitudes."""
        return f"{self.caption}_pair_error"

    @property
    def notes(self) -> str:
        """What is worth knowing of an explanation, such as a caption that was cut."""
        return f"{self.caption}_pair_notes"

    @property
    def paths(self) -> tuple[str, ...]:
        return self.score, self.words, self.totals, self.mismatches, self.error, self.notes

    @property
    def stages(self) -> str:
        """The caption's bookkeeping."""
        return CaptionFields(self.caption).stages

    @property
    def hash(self) -> str:
        """Path of the settings' hash."""
        return f"{self.stages}.{HASH_KEY}"

    @property
    def text_hash(self) -> str:
        """Path of the hash of the text that was explained."""
        return f"{self.stages}.{TEXT_KEY}"

    @property
    def run_key(self) -> str:
        """Where the explanations came from: settings, encoder, versions."""
        return f"capviz_pairs_{self.caption}"


HASH_KEY = "pair"
"""Under which the caption's bookkeeping notes which settings its explanation came from."""
TEXT_KEY = "pair_text"
"""Under which it notes which text was explained."""
ERROR_PREFIX = "Explain pairs: "
"""How the line of `capviz_error` begins that is ours; other stages have lines of their own."""


def steered_fields(caption_field: str) -> tuple[str, str, str]:
    """Fields of candidates: text, match score, recipe."""
    return (
        f"{caption_field}_steered",
        f"{caption_field}_steered_itm",
        f"{caption_field}_steered_recipe",
    )

"""Every name that is written to a dataset: fields, attributes of segments, runs.

Every name follows from the caption field and the segments field, so several captioners and several
segmentations live side by side. A caption may be nested (`vlm.response`) or have a name that is
no identifier (`blip2-caption`): derived names begin with its prefix, where every character that is
not allowed in a name is `_`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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

    @property
    def itm(self) -> str:
        return f"{self.stem}_itm"

    @property
    def words(self) -> str:
        return f"{self.stem}_words"

    @property
    def word_tags(self) -> str:
        return f"{self.stem}_word_tags"

    @property
    def attention(self) -> str:
        return f"{self.stem}_attention"

    @property
    def scores(self) -> str:
        return f"{self.stem}_scores"

    @property
    def coverage(self) -> str:
        return f"{self.stem}_coverage"

    @property
    def previous(self) -> str:
        return f"{self.stem}_previous"

    @property
    def stages(self) -> str:
        """Bookkeeping: stage -> hash of the configuration its stored result came from."""
        return f"{self.stem}_stages"

    @property
    def run_key(self) -> str:
        """The analysis' models, revisions, options, versions and durations."""
        return f"capviz_{self.stem}"

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
# The label of our own segments as long as no caption has been attributed to them.
UNATTRIBUTED = "segment"


@dataclass(frozen=True)
class PairFields:
    """Names of the sample fields that belong to the explanations of one caption field."""

    caption: str
    prefix: str = ""

    @property
    def score(self) -> str:
        """Cosine of image and caption."""
        return f"{self._stem}_pair_score"

    @property
    def words(self) -> str:
        """The content words that were explained, in caption order."""
        return f"{self._stem}_pair_words"

    @property
    def totals(self) -> str:
        """What each of them adds to the score, over patches and CLS, in the same order."""
        return f"{self._stem}_pair_totals"

    @property
    def mismatches(self) -> str:
        """Those of them that take from the score, the worst first."""
        return f"{self._stem}_mismatches"

    @property
    def error(self) -> str:
        """Completeness error over the sum of all magnitudes."""
        return f"{self._stem}_pair_error"

    @property
    def notes(self) -> str:
        """What is worth knowing of an explanation, such as a caption that was cut."""
        return f"{self._stem}_pair_notes"

    @property
    def paths(self) -> tuple[str, ...]:
        return self.score, self.words, self.totals, self.mismatches, self.error, self.notes

    @property
    def stages(self) -> str:
        """The caption's bookkeeping."""
        return CaptionFields(self.caption, self.prefix).stages

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
        return f"capviz_pairs_{self._stem}"

    @property
    def _stem(self) -> str:
        return self.prefix or derived_prefix(self.caption)


HASH_KEY = "pair"
"""Under which the caption's bookkeeping notes which settings its explanation came from."""
TEXT_KEY = "pair_text"
"""Under which it notes which text was explained."""
ERROR_PREFIX = "Explain pairs: "
"""How the line of `capviz_error` begins that is ours; other stages have lines of their own."""


def steered_fields(caption_field: str) -> tuple[str, str, str]:
    """Fields of candidates: text, match score, recipe."""
    stem = derived_prefix(caption_field)
    return f"{stem}_steered", f"{stem}_steered_itm", f"{stem}_steered_recipe"

"""The fields that explaining the pairs of a view writes: their names follow the caption field."""

from __future__ import annotations

from dataclasses import dataclass

import fiftyone as fo

from fiftyone_capviz.curation.fields import ERROR_FIELD, CaptionFields, declare_schema

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
        """Of the custom run that says where the explanations came from."""
        return f"capviz_pairs_{self.caption}"


def declare_pair_fields(dataset: fo.Dataset, names: PairFields) -> None:
    """Put the fields on the schema and into the sidebar group; idempotent.

    Raises:
        InputError: a field of another type has one of the names.
    """
    declare_schema(
        dataset,
        {
            names.score: (fo.FloatField, None),
            names.words: (fo.ListField, fo.StringField),
            names.totals: (fo.ListField, fo.FloatField),
            names.mismatches: (fo.ListField, fo.StringField),
            names.error: (fo.FloatField, None),
            names.notes: (fo.ListField, fo.StringField),
            names.stages: (fo.DictField, None),
            ERROR_FIELD: (fo.StringField, None),
        },
        shown=names.paths,
    )


def with_pair_error(stored: str | None, message: str | None) -> str | None:
    """A sample's `capviz_error` with our line replaced; what other stages told stays.

    Args:
        stored: as it is.
        message: what kept the pair from being explained; None if nothing did.
    """
    told = [line for line in (stored or "").split("\n") if line]
    kept = [line for line in told if not line.startswith(ERROR_PREFIX)]
    if message is not None:
        kept.append(ERROR_PREFIX + " ".join(message.split()))
    return "\n".join(kept) or None

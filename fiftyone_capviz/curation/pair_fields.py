"""The fields that explaining the pairs of a view writes: their names follow the caption field."""

from __future__ import annotations

from dataclasses import dataclass

import fiftyone as fo

from fiftyone_capviz.curation.fields import ERROR_FIELD, CaptionFields, declare_schema

HASH_KEY = "pair"
"""Under which the caption's bookkeeping notes what its explanation came from."""


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
        """Attribution of each of them to the whole image, in the same order."""
        return f"{self.caption}_pair_totals"

    @property
    def mismatches(self) -> str:
        """Those of them whose total is negative, the worst first."""
        return f"{self.caption}_mismatches"

    @property
    def error(self) -> str:
        """Completeness error over the sum of all magnitudes."""
        return f"{self.caption}_pair_error"

    @property
    def paths(self) -> tuple[str, ...]:
        return self.score, self.words, self.totals, self.mismatches, self.error


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
            CaptionFields(names.caption).stages: (fo.DictField, None),
            ERROR_FIELD: (fo.StringField, None),
        },
        shown=names.paths,
    )

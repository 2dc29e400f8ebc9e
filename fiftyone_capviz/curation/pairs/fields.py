"""The fields that explaining the pairs of a view writes: their names follow the caption field."""

from __future__ import annotations

import fiftyone as fo

from fiftyone_capviz.curation.dataset.names import ERROR_FIELD, ERROR_PREFIX, PairFields
from fiftyone_capviz.curation.dataset.schema import ERROR, Declared, Schema, declare_schema


def pair_schema(names: PairFields) -> Schema:
    """Path and type of each field."""
    return {
        names.score: Declared(fo.FloatField, None, "Cosine of image and caption"),
        names.words: Declared(
            fo.ListField, fo.StringField, "The content words that were explained, in caption order"
        ),
        names.totals: Declared(
            fo.ListField,
            fo.FloatField,
            "What each of them adds to the score, in the same order; none where it was not read",
        ),
        names.mismatches: Declared(
            fo.ListField, fo.StringField, "Those of them that take from the score, the worst first"
        ),
        names.error: Declared(
            fo.FloatField, None, "Completeness error over the sum of all magnitudes"
        ),
        names.notes: Declared(
            fo.ListField, fo.StringField, "What is worth knowing, such as a caption that was cut"
        ),
        names.stages: Declared(
            fo.DictField, None, "Bookkeeping: what each stored result was computed from"
        ),
        ERROR_FIELD: ERROR,
    }


def declare_pair_fields(dataset: fo.Dataset, names: PairFields) -> None:
    """Put the fields on the schema and into the sidebar group; idempotent.

    Raises:
        InputError: a field of another type has one of the names.
    """
    declare_schema(dataset, pair_schema(names), shown=names.paths)


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

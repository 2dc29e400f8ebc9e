"""The fields that explaining the pairs of a view writes: their names follow the caption field."""

from __future__ import annotations

import fiftyone as fo

from fiftyone_capviz.curation.dataset.names import ERROR_FIELD, ERROR_PREFIX, PairFields
from fiftyone_capviz.curation.dataset.schema import declare_schema


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

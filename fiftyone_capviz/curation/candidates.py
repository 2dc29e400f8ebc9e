"""The fields in which steered captions wait until they are accepted."""

from __future__ import annotations

from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.before import steered_fields
from fiftyone_capviz.curation.fields import add_to_sidebar


def declare_candidates(dataset: Any, caption_field: str) -> None:
    """Put text, match score and recipe of candidates on the schema; idempotent."""
    kinds = (fo.StringField, fo.FloatField, fo.DictField)
    names = steered_fields(caption_field)
    for path, kind in zip(names, kinds, strict=True):
        if not dataset.has_field(path):
            dataset.add_sample_field(path, kind)
    add_to_sidebar(dataset, names[:2])

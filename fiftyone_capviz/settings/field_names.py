"""Names that a field of captions or labels cannot have: FiftyOne, or we, use them otherwise.

Nothing here imports FiftyOne; ``tests/settings/test_field_names.py`` holds the list to its own.
"""

from __future__ import annotations

from fiftyone_capviz.errors import InputError

DEFAULT_FIELDS = ("id", "filepath", "tags", "metadata", "created_at", "last_modified_at")
"""What every sample of FiftyOne has."""
KEPT_FIELDS = (
    *("media_type", "dataset_id", "sample_id", "label_id", "frame_id", "frame_number"),
    *("frames", "group", "groups", "support", "_id", "_cls", "_rand"),
)
"""What frames, groups, clips, patches and the database itself use."""
OUR_FIELDS = ("capviz_error", "word_heatmap")
"""What every analysis shares."""


def require_free_names(**named: str | None) -> None:
    """Refuse fields that are no place for captions or labels, by their names alone.

    Args:
        named: option -> field; of a nested one the field that holds it counts. None is passed over.

    Raises:
        InputError: the option, the name, and what to do.
    """
    for option, value in named.items():
        first = value.split(".")[0] if isinstance(value, str) else None
        if first in (*DEFAULT_FIELDS, *KEPT_FIELDS):
            raise InputError(
                f"{option} must not be a field that FiftyOne keeps for itself "
                f"({', '.join(DEFAULT_FIELDS)}, and others); got {value!r}. Choose another name."
            )
        if first in OUR_FIELDS:
            raise InputError(
                f"{option} must not be a field that every analysis uses ({', '.join(OUR_FIELDS)}); "
                f"got {value!r}. Choose another name."
            )

"""How stored results are recognised by the settings that they came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

HASH_VERSIONS = {"analysis": 1, "match": 2, "attribute": 2, "pairs": 3}
"""Raised when what is stored changes its meaning, so that older results count as different.

"analysis" is of the stages that have no version of their own.
"""

_SINGULARS = "singulars are looked up, and plurals told from verbs by their sentence"
REASONS = {
    "match": "captions are read up to the model's own limit; before, the first 96 tokens counted",
    "attribute": (
        "captions are read up to the model's own limit, words without an attribution have no "
        "score, segments that the model does not see do not count as uncovered, and "
        f"{_SINGULARS}"
    ),
    "pairs": _SINGULARS,
}
"""Kind -> what its last version changed, for forms and messages."""


def settings_hash(settings: Mapping[str, object], *, kind: str) -> str:
    """16 hexadecimal digits for these settings.

    Args:
        settings: all that a result depends on.
        kind: of result, a key of `HASH_VERSIONS`.
    """
    text = json.dumps({**settings, "version": HASH_VERSIONS[kind]}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

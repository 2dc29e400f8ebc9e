"""Lists of words as documents: strange ones, small scenes, and how to count them slowly."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.sampled_from(["man", "woman", "dog", "u.s.", "$5", "hat", "中文", "😀", "red", "fish"])
DOCUMENTS = st.lists(st.lists(WORDS, max_size=6), max_size=25)
SCENES = [
    ("wolf", "snow"),
    ("wolf", "snow"),
    ("wolf", "snow", "gray"),
    ("dog", "field"),
    ("dog", "field"),
    ("man", "fish"),
    ("woman", "hat"),
    (),
]


def counted(documents: Sequence[Sequence[str]], *words: str) -> int:
    """How many documents hold all the words."""
    return sum(all(word in document for word in words) for document in documents)

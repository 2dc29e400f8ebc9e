"""Words of the grammar and the small words that must agree with them."""

from __future__ import annotations

from fiftyone_capviz.scenes.tables import ACCESSORIES, BACKGROUNDS, COLORS, KINDS

_PLACES = {
    "snow": "in the snow",
    "field": "in a field",
    "water": "in the water",
    "street": "on the street",
    "sand": "on the sand",
    "rock": "on the rocks",
    "forest": "in the forest",
}
_FUNCTION_WORDS = (
    "a", "an", "the", "in", "on", "of", "over", "with", "and", "next", "to", "is", "there",
    "picture", "shirt", "wearing", "holding", "carrying", "running", "flying", "swimming",
    "sitting",
)  # fmt: skip


def word_of_background(background: str) -> str:
    """The noun captions use for a background (`rock` -> `rocks`)."""
    return "rocks" if background == "rock" else background


def place_phrase(background: str, subject: str) -> str:
    """Preposition, article and noun: "in the snow"; boats are *on* the water."""
    if background == "water" and subject == "boat":
        return "on the water"
    return _PLACES[background]


def article(word: str, noun: str) -> str:
    """The article before `word` in a phrase about `noun`; "" where there is none."""
    if noun == "sunglasses":
        return ""
    if noun == "sun":
        return "the"
    return "an" if word[0] in "aeiou" else "a"


def noun_phrase(noun: str, color: str | None = None) -> str:
    """ "a dog", "an orange hat", "sunglasses", "the sun"."""
    words = f"{color} {noun}" if color else noun
    return f"{article(words, noun)} {words}".strip()


WORDS: tuple[str, ...] = tuple(
    sorted(
        {
            *KINDS,
            *ACCESSORIES,
            *COLORS,
            *(word_of_background(background) for background in BACKGROUNDS),
            *_FUNCTION_WORDS,
        }
    )
)
"""Every word that the grammar can say, sorted."""

BACKGROUND_WORDS = {word_of_background(background): background for background in BACKGROUNDS}

SINGULARS = {
    **{f"{kind}s": kind for kind in (*KINDS, *ACCESSORIES, "rock", "field", "street", "forest")},
    "men": "man", "women": "woman", "wolves": "wolf", "buses": "bus", "fishes": "fish",
    "grey": "gray", "sands": "sand", "shirts": "shirt",
}  # fmt: skip
"""Other forms in free text and the word of the world they stand for."""

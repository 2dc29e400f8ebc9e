"""Pairs of words that are known to go together, or apart: those a user gives, or the scenes'."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fiftyone_capviz.curation.evaluation_report import Row
from fiftyone_capviz.evaluation.truth import rank_planted
from fiftyone_capviz.graph import build_graph
from fiftyone_capviz.words import words_of_corpus

Pairs = Sequence[tuple[str, str]]


def planted_rows(texts: Iterable[str], together: Pairs, apart: Pairs) -> list[Row]:
    """Rank planted pairs among all pairs of words of the captions.

    Args:
        texts: captions.
        together: pairs that were planted to occur together.
        apart: pairs that were planted to avoid each other.
    """
    graph = build_graph([found.words for found in words_of_corpus(texts)])
    table = graph.associations()
    rows = []
    for pairs, kind in ((together, "together"), (apart, "apart")):
        for found in rank_planted(table, pairs, apart=kind == "apart"):
            rows.append(
                {
                    "words": list(found.words),
                    "kind": kind,
                    "rank": found.rank,
                    "pairs": found.pairs,
                    "log_odds": found.log_odds,
                }
            )
    return rows


def is_scenes(dataset: Any) -> bool:
    """Whether a dataset was made of the bundled world's scenes: its folder says so."""
    path = dataset.first().filepath if len(dataset) else ""
    return bool(path) and (Path(path).parent.parent / "scenes.json").is_file()


def scenes_pairs() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Pairs of words that the bundled world's biases plant: together, and apart."""
    from fiftyone_capviz.scenes.tables import NEVER_TOGETHER, PLANTED_BIASES
    from fiftyone_capviz.scenes.wording import word_of_background

    strong, weak = 0.5, 0.05
    together, apart = [], list(NEVER_TOGETHER)
    for bias in PLANTED_BIASES:
        given = bias.given.removeprefix("held ")
        pair = (_word(given, word_of_background), _word(bias.then, word_of_background))
        if bias.share >= strong:
            together.append(pair)
        elif bias.share <= weak and pair not in apart:
            apart.append(pair)
    return together, apart


def _word(name: str, spoken: Any) -> str:
    from fiftyone_capviz.words import caption_words

    return caption_words(str(spoken(name))).words[0]

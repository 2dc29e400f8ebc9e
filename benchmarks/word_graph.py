"""Words and word graph of many captions against plain Python.

    python benchmarks/word_graph.py ../shared/data/captions/flickr8k.token.txt

The file holds one caption per line, after the last tab if there is one. Rivals, on the same
documents: for the counts a Counter of words and one over ``itertools.combinations``, whose counts
must be equal; for the tests ``scipy.stats.fisher_exact`` on a random sample of the pairs, whose
p-values must be equal, extrapolated to all of them. CPU seconds of this process, the least of
--repeat runs for the counts, so that other work on the machine matters little.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy.stats import fisher_exact

from fiftyone_capviz.graph.word_graph import WordGraph, build_graph
from fiftyone_capviz.text.words import caption_words, stop_word_source, words_of_corpus

CAPTIONS = Path("../shared/data/captions/flickr8k.token.txt")
SAMPLE = 200

Result = TypeVar("Result")


def timed(work: Callable[[], Result], *, repeat: int = 1) -> tuple[float, Result]:
    """Least CPU seconds of several runs, and the last result."""
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return min(seconds), result


def plain_counts(
    documents: Sequence[Sequence[str]],
) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """The rival: words and alphabetical pairs of words, document by document."""
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for document in documents:
        distinct = sorted(set(document))
        words.update(distinct)
        pairs.update(combinations(distinct, 2))
    return words, pairs


def require_equal(graph: WordGraph, words: Counter[str], pairs: Counter[tuple[str, str]]) -> None:
    """Stop unless both counted the same."""
    ours = {
        (min(link.source, link.target), max(link.source, link.target)): link.count
        for link in graph.links()
    }
    if dict(zip(graph.words, graph.counts.tolist(), strict=True)) != words or ours != pairs:
        raise SystemExit("The counts differ: the comparison is void.")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("captions", nargs="?", type=Path, default=CAPTIONS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    chosen = parser.parse_args()

    lines = chosen.captions.read_text(encoding="utf-8").splitlines()
    texts = [line.rpartition("\t")[2] for line in lines]
    load, _ = timed(lambda: caption_words("load the lexicon and the stop words"))
    tokenise, found = timed(lambda: words_of_corpus(texts))  # once: words are kept afterwards
    documents = [one.words for one in found]
    tags = [one.tags for one in found]

    graph_time, graph = timed(lambda: build_graph(documents, tags=tags), repeat=chosen.repeat)
    plain_time, (words, pairs) = timed(lambda: plain_counts(documents), repeat=chosen.repeat)
    require_equal(graph, words, pairs)

    table_time, table = timed(graph.associations)
    sample = np.random.default_rng(0).choice(len(table), min(SAMPLE, len(table)), replace=False)
    counts = dict(zip(graph.words, graph.counts.tolist(), strict=True))

    def by_scipy() -> list[float]:
        values = []
        for one in table.take(np.sort(sample)):
            a, b = counts[one.word_a], counts[one.word_b]
            rest = graph.document_count - a - b + one.count
            cells = [[one.count, a - one.count], [b - one.count, rest]]
            values.append(float(fisher_exact(cells).pvalue))
        return values

    scipy_time, expected = timed(by_scipy)
    scipy_time *= len(table) / max(len(sample), 1)
    if not np.allclose(table.take(np.sort(sample)).p_value, expected, rtol=1e-6, atol=1e-300):
        raise SystemExit("The p-values differ from scipy's: the comparison is void.")

    print(f"{len(texts):,} captions, stop words of {stop_word_source()}")
    print(f"{len(graph):,} words, {graph.pair_counts.nnz:,} pairs, {len(table):,} pairs tested")
    print(f"{'CPU seconds':<52}{'ours':>9}{'plain':>9}{'ratio':>8}")
    print(f"{'load lexicon and stop words':<52}{load:>9.2f}")
    print(f"{'words, tags and spans of every caption':<52}{tokenise:>9.2f}")
    rows = (
        ("graph: counts, pairs, tags (rival: counts, pairs)", graph_time, plain_time),
        ("all measures and tests (rival: scipy's test)", table_time, scipy_time),
    )
    for name, ours, plain in rows:
        print(f"{name:<52}{ours:>9.2f}{plain:>9.2f}{plain / ours:>7.1f}x")
    if chosen.json:
        figures = {
            "captions": len(texts),
            "words": len(graph),
            "pairs": int(graph.pair_counts.nnz),
            "tested_pairs": len(table),
            "seconds_load": load,
            "seconds_words": tokenise,
            "seconds_graph": graph_time,
            "seconds_plain_counts": plain_time,
            "seconds_associations": table_time,
            "seconds_scipy_extrapolated": scipy_time,
        }
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

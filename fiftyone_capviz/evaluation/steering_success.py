"""Does steering make a captioner say what it left out? Success rate by method and weight.

For objects that the plain caption does not name, the patches of the object get a weight; success
is a caption that names it (seed paper, section 6).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fiftyone_capviz.evaluation.matching import Synonyms, name_regions
from fiftyone_capviz.evaluation.statistics import Bootstrap, Interval
from fiftyone_capviz.words import caption_words


def names_object(text: str, label: str, *, synonyms: Synonyms | None = None) -> bool:
    """Whether a caption names a label."""
    return bool(name_regions(caption_words(text), [label], synonyms=synonyms).words[0])


def success_rate(
    texts: Sequence[str],
    labels: Sequence[str],
    images: Sequence[int],
    *,
    synonyms: Synonyms | None = None,
    samples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Share of the captions that name their object.

    Args:
        texts, labels: one per object.
        images: which image each object is in; images are drawn as a whole.
        synonyms: other names per label.
        samples, seed: of the bootstrap.
    """
    said = [
        names_object(t, label, synonyms=synonyms) for t, label in zip(texts, labels, strict=True)
    ]
    return Bootstrap(images, samples=samples, seed=seed).mean(np.array(said, dtype=float))

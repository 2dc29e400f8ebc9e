"""Pairs explained batch by batch: what images, captions or whole pairs share is computed once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from PIL.Image import Image

from fiftyone_capviz.curation.pair_runs import PairRun
from fiftyone_capviz.curation.pair_totals import PairTotals

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pair_explanation import PairExplanation
    from fiftyone_capviz.models.interfaces import DualEncoder

BATCH = 16
"""Pairs per read and per write where they are quick."""
KEPT_BYTES = 256 << 20
"""Of images, and of captions, that are kept for the next pair that has them."""


class PairBatches:
    """Explains pairs by one encoder and one run's settings.

    At the last layer images and captions are independent: each is kept, and combined with the
    other. Below it one pair costs a fraction of what its image costs for any caption, so that
    pairs are explained one by one.

    Attributes:
        size: pairs per batch; 1 where one takes long, so that a run tells how far it is and stops
            soon.
    """

    def __init__(self, encoder: DualEncoder, run: PairRun) -> None:
        from fiftyone_capviz.attribution.pair_factors import DatasetFactors

        self._encoder, self._run = encoder, run
        self._factors: DatasetFactors | None = None
        if is_quick(run.method, run.layer, run.image_layers):
            self._factors = DatasetFactors(
                encoder,
                method=run.method,  # type: ignore[arg-type]
                layer=run.layer,
                nodes=run.nodes,
                bits=32,
                max_bytes=KEPT_BYTES,
            )
        self.size = 1 if self._factors is None else BATCH

    def totals(
        self, images: Sequence[Image], texts: Sequence[str], *, keys: Sequence[Hashable]
    ) -> list[PairTotals]:
        """What each word of each pair adds to its score.

        Args:
            images: upright RGB.
            texts: one caption per image.
            keys: equal for equal images.

        Raises:
            InputError: the settings cannot be used.
            ModelError: an attribution overflowed.
        """
        return [PairTotals.of(one) for one in self._explained(images, texts, keys)]

    def seconds_per_pair(self) -> float | None:
        """From one timed pass of the encoder; None for a method of many passes."""
        from fiftyone_capviz.attribution.cost import pair_seconds

        if self._run.method == "ilime":
            return None
        nodes = self._run.nodes if self._run.method == "second_order" else 1
        return pair_seconds(self._encoder, layer=self._run.layer, nodes=nodes)

    def _explained(
        self, images: Sequence[Image], texts: Sequence[str], keys: Sequence[Hashable]
    ) -> list[PairExplanation]:
        if self._factors is not None:
            self._factors.text_factors(texts)
            self._factors.image_factors(images, keys=keys)
            return [self._factors.explain(k, text) for k, text in zip(keys, texts, strict=True)]
        from fiftyone_capviz.attribution.pair_attribution import explain_pairs

        return explain_pairs(
            self._encoder,
            images,
            texts,
            method=self._run.method,  # type: ignore[arg-type]
            layer=self._run.layer,
            nodes=self._run.nodes,
        )


def is_quick(method: str, layer: int, layers: int) -> bool:
    """Whether a pair takes about as long as a pass of the model: derivatives in closed form."""
    return method != "ilime" and layer == layers - 1

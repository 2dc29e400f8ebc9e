"""Which part of a caption meets which part of an image: one pair, explained for a user who waits.

sample = read_sample(dataset, sample_id, choose_fields(dataset, None))
reading = explain_sample(sample, sample.caption, PairSettings(encoder="scenes"))
reading.maps[3]          # the fourth word's, signed, "p p"; sums to the word's share
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from fiftyone_capviz.curation.inference.kept import file_key
from fiftyone_capviz.curation.pairs.answer import (
    Answer,
    Begin,
    PatienceKeywords,
    answered,
    required_caption,
)
from fiftyone_capviz.curation.pairs.sample import PairSample
from fiftyone_capviz.curation.pairs.waits import pair_wait
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.pairs import PairSettings
from fiftyone_capviz.text.caption_pieces import PairWord, pair_words

if TYPE_CHECKING:
    from fiftyone_capviz.models.interfaces import DualEncoder


@dataclass(frozen=True, eq=False, kw_only=True)
class PairAnswer(Answer):
    """The signed share of each word and patch in the score of one pair.

    Attributes:
        caption: as it was explained.
        words: every word of it, stop words included, in its order.
        maps: float32 "words p p"; a word's pieces are summed; NaN for one that was not read.
        read: of each word, whether the encoder has read it: False beyond its token limit.
        transform: from the image to the grid.
        on_patches, on_cls: sums of what the words have with the patches, and with the image's CLS;
            with the rest, of special tokens and punctuation, they make up the total.
        text_layer: of the text, whose input was attributed to; `layer` is the image's.
        layers, default_layer: how many there are on the image side; which is meant by none.
    """

    caption: str
    words: tuple[PairWord, ...]
    maps: FloatArray
    read: tuple[bool, ...]
    transform: PixelTransform
    on_patches: float
    on_cls: float
    text_layer: int
    layers: int
    default_layer: int

    @property
    def shares(self) -> FloatArray:
        """The maps."""
        return self.maps


def explain_sample(
    sample: PairSample,
    caption: str | None,
    settings: PairSettings,
    **patience: Unpack[PatienceKeywords],
) -> PairAnswer:
    """Explain the pair of a sample's image and a caption, its own or another.

    Args:
        sample: whose image.
        caption: any text.
        settings: encoder, method and layer.
        patience: how long to wait, and for which models; see `PatienceKeywords`.

    Raises:
        InputError: no caption, or one that the encoder cannot take; an unknown layer.
        ImageError, ModelError: what cannot be read or had.
        LongWaitError: it is expected to take more than `longest`.
        StoppedError: `stop` said so.
    """
    text, chosen = required_caption(caption), settings.validated()

    def compute(encoder: DualEncoder, begin: Begin) -> PairAnswer:
        from fiftyone_capviz.attribution.pairs.explain import explain_pair

        image = open_image(sample.filepath)
        begin(lambda: pair_wait(encoder, text, chosen))
        found = explain_pair(
            encoder,
            image,
            text,
            method=chosen.method,  # type: ignore[arg-type]
            layer=chosen.used_layer,
            nodes=chosen.nodes,
        )
        return PairAnswer(
            caption=text,
            words=pair_words(text),
            maps=found.token_maps,
            transform=found.transform,
            read=tuple(map(bool, found.tokens_read)),
            on_patches=found.on_patches,
            on_cls=found.on_cls,
            rest=found.rest,
            score=found.score,
            exact=found.exact,
            completeness_error=found.completeness_error,
            relative_error=found.relative_error,
            layer=found.layer,
            text_layer=found.text_layer,
            layers=encoder.image_layers,
            default_layer=encoder.default_layer,
            notes=(*found.warnings, *getattr(encoder, "notes", ())),
        )

    return answered(chosen, ("pair", file_key(sample.filepath), text), compute, **patience)

"""What two images, or two captions, have to do with each other, for a user who waits.

    reading = relate_images(first, second, PairSettings(encoder="scenes"))
    reading.matrix[3, 4]     # of the patch in row 3, column 4: the other image's map, "p p"

Captions are related at the text layer of their pairs. Images without a layer asked for are related
at the last one, in closed form: earlier ones take minutes with a large encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

import numpy as np

from fiftyone_capviz.curation.inference.kept import file_key
from fiftyone_capviz.curation.pairs.answer import (
    Answer,
    Begin,
    PatienceKeywords,
    answered,
    required_caption,
)
from fiftyone_capviz.curation.pairs.sample import PairSample
from fiftyone_capviz.curation.pairs.waits import captions_wait, images_wait
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.pairs import PairSettings
from fiftyone_capviz.text.caption_pieces import pair_words, spans_of

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pairs.second_order import PairAttribution
    from fiftyone_capviz.models.interfaces import DualEncoder


@dataclass(frozen=True, eq=False, kw_only=True)
class Relation(Answer):
    """What the parts of two images, "p p p p", or of two captions, "words words", share.

    Attributes:
        matrix: signed float32; NaN for words that were not read.
        inside: sum of the matrix; with the rest, of the images' CLS or the captions' special tokens
            and punctuation, it makes up the total.
    """

    matrix: FloatArray
    inside: float

    @property
    def shares(self) -> FloatArray:
        """The matrix."""
        return self.matrix

    @classmethod
    def of(
        cls,
        matrix: FloatArray,
        found: PairAttribution,
        *,
        layer: int,
        notes: tuple[str, ...],
        read: FloatArray | None = None,
    ) -> Relation:
        """With the sums of what it was made from; of `read`, where some of the matrix is NaN."""
        inside = float((matrix if read is None else read).sum(dtype=np.float64))
        return cls(
            matrix=matrix,
            score=found.score,
            inside=inside,
            rest=found.total - inside,
            exact=found.exact,
            completeness_error=found.completeness_error,
            relative_error=found.relative_error,
            layer=layer,
            notes=notes,
        )


def relate_images(
    first: PairSample,
    second: PairSample,
    settings: PairSettings,
    **patience: Unpack[PatienceKeywords],
) -> Relation:
    """Which part of one image meets which part of another: matrix "rows columns rows columns".

    The first two axes are of the first image's grid, the others of the second's.

    Args:
        first, second: the images.
        settings, patience: as for `explain_sample`.

    Raises:
        InputError: an unknown layer, or a method that needs a text.
        ImageError, ModelError, LongWaitError, StoppedError: as `explain_sample`.
    """
    from fiftyone_capviz.attribution.pairs.explain import explain_images, require_method

    chosen = settings.validated()
    require_method(chosen.method, perturbing=False)
    paths = first.filepath, second.filepath

    def compute(encoder: DualEncoder, begin: Begin) -> Relation:
        last = encoder.image_layers - 1
        layer = last if chosen.used_layer is None else chosen.used_layer
        notes: tuple[str, ...] = ()
        if chosen.used_layer is None and encoder.default_layer != last and chosen.layered:
            notes = (
                f"Two images are related at the last layer, {last}, at once; the default layer of "
                f"an image and a caption, {encoder.default_layer}, takes longer. Choose it to have "
                "it.",
            )
        images = [open_image(path) for path in paths]
        begin(lambda: images_wait(encoder, layer, chosen))
        found = explain_images(
            encoder,
            *images,
            method=chosen.method,  # type: ignore[arg-type]
            layer=layer,
            nodes=chosen.nodes,
        )
        one, other = (encoder.transform(*image.size).grid for image in images)
        matrix = np.asarray(found.matrix, np.float32).reshape(*one, *other)
        return Relation.of(matrix, found, layer=layer, notes=notes)

    return answered(chosen, ("images", *map(file_key, paths)), compute, **patience)


def relate_captions(
    first: str | None,
    second: str | None,
    settings: PairSettings,
    **patience: Unpack[PatienceKeywords],
) -> Relation:
    """Which word of one caption meets which of another: matrix "words words".

    Args:
        first, second: the captions.
        settings, patience: as for `explain_sample`.

    Raises:
        InputError: an empty caption, an unknown layer, or a method that needs an image.
        ModelError, LongWaitError, StoppedError: as `explain_sample`.
    """
    from fiftyone_capviz.attribution.pairs.explain import (
        explain_texts,
        is_cut,
        require_method,
        warnings_of,
    )
    from fiftyone_capviz.attribution.pairs.layer_pairs import side_layers
    from fiftyone_capviz.attribution.words.alignment import word_rows

    texts = [required_caption(one) for one in (first, second)]
    chosen = settings.validated()
    require_method(chosen.method, perturbing=False)

    def compute(encoder: DualEncoder, begin: Begin) -> Relation:
        differentiates = chosen.differentiates
        _, layer = side_layers(encoder, chosen.used_layer, None, differentiates=differentiates)
        longer = max(texts, key=len)
        begin(lambda: captions_wait(encoder, longer, layer, chosen))
        found = explain_texts(
            encoder,
            *texts,
            method=chosen.method,  # type: ignore[arg-type]
            layer=layer,
            nodes=chosen.nodes,
        )
        tokens = encoder.tokens(texts)
        notes = tuple(
            f"{which} caption: {note}"
            for row, which in enumerate(("First", "Second"))
            for note in warnings_of(tokens, row)
        )
        between = np.asarray(found.matrix, float)
        rows, columns = (
            word_rows(spans_of(pair_words(text)), pieces[:count], cut=is_cut(tokens, row))
            for row, (text, pieces, count) in enumerate(
                zip(texts, tokens.offsets, between.shape, strict=True)
            )
        )
        matrix: FloatArray = (rows @ between @ columns.T).astype(np.float32)
        read = np.nan_to_num(rows) @ between @ np.nan_to_num(columns).T
        return Relation.of(matrix, found, layer=layer, notes=notes, read=read)

    return answered(chosen, ("captions", *texts), compute, **patience)

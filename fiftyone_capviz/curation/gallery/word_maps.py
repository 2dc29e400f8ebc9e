"""Maps of a caption's words by every layer and head: made once, kept for a while.

One forward and one backward pass give all of them, so that choosing another layer or head of the
same method costs no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from fiftyone_capviz.curation.dataset.documents import Document, text_hash
from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.inference.kept import Key, RecentCache, feature_cache, file_key
from fiftyone_capviz.curation.inference.memory import free_memory, is_out_of_memory
from fiftyone_capviz.errors import CapvizError, ImageError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.text.words import caption_words

if TYPE_CHECKING:
    from fiftyone_capviz.models.interfaces import CaptionAttention, MatchAttention

BATCH = 4
"""Captions per pass: the gradients of all layers and heads are held at once."""
KEPT_BYTES = 192 << 20


@dataclass(frozen=True)
class CaptionMaps:
    """All maps of one caption.

    Attributes:
        words: in caption order.
        maps: float32 "layers heads words rows columns".
        transform: from the image to the grid.
    """

    words: tuple[str, ...]
    maps: FloatArray
    transform: PixelTransform

    def at(self, layer: int, head: int | None) -> FloatArray:
        """Maps of one layer, of one head or the mean of all: "words rows columns"."""
        chosen = self.maps[layer]
        taken: FloatArray = chosen.mean(axis=0) if head is None else chosen[head]
        return taken


@lru_cache(maxsize=1)
def map_cache() -> RecentCache[CaptionMaps]:
    """The maps that this process made last."""
    return RecentCache(KEPT_BYTES)


@dataclass
class CaptionedImage:
    """An image, its caption and its segments.

    Attributes:
        label_ids: of the segments that are asked for.
    """

    sample_id: str
    filepath: str
    text: str
    detections: list[Document]
    label_ids: list[str] = field(default_factory=list)


class MapMaker:
    """The maps of a request's captions: kept ones, and those that the model makes now.

    Life cycle: made for one request, `compute` while the model is in use, then `of`.
    """

    def __init__(
        self,
        model: CaptionAttention | MatchAttention,
        options: AnalysisOptions,
        kept: RecentCache[CaptionMaps],
    ) -> None:
        self._model = model
        self._options = options
        self._kept = kept
        self._found: dict[str, CaptionMaps | CapvizError] = {}

    def of(self, image: CaptionedImage) -> CaptionMaps:
        """All maps of an image's caption.

        Raises:
            CapvizError: why there are none.
        """
        found = self._found[image.sample_id]
        if isinstance(found, CapvizError):
            raise found
        return found

    def compute(self, images: Sequence[CaptionedImage]) -> None:
        """Make what is not kept; the model must be in use by this thread."""
        missing = []
        for image in images:
            kept = self._kept.get(self._key(image))
            if kept is None:
                missing.append(image)
            else:
                self._found[image.sample_id] = kept
        for start in range(0, len(missing), BATCH):
            self._compute_batch(missing[start : start + BATCH])

    def _compute_batch(self, images: Sequence[CaptionedImage]) -> None:
        try:
            for image, made in zip(images, self._make(images), strict=True):
                self._found[image.sample_id] = made
                self._kept.keep(self._key(image), made, made.maps.nbytes)
        except Exception as error:
            if len(images) > 1:  # one image alone may be the cause, or less memory enough
                free_memory()
                for image in images:
                    self._compute_batch([image])
                return
            if not isinstance(error, CapvizError):
                get_logger().exception("word maps of %s", images[0].filepath)
                memory = is_out_of_memory(error)
                reason = "it does not fit into memory" if memory else f"{error}"
                error = ImageError(f"The model failed on this image: {reason}.")
            self._found[images[0].sample_id] = error

    def _make(self, images: Sequence[CaptionedImage]) -> list[CaptionMaps]:
        import torch

        from fiftyone_capviz.attribution.words.methods import all_method_maps

        model, options = self._model, self._options
        read = {"pixel_range": options.pixel_range}
        encoded = [feature_cache().features(model, one.filepath, **read) for one in images]
        words = [caption_words(image.text) for image in images]
        own_prompt = options.source == "lm" and options.prompt not in (
            None,
            getattr(model, "default_prompt", None),
        )
        places = [model.transform(seen.width, seen.height) for seen in encoded]
        made = all_method_maps(
            model,
            torch.cat([each.tensor for each in encoded]),
            captions=[image.text for image in images],
            words=words,
            grids=[place.grid for place in places],
            methods=(options.method,),
            clamp=options.clamp,
            per_head=True,
            prompts=[""] * len(images) if own_prompt else None,
        )[options.method]
        return [
            CaptionMaps(found.words, maps, place)
            for found, maps, place in zip(words, made, places, strict=True)
        ]

    def _key(self, image: CaptionedImage) -> Key:
        model, options = self._model, self._options
        of_model = (model.spec, model.revision, str(model.device), str(model.dtype))
        of_method = (options.source, options.method, options.clamp, str(options.prompt))
        return (*of_model, *of_method, *file_key(image.filepath), text_hash(image.text))

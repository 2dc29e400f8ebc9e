"""Every image of a view with every caption of it: second-order attributions in cached factors.

    relations = relate_view(dataset, encoder="scenes")
    relations.scores                                  # images x captions
    relations.explain(sample_id, "a man in a hat")    # any image with any text
    relations.segment_words(sample_id).matrix         # segments x words

Each image and each caption goes through the encoder once; a pair of them is a product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from bson import ObjectId
from PIL.Image import Image

from fiftyone_capviz.curation.dataset.documents import Document, chosen_text, full_masks
from fiftyone_capviz.curation.dataset.progress import Failure, Progress, ProgressCallback
from fiftyone_capviz.curation.dataset.samples import image_samples
from fiftyone_capviz.curation.dataset.store import clear_stop, stop_requested
from fiftyone_capviz.curation.pairs.explain import encoder_in_turn, require_layer
from fiftyone_capviz.curation.pairs.sample import choose_fields
from fiftyone_capviz.errors import ImageError, InputError, StoppedError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.segments import owned_shares
from fiftyone_capviz.settings.pairs import PairSettings, default_encoder

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pairs.dataset_factors import DatasetFactors
    from fiftyone_capviz.attribution.pairs.explanation import PairExplanation
    from fiftyone_capviz.models.cache import ModelCache

MAX_BYTES = 2 << 30
"""Of the factors of images that are kept; those of others are computed when they are asked for."""


@dataclass(frozen=True)
class SegmentWords:
    """Scores of an image's segments by a caption's content words.

    Attributes:
        segment_ids: of the stored segments, rows of the matrix.
        words: columns of the matrix.
        matrix: float32 "segments words", as coverage takes them: sum over the segment's pixels,
            over those of the image, over the root of the segment's share of it.
    """

    segment_ids: tuple[str, ...]
    words: tuple[str, ...]
    matrix: FloatArray


@dataclass
class ViewRelations:
    """The images and captions of a view, ready to be combined; made by `relate_view`.

    Attributes:
        sample_ids: of the images, rows of `scores`, in the order of the view.
        captions: unique captions, columns of `scores`, in the order of the view.
        caption_of: sample id -> its own caption.
        scores: float32 "images captions": cosine of each image and each caption.
        failures: samples whose image cannot be used.
        stopped: ended early, on request; what is here is whole.
    """

    sample_ids: tuple[str, ...]
    captions: tuple[str, ...]
    caption_of: dict[str, str]
    scores: FloatArray
    failures: list[Failure]
    stopped: bool
    _factors: DatasetFactors = field(repr=False)
    _source: PairSource = field(repr=False)

    def explain(self, sample_id: str, caption: str | None = None) -> PairExplanation:
        """An image with a caption.

        Args:
            sample_id: of the image.
            caption: any text; None is the sample's own.

        Raises:
            InputError: no such image here, or no caption.
            ImageError: the image was not kept, and cannot be read any more.
        """
        if sample_id not in self.sample_ids:
            raise InputError(
                f"An image must be one of the {len(self.sample_ids)} that were related; got "
                f"{sample_id!r}. Relate a view that holds it."
            )
        text = caption if caption is not None else self.caption_of.get(sample_id, "")
        if not text.strip():
            raise InputError(f"Sample {sample_id} has no caption. Give one.")
        with encoder_in_turn(self._source.settings, self._source.cache):
            if sample_id not in self._factors.images:
                path = self._source.rows[sample_id]["filepath"]
                self._factors.image_factors([open_image(path)], keys=[sample_id])
            return self._factors.explain(sample_id, text)

    def segment_words(self, sample_id: str, caption: str | None = None) -> SegmentWords:
        """Scores of the stored segments of an image by the words of a caption.

        Args:
            sample_id: of the image.
            caption: any text; None is the sample's own.

        Raises:
            InputError: as `explain`; or the dataset has no segments.
        """
        from fiftyone_capviz.attribution.pairs.slices import segment_word_matrix

        found = self.explain(sample_id, caption)
        detections = self._source.detections(sample_id)
        masks = full_masks(detections, width=found.transform.width, height=found.transform.height)
        weights = owned_shares(masks, found.transform)
        areas = masks.reshape(len(masks), -1).mean(axis=1) if len(masks) else np.zeros(0)
        return SegmentWords(
            tuple(str(each["_id"]) for each in detections),
            found.words.words,
            segment_word_matrix(found, weights, areas),
        )


def relate_view(
    collection: Any,
    *,
    caption_field: str | None = None,
    encoder: str | None = None,
    method: str = "second_order",
    layer: int | None = None,
    nodes: int = 8,
    device: str = "auto",
    dtype: str = "auto",
    max_bytes: int = MAX_BYTES,
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
    cache: ModelCache | None = None,
) -> ViewRelations:
    """Send each image and each caption of a view through a dual encoder once.

    Writes nothing to the dataset.

    Args:
        collection: a dataset or view of images.
        caption_field: default the analysed one, else any field with text.
        encoder: hub name, local folder or "scenes"; default the family that was analysed.
        method: any of the pair methods but "ilime".
        layer: zero-based block of the image side; None is the encoder's default. Layers before the
            last take minutes per image of a full-size model.
        nodes: of the quadrature.
        device, dtype: "auto" or a torch name.
        max_bytes: of the images' factors that are kept.
        progress, stop, cache: as in ``analyze``.

    Raises:
        InputError: no captions, no images, an unknown method or layer.
        ModelError: the encoder cannot be had.
    """
    from fiftyone_capviz.attribution.pairs.dataset_factors import DatasetFactors
    from fiftyone_capviz.attribution.pairs.stopping import stoppable

    samples = image_samples(collection)
    chosen = choose_fields(samples.dataset, caption_field)
    if chosen.caption_field is None:
        raise InputError(
            "Pairs need captions; the dataset has no field with text. Run 'Caption images' first."
        )
    settings = PairSettings(
        encoder or default_encoder(chosen.captioner or ""), method, layer, nodes, device, dtype
    ).validated()
    source = PairSource(samples.dataset, settings, cache, chosen.segments_field)
    source.read(samples.ids, chosen.caption_field)
    own = {
        key: text
        for key, row in source.rows.items()
        if (text := chosen_text(row.get(chosen.caption_field), chosen.caption_index) or "").strip()
    }
    told = stop or (lambda: stop_requested(samples.dataset))
    clear_stop(samples.dataset)
    with encoder_in_turn(settings, cache) as model, stoppable(told):
        require_layer(settings, model)
        factors = DatasetFactors(
            model,
            method=method,  # type: ignore[arg-type]
            layer=layer,
            nodes=nodes,
            max_bytes=max_bytes,
        )
        run = UnitRun(factors, told, progress)
        captions = tuple(dict.fromkeys(own.values()))
        texts = run.text_units(captions)
        ids, images = run.image_units(source)
        scores = np.zeros((len(images), len(texts)), dtype=np.float32)
        if scores.size:
            scores = (images @ texts.T).astype(np.float32)
    return ViewRelations(
        tuple(ids), captions[: len(texts)], own, scores, run.failures, run.stopped, factors, source
    )


BATCH = 16
"""Images, or captions, per pass of the encoder."""


@dataclass
class PairSource:
    """Where the images and segments of the relations are.

    Attributes:
        rows: sample id -> its path and caption, in the order of the view.
    """

    dataset: Any
    settings: PairSettings
    cache: ModelCache | None
    segments_field: str | None
    rows: dict[str, Document] = field(default_factory=dict)

    def read(self, ids: Sequence[ObjectId], caption_field: str) -> None:
        wanted = {"filepath": 1, caption_field: 1}
        found = self.dataset._sample_collection.find({"_id": {"$in": list(ids)}}, wanted)
        rows = {row["_id"]: row for row in found}
        self.rows = {str(one): rows[one] for one in ids if one in rows}

    def detections(self, sample_id: str) -> list[Document]:
        if self.segments_field is None:
            raise InputError(
                "Segments need a field of Detections; the dataset has none. Run 'Segment images' "
                "first."
            )
        path = f"{self.segments_field}.detections"
        row = self.dataset._sample_collection.find_one({"_id": ObjectId(sample_id)}, {path: 1})
        return list(((row or {}).get(self.segments_field) or {}).get("detections") or [])


class UnitRun:
    """Batches through the encoder, until they end or somebody stops them."""

    def __init__(
        self,
        factors: DatasetFactors,
        told: Callable[[], bool],
        progress: ProgressCallback | None,
    ) -> None:
        self.factors, self.told, self.progress = factors, told, progress
        self.failures: list[Failure] = []
        self.stopped = False

    def text_units(self, captions: Sequence[str]) -> FloatArray:
        """Unit vectors "captions dimensions" of those that were done."""
        units: list[Any] = []
        for start in range(0, len(captions), BATCH):
            part = captions[start : start + BATCH]
            found = self._tried(partial(self._text_units, part))
            if found is None:
                break
            units += found
            self._tell("captions", len(units), len(captions))
        return _stacked(units)

    def image_units(self, source: PairSource) -> tuple[list[str], FloatArray]:
        """Ids of the images that were done, and their unit vectors "images dimensions"."""
        ids: list[str] = []
        units: list[Any] = []
        keys = list(source.rows)
        for start in range(0, len(keys), BATCH):
            opened = self._opened(source, keys[start : start + BATCH])
            if opened:
                found = self._tried(partial(self._image_units, opened))
                if found is None:
                    break
                units += found
                ids += opened
            self._tell("images", min(start + BATCH, len(keys)), len(keys))
        return ids, _stacked(units)

    def _text_units(self, captions: Sequence[str]) -> list[Any]:
        return [factors.unit for factors in self.factors.text_factors(captions)]

    def _image_units(self, opened: dict[str, Image]) -> list[Any]:
        kept, images = self.factors.images, list(opened.values())
        each = kept.nbytes / len(kept) if len(kept) else 0
        if kept.nbytes + each * len(images) > kept.max_bytes:  # explained when they are asked for
            return list(self.factors.encoder.encode_images(images).cpu())
        return [one.unit for one in self.factors.image_factors(images, keys=list(opened))]

    def _opened(self, source: PairSource, keys: Sequence[str]) -> dict[str, Image]:
        opened = {}
        for key in keys:
            path = source.rows[key]["filepath"]
            try:
                opened[key] = open_image(path)
            except ImageError as error:
                self.failures.append(Failure(key, path, str(error)))
        return opened

    def _tried(self, work: Callable[[], list[Any]]) -> list[Any] | None:
        """The batch, or None where it was stopped before or in it."""
        try:
            if not self.stopped and not self.told():
                return work()
        except StoppedError:
            pass
        self.stopped = True
        return None

    def _tell(self, label: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(Progress("models", done, total, label))


def _stacked(units: Sequence[Any]) -> FloatArray:
    if not units:
        return np.zeros((0, 0), dtype=np.float32)
    stacked: FloatArray = np.stack([unit.float().numpy() for unit in units])
    return stacked

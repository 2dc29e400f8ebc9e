"""Every image of a view with every caption of it: second-order attributions in cached factors.

    relations = relate_view(dataset, encoder="scenes")
    relations.scores                                  # images x captions
    relations.explain(sample_id, "a man in a hat")    # any image with any text
    relations.segment_words(sample_id).matrix         # segments x words

Each image and each caption goes through the encoder once; a pair of them is a product.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Unpack

import numpy as np
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.attribution.pairs.stopping import stoppable
from fiftyone_capviz.curation.dataset.captions import stored_text
from fiftyone_capviz.curation.dataset.job import Job, JobKeywords, long_run
from fiftyone_capviz.curation.dataset.progress import Failure
from fiftyone_capviz.curation.dataset.samples import image_samples
from fiftyone_capviz.curation.dataset.store import clear_stop
from fiftyone_capviz.curation.inference.batch_loop import run_batches
from fiftyone_capviz.curation.inference.loaded_models import models_in_use
from fiftyone_capviz.curation.inference.segment_weights import mask_weights
from fiftyone_capviz.curation.pairs.answer import encoder_in_turn
from fiftyone_capviz.curation.pairs.relation_run import (
    PairSource,
    RelatedUnit,
    RelationWork,
    UnitVector,
)
from fiftyone_capviz.curation.pairs.sample import choose_fields
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import BoolArray, FloatArray
from fiftyone_capviz.settings.pairs import PairSettings, default_encoder

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pairs.dataset_factors import DatasetFactors
    from fiftyone_capviz.attribution.pairs.explanation import PairExplanation

MAX_BYTES = 2 << 30
"""Of the factors of images that are kept; those of others are computed when they are asked for."""


@dataclass(frozen=True)
class SegmentWords:
    """Scores of an image's segments by a caption's content words.

    Attributes:
        segment_ids: of the stored segments, rows of the matrix.
        words: columns of the matrix.
        matrix: float32 "segments words", as coverage takes them: sum over the segment's pixels,
            over those of the image, over the root of the segment's share of it. NaN in the columns
            of words without an attribution, and in the rows of segments that are not seen.
        unread: words beyond the encoder's token limit.
        seen: bool "segments": half of the segment at least lies inside what the encoder sees.
    """

    segment_ids: tuple[str, ...]
    words: tuple[str, ...]
    matrix: FloatArray
    unread: tuple[str, ...]
    seen: BoolArray


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
        cut: of the captions, those that are longer than the encoder reads, with the tokens that
            were left out: their scores are of what comes before.
    """

    sample_ids: tuple[str, ...]
    captions: tuple[str, ...]
    caption_of: dict[str, str]
    scores: FloatArray
    failures: list[Failure]
    stopped: bool
    cut: dict[str, int]
    _factors: DatasetFactors = field(repr=False)
    _source: PairSource = field(repr=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user must know, in plain sentences; often nothing."""
        if not self.cut:
            return ()
        return (
            f"{len(self.cut)} of {len(self.captions)} captions are longer than the encoder reads; "
            "the words at their ends have no part in the scores, and no attribution. Shorten them.",
        )

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
        weights, areas, seen = mask_weights(detections, found.transform)
        return SegmentWords(
            tuple(str(each["_id"]) for each in detections),
            found.words.words,
            segment_word_matrix(found, weights, areas, seen),
            found.unread,
            seen,
        )


def relate_view(
    collection: SampleCollection,
    *,
    caption_field: str | None = None,
    encoder: str | None = None,
    method: str = "second_order",
    layer: int | None = None,
    nodes: int = 8,
    device: str = "auto",
    dtype: str = "auto",
    max_bytes: int = MAX_BYTES,
    **job: Unpack[JobKeywords],
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
        job: progress, stop, cache, as in ``analyze``.

    Raises:
        InputError: no captions, no images, an unknown method or layer.
        ModelError: the encoder cannot be had, or failed on every image.
        DatabaseError: MongoDB went away.
    """
    following = Job(**job)
    with long_run():
        samples = image_samples(collection)
        chosen = choose_fields(samples.dataset, caption_field)
        if chosen.caption_field is None:
            raise InputError(
                "Pairs need captions; the dataset has no field with text. Run 'Caption images' "
                "first."
            )
        settings = PairSettings(
            encoder or default_encoder(chosen.captioner or ""), method, layer, nodes, device, dtype
        ).validated()
        source = PairSource(samples.dataset, settings, following.cache, chosen.segments_field)
        source.read(samples.ids, chosen.caption_field)
        own = {
            key: text
            for key, row in source.rows.items()
            if (text := stored_text(row, chosen.caption_field, chosen.caption_index) or "").strip()
        }
        clear_stop(samples.dataset)
        return _relate(source, own, max_bytes, following)


def _relate(source: PairSource, own: dict[str, str], max_bytes: int, job: Job) -> ViewRelations:
    work = RelationWork(source.settings, max_bytes)
    with models_in_use(job.cache):
        worker = work.open(job.cache)
    captions = tuple(dict.fromkeys(own.values()))
    images = [RelatedUnit(key, row["filepath"]) for key, row in source.rows.items()]
    tally = _Tally()
    with stoppable(lambda: job.asked_to_stop(source.dataset)):
        for units, named in (
            ([RelatedUnit(text, None) for text in captions], work.named("captions")),
            (images, work.named("images")),
        ):
            if not tally.stopped:
                loop = run_batches(
                    named,
                    units,
                    job,
                    dataset=source.dataset,
                    worker=worker,
                    stored=tally.stored,
                    rejected=lambda result, reason: None,
                )
                tally.stopped = loop.stopped
    texts = [text for text in captions if text in tally.texts]
    scores = np.zeros((len(tally.images), len(texts)), dtype=np.float32)
    if scores.size:
        rows = np.stack(list(tally.images.values()))
        columns = np.stack([tally.texts[text] for text in texts])
        scores = (rows @ columns.T).astype(np.float32)
    return ViewRelations(
        tuple(tally.images),
        tuple(texts),
        own,
        scores,
        tally.failures,
        tally.stopped,
        {text: tally.cut[text] for text in texts if tally.cut[text]},
        worker.factors,
        source,
    )


@dataclass
class _Tally:
    """What has been through the encoder so far."""

    texts: dict[str, FloatArray] = field(default_factory=dict)
    images: dict[str, FloatArray] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    stopped: bool = False

    def stored(self, result: UnitVector) -> None:
        """Keep a unit vector, or why there is none; runs in the writer's thread."""
        unit = result.unit
        if result.error is not None:
            self.failures.append(Failure(unit.key, unit.filepath or "", result.error))
        elif result.vector is not None:
            place = self.texts if unit.filepath is None else self.images
            place[unit.key] = result.vector
            if unit.filepath is None:
                self.cut[unit.key] = result.cut

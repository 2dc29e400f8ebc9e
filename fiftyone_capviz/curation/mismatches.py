"""Words that speak against their own image: second-order attributions over a view.

    report = find_mismatches(view, PairSettings(encoder="scenes"))
    print(report.summary())          # 7 of 60 captions hold a word that speaks against ...
    mismatch_view(dataset, report.caption_field)

A word's total is the sum of its attributions over all patches. It is negative where the word lowers
the score that image and caption have together: it often names what is not there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from PIL.Image import Image
from pymongo import UpdateOne

from fiftyone_capviz.curation.compute import free_memory, is_out_of_memory
from fiftyone_capviz.curation.documents import Document, chosen_text
from fiftyone_capviz.curation.fields import ERROR_FIELD, CaptionFields
from fiftyone_capviz.curation.images_of import image_samples
from fiftyone_capviz.curation.logs import get_logger
from fiftyone_capviz.curation.mismatch_report import MismatchReport
from fiftyone_capviz.curation.pair_explainer import encoder_in_turn, require_layer
from fiftyone_capviz.curation.pair_fields import HASH_KEY, PairFields, declare_pair_fields
from fiftyone_capviz.curation.pair_sample import PairFieldsChosen, choose_fields
from fiftyone_capviz.curation.pair_settings import PairSettings, default_encoder
from fiftyone_capviz.curation.report import Failure, Progress, ProgressCallback
from fiftyone_capviz.curation.sample_ids import reload_samples
from fiftyone_capviz.curation.stop import clear_stop, stop_requested
from fiftyone_capviz.curation.workspace import MISMATCHED, view_name
from fiftyone_capviz.errors import CapvizError, ImageError, InputError
from fiftyone_capviz.images import open_image

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pair_explanation import PairExplanation
    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import DualEncoder

BATCH = 16
"""Samples per read and per write."""


def find_mismatches(
    collection: Any,
    settings: PairSettings | None = None,
    *,
    caption_field: str | None = None,
    replace: bool = False,
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
    cache: ModelCache | None = None,
) -> MismatchReport:
    """Explain every sample's own caption, and note the words whose total is negative.

    Writes the fields of `PairFields`, one update per sample. What was explained by the same
    settings is skipped, unless its caption changed.

    Args:
        collection: a dataset or view of images.
        settings: default second-order attributions of the analysis' own family of encoders.
        caption_field: default the analysed one, else "caption".
        replace: explain again what is there.
        progress, stop, cache: as in ``analyze``.

    Raises:
        InputError: no captions, no images, or an unknown layer.
        ModelError: the encoder cannot be had.
    """
    started = time.perf_counter()
    samples = image_samples(collection)
    chosen = choose_fields(samples.dataset, caption_field)
    if chosen.caption_field is None:
        raise InputError(
            "Pairs need captions; the dataset has no field with text. Run 'Caption images' first."
        )
    usual = PairSettings(encoder=default_encoder(chosen.captioner or ""))
    run = _Run(samples.dataset, chosen, (settings or usual).validated(), replace=replace)
    told = stop or (lambda: stop_requested(samples.dataset))
    clear_stop(samples.dataset)
    with encoder_in_turn(run.settings, cache) as encoder:
        require_layer(run.settings, encoder)
        declare_pair_fields(samples.dataset, run.names)
        for start in range(0, len(samples.ids), BATCH):
            if told():
                run.report.stopped = True
                break
            run.explain(encoder, samples.ids[start : start + BATCH])
            if progress is not None:
                done = min(start + BATCH, len(samples.ids))
                progress(Progress("samples", done, len(samples.ids), ""))
    reload_samples(samples.dataset)
    run.report.seconds = time.perf_counter() - started
    return run.report


def mismatch_view(collection: Any, caption_field: str) -> Any:
    """The samples with a word that speaks against their image, lowest score first."""
    from fiftyone import ViewField

    names = PairFields(caption_field)
    return collection.match(ViewField(names.mismatches).length() > 0).sort_by(names.score)


def save_mismatch_view(dataset: Any, report: MismatchReport) -> str | None:
    """Keep these samples as a saved view; its name, None where there are none."""
    name = view_name(MISMATCHED, report.caption_field)
    if not report.mismatched:
        return None
    dataset.save_view(
        name,
        mismatch_view(dataset, report.caption_field),
        description="Captions with a word that speaks against the image, lowest score first",
        overwrite=True,
    )
    return name


@dataclass
class _Pair:
    """A sample on its way: its stored document, its caption, and what became of it."""

    row: Document
    text: str
    image: Image | None = None
    error: str | None = None


class _Run:
    """One run: batches of samples are read, explained and written."""

    def __init__(
        self, dataset: Any, chosen: PairFieldsChosen, settings: PairSettings, *, replace: bool
    ) -> None:
        self.dataset, self.chosen, self.settings = dataset, chosen, settings
        self.replace = replace
        caption_field = str(chosen.caption_field)
        self.names = PairFields(caption_field)
        self.stages = CaptionFields(caption_field).stages
        self.report = MismatchReport(caption_field)

    def explain(self, encoder: DualEncoder, ids: Sequence[ObjectId]) -> None:
        """Explain a batch, and write it."""
        todo = []
        for row in self._read(ids):
            text = chosen_text(row.get(self.names.caption), self.chosen.caption_index) or ""
            pair = _Pair(row, text.strip())
            if not pair.text:
                self.report.captionless += 1
            elif self._is_done(encoder, pair):
                self.report.samples += 1
                self.report.skipped += 1
                self._count(row.get(self.names.mismatches) or [])
            else:
                self.report.samples += 1
                todo.append(pair)
        updates = [
            UpdateOne({"_id": pair.row["_id"]}, {"$set": values})
            for pair, values in self._results(encoder, self._opened(todo))
        ]
        updates += [
            UpdateOne({"_id": pair.row["_id"]}, {"$set": {ERROR_FIELD: pair.error}})
            for pair in todo
            if pair.error is not None
        ]
        if updates:
            self.dataset._sample_collection.bulk_write(updates, ordered=False)

    def _read(self, ids: Sequence[ObjectId]) -> Iterator[Document]:
        wanted = dict.fromkeys(
            ("filepath", self.names.caption, self.names.mismatches, self.stages), 1
        )
        found = self.dataset._sample_collection.find({"_id": {"$in": list(ids)}}, wanted)
        rows = {row["_id"]: row for row in found}
        return (rows[one] for one in ids if one in rows)

    def _is_done(self, encoder: DualEncoder, pair: _Pair) -> bool:
        told = self.settings.result_hash(encoder.revision, pair.text)
        noted = (pair.row.get(self.stages) or {}).get(HASH_KEY)
        return not self.replace and noted == told

    def _opened(self, pairs: Sequence[_Pair]) -> list[_Pair]:
        for pair in pairs:
            try:
                pair.image = open_image(pair.row["filepath"])
            except ImageError as error:
                self._failed(pair, error)
        return [pair for pair in pairs if pair.image is not None]

    def _results(
        self, encoder: DualEncoder, pairs: Sequence[_Pair]
    ) -> Iterator[tuple[_Pair, Document]]:
        """What to write to each sample; of a batch that fails, each pair is tried alone."""
        from fiftyone_capviz.attribution.pair_attribution import explain_pairs

        if not pairs:
            return
        try:
            found = explain_pairs(
                encoder,
                [pair.image for pair in pairs if pair.image is not None],
                [pair.text for pair in pairs],
                method=self.settings.method,  # type: ignore[arg-type]
                layer=self.settings.layer,
                nodes=self.settings.nodes,
            )
        except Exception as error:
            if len(pairs) == 1:
                self._failed(pairs[0], error)
                return
            free_memory()
            for pair in pairs:
                yield from self._results(encoder, [pair])
            return
        for pair, explanation in zip(pairs, found, strict=True):
            self.report.explained += 1
            values = self._values(explanation)
            self._count(values[self.names.mismatches])
            told = self.settings.result_hash(encoder.revision, pair.text)
            stages = {**(pair.row.get(self.stages) or {}), HASH_KEY: told}
            yield pair, {**values, self.stages: stages, ERROR_FIELD: None}

    def _values(self, explanation: PairExplanation) -> Document:
        words = explanation.words.words
        sums = explanation.word_maps.astype(float).sum(axis=(1, 2)).tolist()
        totals = dict(zip(words, sums, strict=True))
        against = [word for word, total in totals.items() if total < 0]
        names, error = self.names, explanation.relative_error
        return {
            names.score: explanation.score,
            names.words: list(words),
            names.totals: sums,
            names.mismatches: sorted(against, key=totals.__getitem__),
            names.error: None if math.isnan(error) else error,
        }

    def _count(self, mismatches: Sequence[str]) -> None:
        self.report.mismatched += bool(mismatches)
        self.report.words.update(mismatches)

    def _failed(self, pair: _Pair, error: Exception) -> None:
        if not isinstance(error, CapvizError):
            get_logger().exception("pair of %s", pair.row["filepath"])
            if is_out_of_memory(error):
                error = ImageError("The pair does not fit into memory. Choose a smaller encoder.")
        pair.error = str(error)
        row = pair.row
        self.report.failures.append(Failure(str(row["_id"]), row["filepath"], pair.error))

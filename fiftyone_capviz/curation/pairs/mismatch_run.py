"""The pairs of a plan, explained and written batch by batch.

What images, captions or whole pairs share is computed once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from PIL.Image import Image
from pymongo import UpdateOne

from fiftyone_capviz.curation.dataset.documents import Document, text_hash
from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.dataset.names import ERROR_FIELD, HASH_KEY, TEXT_KEY, PairFields
from fiftyone_capviz.curation.dataset.progress import (
    Failure,
    Progress,
    ProgressCallback,
    duration_text,
)
from fiftyone_capviz.curation.dataset.runs import RunState, now
from fiftyone_capviz.curation.inference.kept import file_key
from fiftyone_capviz.curation.inference.memory import free_memory, is_out_of_memory
from fiftyone_capviz.curation.pairs.explain import required_caption
from fiftyone_capviz.curation.pairs.fields import with_pair_error
from fiftyone_capviz.curation.pairs.plan import UNKNOWN, PairPlan, PairTask, stored_hashes
from fiftyone_capviz.curation.pairs.results import MismatchReport, PairTotals
from fiftyone_capviz.curation.pairs.runs import PairRun, write_pair_run
from fiftyone_capviz.errors import CapvizError, InputError, StoppedError
from fiftyone_capviz.images import open_image

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pairs.explanation import PairExplanation
    from fiftyone_capviz.models.interfaces import DualEncoder

Outcome = PairTotals | str | None
"""Of a pair: its numbers, why it has none, or nothing where the caption went away."""


class MismatchWork:
    """One run over the pairs of a view.

    Life cycle: made from a plan, `execute`d once; then `report` says what it did.

    Args:
        dataset: of the plan.
        names: of the fields to write.
        plan: what there is to do.
        run: where the results come from.
        last: the run before it.
    """

    def __init__(
        self,
        dataset: Any,
        names: PairFields,
        plan: PairPlan,
        run: PairRun,
        *,
        last: PairRun | None,
    ) -> None:
        self.dataset, self.names, self.plan, self.run, self.last = dataset, names, plan, run, last
        self.report = MismatchReport(
            names.caption,
            samples=plan.samples,
            skipped=len(plan.done),
            captionless=plan.captionless,
            emptied=len(plan.emptied),
        )
        for task in plan.done:
            self.report.count(task.mismatches, task.notes)
        self._repeated = plan.repeated
        self._known: dict[tuple[str, str], Outcome] = {}

    def execute(
        self, encoder: DualEncoder, stop: Callable[[], bool], progress: ProgressCallback | None
    ) -> None:
        """Explain what the plan says, and store it with where it came from.

        Raises:
            InputError: the encoder cannot be used with these settings.
        """
        from fiftyone_capviz.attribution.pairs.stopping import stoppable

        self._store([(task, None) for task in self.plan.emptied])
        if self.plan.tasks:
            write_pair_run(self.dataset, self.run)
            started = time.perf_counter()
            state: RunState = "failed"
            try:
                with stoppable(stop):
                    self._explain(encoder, stop, progress)
                state = "stopped" if self.report.stopped else "done"
            finally:
                self._finish(state, time.perf_counter() - started)
        for key, count in stored_hashes(self.dataset, self.names).items():
            if key != self.run.hash:
                told = self.run.earlier.get(key, UNKNOWN)
                self.report.others[told] = self.report.others.get(told, 0) + count

    def _explain(
        self, encoder: DualEncoder, stop: Callable[[], bool], progress: ProgressCallback | None
    ) -> None:
        batches, tasks = PairBatches(encoder, self.run), self.plan.tasks
        if progress is not None:
            pace = self.run.pace.get(self.run.pace_key) or batches.seconds_per_pair()
            progress(_progress(0, len(tasks), pace))
        started = time.perf_counter()
        for start in range(0, len(tasks), batches.size):
            if stop():
                self.report.stopped = True
                return
            part = tasks[start : start + batches.size]
            try:
                found = self._outcomes(batches, part)
            except StoppedError:
                self.report.stopped = True
                return
            self._store([(task, found[task.pair]) for task in part])
            if progress is not None:
                done = start + len(part)
                pace = (time.perf_counter() - started) / done
                progress(_progress(done, len(tasks), pace))

    def _outcomes(
        self, batches: PairBatches, tasks: Sequence[PairTask]
    ) -> dict[tuple[str, str], Outcome]:
        """What became of each pair; one that comes again is explained once."""
        found = {task.pair: self._known[task.pair] for task in tasks if task.pair in self._known}
        opened = []
        for task in {task.pair: task for task in tasks if task.pair not in found}.values():
            try:
                required_caption(task.text)
                opened.append((task, open_image(task.filepath)))
            except CapvizError as error:
                found[task.pair] = str(error)
        found |= self._explained(batches, opened)
        self._known |= {pair: one for pair, one in found.items() if pair in self._repeated}
        return found

    def _explained(
        self, batches: PairBatches, opened: Sequence[tuple[PairTask, Image]]
    ) -> dict[tuple[str, str], Outcome]:
        """Of a batch that fails, each pair is tried alone; wrong settings end the run."""
        if not opened:
            return {}
        try:
            found = batches.totals(
                [image for _, image in opened],
                [task.text for task, _ in opened],
                keys=[file_key(task.filepath) for task, _ in opened],
            )
        except (InputError, StoppedError):
            raise
        except Exception as error:
            if len(opened) == 1:
                return {opened[0][0].pair: _message(opened[0][0], error)}
            free_memory()
            outcomes: dict[tuple[str, str], Outcome] = {}
            for one in opened:
                outcomes |= self._explained(batches, [one])
            return outcomes
        return {task.pair: one for (task, _), one in zip(opened, found, strict=True)}

    def _store(self, outcomes: Sequence[tuple[PairTask, Outcome]]) -> None:
        """Write a batch, and count it."""
        if outcomes:
            updates = [self._update(task, outcome) for task, outcome in outcomes]
            self.dataset._sample_collection.bulk_write(updates, ordered=False)
        for task, outcome in outcomes:
            if isinstance(outcome, PairTotals):
                self.report.explained += 1
                self.report.stale += task.hash is not None and task.is_stale
                self.report.count(outcome.mismatches, outcome.notes)
            elif outcome is not None:
                self.report.failures.append(Failure(str(task.id), task.filepath, outcome))

    def _update(self, task: PairTask, outcome: Outcome) -> UpdateOne:
        """The one update of a sample; without a result, none of an earlier one stays."""
        names = self.names
        message = outcome if isinstance(outcome, str) else None
        values: Document = {
            ERROR_FIELD: with_pair_error(task.error, message),
            "last_modified_at": datetime.now(UTC).replace(tzinfo=None),
        }
        if not isinstance(outcome, PairTotals):
            removed = dict.fromkeys((*names.paths, names.hash, names.text_hash), "")
            return UpdateOne({"_id": task.id}, {"$set": values, "$unset": removed})
        values |= {
            names.score: outcome.score,
            names.words: list(outcome.words),
            names.totals: list(outcome.totals),
            names.mismatches: list(outcome.mismatches),
            names.error: outcome.error,
            names.notes: list(outcome.notes),
        }
        noted = {HASH_KEY: self.run.hash, TEXT_KEY: text_hash(task.text)}
        if task.stages:  # what other stages note there may change meanwhile
            values |= {f"{names.stages}.{key}": value for key, value in noted.items()}
        else:
            values[names.stages] = noted
        return UpdateOne({"_id": task.id}, {"$set": values})

    def _finish(self, state: RunState, seconds: float) -> None:
        """Write down how the run ended, and forget settings of which nothing is left."""
        report, run, last = self.report, self.run, self.last
        stored = stored_hashes(self.dataset, self.names)
        if last is not None and run.hash not in stored and last.hash in stored:
            write_pair_run(self.dataset, last)  # nothing came of this run: all is still that one's
            return
        counts = {
            name: getattr(report, name)
            for name in ("samples", "explained", "skipped", "captionless", "mismatched", "cut")
        }
        pace = {run.pace_key: seconds / report.explained} if report.explained else {}
        self.run = replace(
            run,
            counts=counts | {"failed": len(report.failures)},
            seconds=seconds,
            pace=run.pace | pace,
            earlier={key: told for key, told in run.earlier.items() if key in stored},
            state=state,
            finished=now(),
        )
        write_pair_run(self.dataset, self.run)


def _progress(done: int, total: int, pace: float | None) -> Progress:
    label = f"{done} of {total} pairs"
    if pace is not None and done < total:
        label += f", about {duration_text(pace * (total - done))} left"
    return Progress("samples", done, total, label)


def _message(task: PairTask, error: Exception) -> str:
    """Why a pair could not be explained, in words for the user."""
    if isinstance(error, CapvizError):
        return str(error)
    get_logger().exception("pair of %s", task.filepath)
    if is_out_of_memory(error):
        return "The pair does not fit into memory. Choose a smaller encoder."
    return str(error) or type(error).__name__


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
        from fiftyone_capviz.attribution.pairs.dataset_factors import DatasetFactors

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
        from fiftyone_capviz.attribution.pairs.cost import pair_seconds

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
        from fiftyone_capviz.attribution.pairs.explain import explain_pairs

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

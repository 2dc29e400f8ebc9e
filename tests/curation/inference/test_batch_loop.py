"""What every long run promises: each of the ten promises of `batch_loop`, against each run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
import torch
from pymongo.errors import ServerSelectionTimeoutError
from pymongo.synchronous.topology import Topology

from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.dataset.store import noted_progress, request_stop
from fiftyone_capviz.errors import DatabaseError, InputError
from fiftyone_capviz.models.cache import ModelCache
from tests.worlds.long_runs import (
    BATCH,
    COUNT,
    RUNS,
    LongRun,
    Watched,
    analysed_images,
    documents,
    failures_of,
    labelled_images,
)

NOTHING_STORED = "it stores no result per unit by which a rerun could know what is done"
CANNOT_APPLY = {
    ("segment vectors", "a_rerun_does_only_what_is_missing"): f"{NOTHING_STORED}: one map",
    ("evaluation", "a_rerun_does_only_what_is_missing"): f"{NOTHING_STORED}: one report",
    ("relations", "a_rerun_does_only_what_is_missing"): "it writes nothing to the dataset",
    ("relations", "a_lost_database_is_one_sentence"): (
        "it reads the database once, before its batches, and then only asks for the stop flag"
    ),
}
"""(run, promise) -> why the promise has no meaning there."""


class Scene:
    """A run in its world: its dataset, and the models it uses."""

    def __init__(self, run: LongRun, dataset: fo.Dataset, cache: ModelCache) -> None:
        self.run, self.dataset, self.cache = run, dataset, cache
        self.events: list[Progress] = []
        self.watched = Watched()
        self.on_event: Callable[[Progress], None] = lambda event: None

    def start(self, collection: Any = None, **job: Any) -> Any:
        """Start the run; its progress is kept in `events`."""

        def tell(event: Progress) -> None:
            self.events.append(event)
            self.on_event(event)

        target = self.dataset if collection is None else collection
        return self.run.start(target, progress=tell, cache=self.cache, **job)

    def after_first_batch(self, act: Callable[[], None]) -> None:
        """Act once, when the first batch of the run's own work has been told."""
        acted: list[bool] = []

        def look(event: Progress) -> None:
            mine = event.total >= COUNT and event.done >= BATCH
            if mine and not acted:
                acted.append(True)
                act()

        self.on_event = look


@pytest.fixture(autouse=True)
def _ordinary_signals() -> Iterator[None]:
    """Python's own handlers, also where the tests were started in the background of a shell."""
    before = (
        signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.signal(signal.SIGTERM, signal.SIG_DFL),
    )
    yield
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, fo.Dataset]]:
    made = {
        True: labelled_images(tmp_path_factory.mktemp("fresh")),
        False: analysed_images(tmp_path_factory.mktemp("analysed")),
    }
    yield made
    for dataset in made.values():
        dataset.delete()


@pytest.fixture(params=RUNS, ids=lambda run: run.name)
def scene(
    request: pytest.FixtureRequest,
    worlds: dict[bool, fo.Dataset],
    cache: ModelCache,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Scene]:
    run: LongRun = request.param
    promise = request.function.__name__.removeprefix("test_")
    if reason := CANNOT_APPLY.get((run.name, promise)):
        pytest.skip(reason)
    made = Scene(run, worlds[run.fresh].clone(), cache)
    made.watched.watch(monkeypatch, run)
    yield made
    made.dataset.delete()


def test_progress_never_goes_back_and_ends_at_its_total(scene: Scene) -> None:
    scene.start()
    assert scene.watched.computed >= COUNT
    stages = {event.stage for event in scene.events}
    for stage in stages:
        told = [event.done for event in scene.events if event.stage == stage]
        assert told == sorted(told)
    assert any(event.total >= COUNT for event in scene.events)
    last = {event.stage: event for event in scene.events}
    assert all(e.done == e.total for stage, e in last.items() if stage != "models")


def test_progress_and_stop_are_in_the_store_for_other_processes(scene: Scene) -> None:
    noted: list[Progress | None] = []

    def look() -> None:
        noted.append(noted_progress(scene.dataset))
        request_stop(scene.dataset)

    scene.after_first_batch(look)
    assert scene.start().stopped
    (seen,) = noted
    assert seen is not None
    assert seen.total >= COUNT
    assert noted_progress(scene.dataset) is None


def test_the_stop_flag_is_obeyed_between_batches(scene: Scene) -> None:
    scene.after_first_batch(lambda: request_stop(scene.dataset))
    report = scene.start()
    assert report.stopped
    assert scene.watched.computed == BATCH


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_waits_for_the_batch(scene: Scene, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    scene.after_first_batch(lambda: os.kill(os.getpid(), number))
    report = scene.start()
    assert report.stopped
    assert scene.watched.computed == BATCH
    assert signal.getsignal(number) is before


def test_the_second_signal_acts_at_once(scene: Scene) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    scene.after_first_batch(twice)
    with pytest.raises(KeyboardInterrupt):
        scene.start()
    assert scene.watched.computed == BATCH
    assert signal.getsignal(signal.SIGINT) is before


def test_a_servers_thread_sets_no_handler(scene: Scene) -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[bool] = []
    scene.on_event = lambda event: seen.append(signal.getsignal(signal.SIGINT) is before)
    thread = threading.Thread(target=scene.start)
    thread.start()
    thread.join(300)
    assert not thread.is_alive()
    assert seen
    assert all(seen)


def test_a_broken_image_is_counted_and_stops_nothing(scene: Scene, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n, and then nothing of the kind")
    sample = scene.dataset.skip(1).first()
    sample["filepath"] = str(broken)
    sample.save()
    report = scene.start()
    assert failures_of(report) == 1
    assert not report.stopped if hasattr(report, "stopped") else True
    texts = COUNT if scene.run.name == "relations" else 0
    assert scene.watched.computed == texts + COUNT - 1


def test_a_batch_that_fails_is_done_one_by_one(scene: Scene) -> None:
    bad: list[int] = []

    def break_one(items: Any) -> None:
        if not bad:
            bad.append(id(items[-1]))
        if id(items[-1]) == bad[0]:
            raise RuntimeError("shapes do not match")

    scene.watched.before = break_one
    report = scene.start()
    assert failures_of(report) == 1
    assert scene.watched.sizes[:1] == [1]
    total = 2 * COUNT if scene.run.name == "relations" else COUNT
    assert scene.watched.computed == total - 1


def test_a_batch_that_does_not_fit_into_memory_is_halved(scene: Scene) -> None:
    def only_one(items: Any) -> None:
        if len(items) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    scene.watched.before = only_one
    report = scene.start()
    assert failures_of(report) == 0
    assert set(scene.watched.sizes) == {1}


def test_a_lost_database_is_one_sentence(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    complete = scene.dataset.clone()
    scene.start(complete)
    whole = [set(row) for row in documents(complete)]
    complete.delete()
    before = documents(scene.dataset)

    def gone(*_: Any, **__: Any) -> None:
        raise ServerSelectionTimeoutError("connection refused")

    scene.after_first_batch(lambda: monkeypatch.setattr(Topology, "select_server", gone))
    with pytest.raises(DatabaseError, match="did not answer") as caught:
        scene.start()
    monkeypatch.undo()
    assert "run the same again" in str(caught.value)
    assert "\n" not in str(caught.value)
    for row, earlier, keys in zip(documents(scene.dataset), before, whole, strict=True):
        assert set(row) in (set(earlier), keys), "a sample is half-written"


def test_an_invalid_view_is_refused_before_any_work(scene: Scene) -> None:
    before = documents(scene.dataset)
    invalid = scene.dataset.match({"$expr": {"$divide": [1, 0]}})
    for view in (invalid, scene.dataset.limit(0)):
        with pytest.raises(InputError):
            scene.start(view)
    assert scene.watched.computed == 0
    assert documents(scene.dataset) == before


def test_between_batches_the_models_are_free_for_others(scene: Scene) -> None:
    free: list[bool] = []

    def other() -> None:
        free.append(scene.cache.lock.acquire(timeout=5))
        if free[-1]:
            scene.cache.lock.release()

    def ask() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    scene.after_first_batch(ask)
    scene.start()
    assert free == [True]


def test_a_rerun_does_only_what_is_missing(scene: Scene) -> None:
    scene.after_first_batch(lambda: request_stop(scene.dataset))
    assert scene.start().stopped
    assert scene.watched.computed == BATCH
    scene.on_event = lambda event: None
    scene.start()
    assert scene.watched.computed == COUNT
    done = documents(scene.dataset)
    if scene.run.name == "rewriting":  # accepted candidates are gone
        with pytest.raises(InputError, match="none of the chosen samples has one"):
            scene.start()
    else:
        scene.start()
    assert scene.watched.computed == COUNT
    assert documents(scene.dataset) == done


def test_few_promises_cannot_apply() -> None:
    promises = 10
    assert len(RUNS) == 7
    assert len(CANNOT_APPLY) <= len(RUNS) * promises / 6
    names = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {promise for _, promise in CANNOT_APPLY} <= names

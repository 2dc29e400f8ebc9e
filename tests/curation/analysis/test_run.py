"""One analysis from its plan to its report: the record, progress, stops, and refusals."""

from __future__ import annotations

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.dataset.runs import read_run
from fiftyone_capviz.curation.dataset.store import request_stop, stop_requested
from fiftyone_capviz.errors import InputError, ModelError
from tests.worlds.five_images import COUNT
from tests.worlds.random_world import CountingCache, random_options


def test_everything_is_declared_and_time_stamps_move(analysed: fo.Dataset) -> None:
    assert not analysed.get_dynamic_field_schema()
    for sample in analysed:
        assert sample.last_modified_at > sample.created_at


def test_progress_and_report(dataset: fo.Dataset, cache: CountingCache) -> None:
    seen: list[Progress] = []
    report = analyze(dataset, random_options(batch_size=2), progress=seen.append, cache=cache)

    counted = [(p.done, p.total) for p in seen if p.stage == "samples"]
    assert counted == [(0, 5), (2, 5), (4, 5), (5, 5)]
    assert report.counts["captions"] == report.counts["matches"] == COUNT
    assert report.counts["segments"] == len(dataset.values("segments.detections.id", unwind=True))
    assert {"caption", "attribute", "segment", "total"} <= report.seconds.keys()
    assert "5 of 5 samples analysed" in report.summary()
    assert Report.from_dict(report.to_dict()) == report


def test_the_record_tells_where_results_came_from(analysed: fo.Dataset) -> None:
    record = read_run(analysed, "caption")
    assert record is not None
    assert record.state == "done"
    assert record.active
    assert record.revisions.keys() == {"captioner", "matcher", "segmenter"}
    assert (record.precision, record.device) == ("float32", "cpu")
    assert record.layer is not None
    assert record.counts["done"] == COUNT
    assert record.versions["fiftyone"] == fo.__version__
    assert record.options["num_beams"] == 1


def test_the_stop_flag_ends_a_run_between_batches(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    def press(progress: Progress) -> None:
        if progress.done == 2:
            request_stop(dataset)

    report = analyze(dataset, random_options(batch_size=2), progress=press, cache=cache)

    assert report.stopped
    assert report.counts["done"] == dataset.count("caption") == 2
    record = read_run(dataset, "caption")
    assert record is not None
    assert record.state == "stopped"
    rest = analyze(dataset, random_options(), cache=cache)
    assert (rest.stopped, rest.skipped, rest.counts["done"]) == (False, 2, 3)
    assert cache.counts["captioner.generate"] == COUNT
    assert not stop_requested(dataset)


def test_a_stop_callback_is_asked(dataset: fo.Dataset, cache: CountingCache) -> None:
    report = analyze(dataset, random_options(batch_size=1), stop=lambda: True, cache=cache)
    assert report.stopped
    assert report.counts["done"] == 1


def test_ctrl_c_keeps_what_is_finished(dataset: fo.Dataset, cache: CountingCache) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done == 4:
            raise KeyboardInterrupt

    report = analyze(dataset, random_options(batch_size=2), progress=interrupt, cache=cache)

    assert report.stopped
    assert report.counts["done"] == dataset.count("caption") == 4
    assert analyze(dataset, random_options(), cache=cache).skipped == 4


def test_models_that_fail_on_everything_end_the_run(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = CountingCache()
    captioner = cache.get("captioner", random_options().captioner, device="cpu")

    def encode(pixels: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(captioner._model, "encode", encode)
    with pytest.raises(ModelError, match=r"first 3 images all failed.*mat1 and mat2.*Details"):
        analyze(dataset, random_options(), cache=cache)

    assert dataset.count("caption") == 0
    record = read_run(dataset, "caption")
    assert record is not None
    assert record.state == "failed"


def test_a_prompt_that_is_too_long_is_said_at_once(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    with pytest.raises(InputError, match="prompt"):
        analyze(dataset, random_options(prompt="man " * 600), cache=cache)
    assert dataset.count("caption") == dataset.count("capviz_error") == 0


def test_a_layer_that_the_model_lacks_is_refused(dataset: fo.Dataset, cache: CountingCache) -> None:
    with pytest.raises(InputError, match=r"layers, 0 to .*got layer=99"):
        analyze(dataset, random_options(layer=99), cache=cache)
    assert dataset.count("caption") == 0

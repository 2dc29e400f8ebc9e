"""Killed at any moment, a run goes on where it ended, and no sample is half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.dataset.runs import read_run
from tests.worlds.random_world import CountingCache, image_dataset, random_options, weights_folder

COUNT = 12
SCRIPT = """
import sys
import time
import fiftyone as fo
from pathlib import Path
from fiftyone_capviz.curation.analysis.analyze import analyze
from tests.worlds.random_world import random_options

def tell(progress):
    print(progress.stage, progress.done, flush=True)
    time.sleep(0.2)

dataset = fo.load_dataset(sys.argv[1])
analyze(dataset, random_options(Path(sys.argv[2]), batch_size=2), progress=tell)
"""
WHOLE = {
    "caption",
    "caption_itm",
    "caption_words",
    "caption_word_tags",
    "caption_attention",
    "caption_scores",
    "caption_coverage",
    "caption_stages",
    "segments",
    "segments_stage",
}


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path: Path, repository: Path) -> None:
    dataset = image_dataset(tmp_path, COUNT)
    dataset.persistent = True
    arguments = [sys.executable, "-c", SCRIPT, dataset.name, str(weights_folder())]
    environment = {**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, env=environment, cwd=repository
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.split()[:1] == ["samples"] and int(line.split()[1]) >= 6:
                break
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)

    dataset.reload()
    stored = [set(row) & WHOLE for row in dataset._sample_collection.find({"capviz_error": None})]
    finished = [fields for fields in stored if fields]
    assert 2 <= len(finished) < COUNT
    assert all(fields == WHOLE for fields in finished), "a sample is half-written"
    captions = dict(zip(dataset.values("id"), dataset.values("caption"), strict=True))
    record = read_run(dataset, "caption")
    assert record is not None
    assert record.state == "running"

    cache = CountingCache()
    report = analyze(dataset, random_options(), cache=cache)

    rest = COUNT - len(finished)
    assert (report.counts["done"], report.skipped) == (rest, len(finished))
    assert cache.counts["captioner.generate"] == rest
    assert cache.counts["segmenter.segment"] == rest
    assert dataset.count("caption_scores") == COUNT
    for sample_id, caption in captions.items():
        assert caption in (None, dataset[sample_id].caption)
    dataset.delete()


def test_results_do_not_depend_on_where_a_run_was_cut(tmp_path: Path) -> None:
    whole, cut = image_dataset(tmp_path, 6), image_dataset(tmp_path, 6)
    cache = CountingCache()
    analyze(whole, random_options(batch_size=6), cache=cache)
    for size in (2, 5, 6):
        analyze(cut.limit(size), random_options(batch_size=2), cache=cache)

    assert whole.values("caption") == cut.values("caption")
    for field in ("caption_itm", "caption_coverage"):
        assert whole.values(field) == pytest.approx(cut.values(field), rel=1e-4)
    labels = [d.values("segments.detections.label") for d in (whole, cut)]
    assert labels[0] == labels[1]
    for dataset in (whole, cut):
        dataset.delete()


def test_no_sample_object_is_loaded_to_find_out_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = image_dataset(tmp_path, 3)
    cache = CountingCache()
    analyze(dataset, random_options(), cache=cache)

    def refuse(*arguments: object) -> None:
        raise AssertionError("a sample was loaded")

    monkeypatch.setattr(fo.Dataset, "_make_sample", refuse)
    assert analyze(dataset, random_options(), cache=cache).skipped == 3
    monkeypatch.undo()
    dataset.delete()

"""A dataset that version 0.1.0 stored opens today: nothing differs, and all can be taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.plan import existing_results
from fiftyone_capviz.curation.dataset.runs import read_run
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.curation.evaluation.comparison import compare_evaluations
from fiftyone_capviz.curation.evaluation.storage import load_evaluation
from fiftyone_capviz.curation.pairs.mismatches import find_mismatches
from fiftyone_capviz.curation.segments.focus import focused_word, unfocus
from fiftyone_capviz.curation.steering.accept import accept_captions, undo_captions
from fiftyone_capviz.errors import ExistingResultsError
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.hashing import REASONS
from fiftyone_capviz.settings.pairs import PairSettings

STORED = Path(__file__).parent.parent / "stored" / "v0_1_0"
PAIRS = PairSettings(encoder="models/encoder", device="cpu")


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((STORED / "expected.json").read_text("utf-8"))
    return found


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> Iterator[fo.Dataset]:
    monkeypatch.chdir(STORED)  # where its options name their models
    made = fo.Dataset.from_dir(
        dataset_dir=str(STORED / "dataset"), dataset_type=fo.types.FiftyOneDataset
    )
    yield made
    made.delete()


def options(dataset: fo.Dataset) -> AnalysisOptions:
    record = read_run(dataset, "caption")
    assert record is not None
    return AnalysisOptions.from_dict(record.options)


def test_what_changed_its_meaning_counts_as_different(
    dataset: fo.Dataset, expected: dict[str, Any]
) -> None:
    """Captions and segments are as they were; what is read of a caption is not (see `REASONS`)."""
    assert dataset.values("caption") == expected["captions"]
    assert sorted(dataset.list_runs()) == expected["runs"]
    assert sorted(dataset.list_saved_views()) == expected["views"]
    found = existing_results(dataset, options(dataset))
    assert found.different == {"match": 6, "attribute": 6}, found.message()
    assert not sum(found.missing.values())
    assert not found.differences
    for stage in ("match", "attribute"):
        assert REASONS[stage] in found.message()
    with pytest.raises(ExistingResultsError, match="What changed since: captions are read up to"):
        analyze(dataset, options(dataset), stages=("match", "segment", "attribute"))
    kept = replace(options(dataset), existing="skip")
    report = analyze(dataset, kept, stages=("match", "segment", "attribute"))
    assert (report.counts["done"] if "done" in report.counts else 0, report.skipped) == (0, 6)


def test_explained_pairs_count_as_done(dataset: fo.Dataset) -> None:
    report = find_mismatches(dataset, PAIRS)
    assert (report.explained, report.skipped) == (0, 6)


def test_captions_are_undone_one_by_one(dataset: fo.Dataset, expected: dict[str, Any]) -> None:
    before = expected["before_steering"]
    assert undo_captions(dataset).samples == 3
    assert dataset.values("caption")[1:] == before[1:]
    assert dataset.values("caption")[0] == expected["previous"][0][1]
    assert undo_captions(dataset).samples == 1
    assert dataset.values("caption") == before


def test_waiting_candidates_are_accepted(dataset: fo.Dataset) -> None:
    waiting = dataset.exists("caption_steered")
    texts = waiting.values("caption_steered")
    ids = waiting.values("id")
    assert len(texts) == 2
    assert accept_captions(dataset).samples == 2
    assert dataset.select(ids, ordered=True).values("caption") == texts


def test_two_evaluations_are_compared(dataset: fo.Dataset) -> None:
    reports = [load_evaluation(dataset, "truth_caption", name) for name in ("", "lm_first")]
    assert all(report.grounding for report in reports)
    assert "itm" in compare_evaluations(*reports, names=("plain", "lm first")).text


def test_the_word_in_focus_is_known(dataset: fo.Dataset) -> None:
    unfocus(dataset)  # the store, where it is named, does not travel with an export
    assert focused_word(dataset) is None


def test_all_of_it_is_deleted(dataset: fo.Dataset, expected: dict[str, Any]) -> None:
    delete_analysis(dataset, "truth_caption")
    delete_analysis(dataset, "caption")
    left = set(dataset.get_field_schema(flat=True))
    assert left == set(expected["fields_before"])
    assert not dataset.list_runs()
    assert not dataset.list_brain_runs()

"""A dataset that version 0.1.0 stored opens today: what differs has a reason, all can be undone.

Since 0.1.0 the words of a caption are found otherwise (`REASONS` in `settings/hashing.py`): what
stands on words counts as different, nothing else does, and nothing is replaced unasked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
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
from fiftyone_capviz.settings.analysis import AnalysisOptions, Stage
from fiftyone_capviz.settings.hashing import REASONS
from fiftyone_capviz.settings.pairs import PairSettings

STORED = Path(__file__).parent.parent / "stored" / "v0_1_0"
STAGES: tuple[Stage, ...] = ("match", "segment", "attribute")
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


CHANGED = ("match", "attribute")
"""Stages whose version has been raised since."""


def test_only_what_changed_counts_as_different(
    dataset: fo.Dataset, expected: dict[str, Any]
) -> None:
    """Captions and segments are as they were; what is read of a caption is not (see `REASONS`)."""
    assert dataset.values("caption") == expected["captions"]
    assert sorted(dataset.list_runs()) == expected["runs"]
    assert sorted(dataset.list_saved_views()) == expected["views"]
    asked = options(dataset)
    found = existing_results(dataset, asked)
    assert {stage: count for stage, count in found.different.items() if count} == dict.fromkeys(
        CHANGED, 6
    )
    assert not sum(found.missing.values())
    assert not sum(found.stale.values())
    assert not found.differences
    for stage in CHANGED:
        assert REASONS[stage] in found.message()
    with pytest.raises(ExistingResultsError, match="came from another configuration"):
        analyze(dataset, asked, stages=STAGES)
    report = analyze(dataset, asked, stages=STAGES, existing="skip")
    assert (report.counts.get("done", 0), report.skipped) == (0, 6)
    coverage = dataset.values("caption_coverage")
    report = analyze(dataset, asked, stages=STAGES, existing="replace")
    assert report.counts["attributed"] == 6
    assert dataset.values("caption") == expected["captions"]
    # Its matcher's default layer was the last, of which every word's map is zero: nothing was
    # covered, and nobody was told. Now the default is a layer that says something.
    assert coverage == [0.0] * 6
    assert all(share > 0 for share in dataset.values("caption_coverage"))
    assert not existing_results(dataset, asked).conflicts


def test_explained_pairs_are_not_replaced_unasked(dataset: fo.Dataset) -> None:
    with pytest.raises(ExistingResultsError, match=REASONS["pairs"]):
        find_mismatches(dataset, PAIRS)
    report = find_mismatches(dataset, PAIRS, existing="skip")
    assert report.explained == 0


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

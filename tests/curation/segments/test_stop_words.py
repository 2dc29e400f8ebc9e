"""A dataset's own stop words: everything follows from the stored scores, and comes back by undo."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.app.panel_focus import panel_focus, set_panel_focus
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.dataset.store import forget_progress, note_progress
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.curation.export.files import export_captions
from fiftyone_capviz.curation.export.summary import summarize
from fiftyone_capviz.curation.gallery.cards import read_cards
from fiftyone_capviz.curation.segments.active import activate_captions
from fiftyone_capviz.curation.segments.focus import focus_word, focused_word
from fiftyone_capviz.curation.segments.stop_words import (
    add_stop_words,
    own_stop_words,
    remove_stop_words,
    undo_stop_words,
)
from fiftyone_capviz.curation.words.caption_index import caption_indexes
from fiftyone_capviz.curation.words.dataset_graph import word_graph
from fiftyone_capviz.errors import InputError
from tests.worlds.analysed import add_captions, analysed_dataset
from tests.worlds.random_world import image_dataset, random_options

LARGE = ("a man with a hat", "a red dress", "a lone wolf at night", "grass", "")
STORED = ("caption_words", "caption_word_tags", "caption_attention", "caption_scores")


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Any]:
    made = analysed_dataset(tmp_path)
    yield made
    made.delete()


def documents(dataset: Any) -> list[Any]:
    """All that is stored of the samples, but when it was changed; FiftyOne stores no None."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {k: plain(v) for k, v in value.items() if k != "last_modified_at"}
            return {k: v for k, v in kept.items() if v is not None}
        return [plain(one) for one in value] if isinstance(value, list) else value

    return [plain(row) for row in sample_documents(dataset).find({}).sort("_id", 1)]


def test_coverage_is_that_of_the_scores_without_the_word(dataset: Any) -> None:
    stored = [dataset.values(path) for path in STORED[:2]]
    report = add_stop_words(dataset, ["wolf"])
    assert (report.added, report.samples, report.segments, report.skipped) == (("wolf",), 2, 8, 0)
    assert [dataset.values(path) for path in STORED[:2]] == stored
    for sample in dataset:
        kept = [i for i, word in enumerate(sample.caption_words) if word != "wolf"]
        words = [sample.caption_words[i] for i in kept]
        expected = measure_coverage(np.asarray(sample.caption_scores)[:, kept])
        assert sample.caption_coverage == pytest.approx(expected.share, rel=1e-12)
        for i, one in enumerate(sample.segments.detections):
            assert one.coverage == expected.counts[i]
            assert one.covered_by == [words[j] for j in expected.covered_by[i]]
            assert one.top_word == (one.covered_by[0] if one.covered_by else None)
            assert one.label == (one.top_word or "uncovered")
            assert one.word_scores == pytest.approx(sample.caption_scores[i].tolist())
            if np.isfinite(expected.entropy[i]):
                assert one.entropy == pytest.approx(expected.entropy[i], rel=1e-12)


def test_every_step_is_undone_exactly(dataset: Any) -> None:
    add_captions(dataset, LARGE, caption_field="caption_large", seed=7)
    runs, states = dataset.list_runs(), [documents(dataset)]
    steps: list[Any] = [
        lambda: add_stop_words(dataset, ["wolf", "snow"]),
        lambda: add_stop_words(dataset, "man"),
        lambda: remove_stop_words(dataset, ["wolf"]),
        lambda: add_stop_words(dataset, ["grass", "wolf", "standing"]),
    ]
    lists = [own_stop_words(dataset)]
    for step in steps:
        step()
        states.append(documents(dataset))
        lists.append(own_stop_words(dataset))
    assert lists[-1] == ("snow", "man", "grass", "wolf", "standing")
    assert all(a != b for a, b in pairwise(states))
    for state, words in zip(states[-2::-1], lists[-2::-1], strict=True):
        undo_stop_words(dataset)
        assert documents(dataset) == state
        assert own_stop_words(dataset) == words
    assert dataset.list_runs() == runs
    with pytest.raises(InputError, match="is left to undo"):
        undo_stop_words(dataset)


def test_before_or_after_the_analysis_is_the_same(tmp_path: Path) -> None:
    options = random_options()
    texts = ["a red dog", "a dog in snow", "red snow"]
    outcomes = []
    for early in (True, False):
        folder = tmp_path / str(early)
        folder.mkdir()
        dataset = image_dataset(folder, 3)
        dataset.set_values("caption", texts)
        if early:
            add_stop_words(dataset, ["red"])
        analyze(dataset, options, stages=("match", "segment", "attribute"))
        if not early:
            add_stop_words(dataset, ["red"])
        paths = ["coverage", "covered_by", "top_word", "entropy", "label", "word_scores"]
        found = [dataset.values(f"segments.detections.{path}") for path in paths]
        outcomes.append([dataset.values("caption_coverage"), *found])
        assert any("red" in words for words in dataset.values("caption_words"))
        dataset.delete()
    assert outcomes[0] == outcomes[1]
    assert not any("red" in one for row in outcomes[0][2] for one in row)


def test_other_caption_fields_follow_too(dataset: Any) -> None:
    add_captions(dataset, LARGE, caption_field="caption_large", seed=7)
    before = dataset.values("caption_coverage")
    segments = dataset.values("segments.detections.covered_by")
    add_stop_words(dataset, ["fish"])  # only the captions that the segments do not describe
    assert dataset.values("segments.detections.covered_by") == segments
    scores, words = dataset.first().caption_scores, dataset.first().caption_words
    kept = [i for i, word in enumerate(words) if word != "fish"]
    share = measure_coverage(np.asarray(scores)[:, kept]).share
    assert dataset.values("caption_coverage") == [share, *before[1:]]
    activate_captions(dataset, "caption")
    assert not any(
        "fish" in one for row in dataset.values("segments.detections.covered_by") for one in row
    )


def test_segments_activated_with_another_k_keep_it(dataset: Any) -> None:
    activate_captions(dataset, "caption", top_k=1)
    before = documents(dataset)
    add_stop_words(dataset, ["dress"])
    undo_stop_words(dataset)
    assert documents(dataset) == before


def test_labels_of_the_user_come_back(dataset: Any) -> None:
    before = dataset.first()
    segment = next(one for one in before.segments.detections if len(one.covered_by) > 1)
    segment.label = segment.covered_by[1]  # what ours would be without the top word
    before.save()
    stored = documents(dataset)
    top = segment.top_word
    add_stop_words(dataset, [top])
    undo_stop_words(dataset)
    assert documents(dataset) == stored


def test_graph_focus_gallery_and_exports_agree(dataset: Any, tmp_path: Path) -> None:
    focus_word(dataset, "wolf")
    set_panel_focus(dataset, ["wolf", "snow"])
    assert "wolf" in caption_indexes().get(dataset, "caption").graph.words
    add_stop_words(dataset, ["wolf"])

    for graph in (word_graph(dataset), caption_indexes().get(dataset, "caption").graph):
        assert "wolf" not in graph.words
        assert "snow" in graph.words
    assert focused_word(dataset) is None
    assert dataset.count("segments.detections.attention") == 0
    focus = panel_focus(dataset)
    assert focus is not None
    assert focus.words == ("snow",)
    with pytest.raises(InputError, match=r"stop word cannot be in focus; 'wolf'.*remove_stop"):
        focus_word(dataset, "Wolves")

    sample = dataset.match({"caption_words": "wolf"}).first()
    chosen = [(sample.id, one.id) for one in sample.segments.detections]
    for card in read_cards(dataset, chosen, caption_field="caption", segments_field="segments"):
        assert "".join(piece.text for piece in card.pieces) == sample.caption
        assert all(piece.text != "wolf" for piece in card.pieces if piece.word >= 0)
        assert card.reading is not None
        covering = [card.words[i] for i in card.reading.covered_by]
        stored = next(one for one in sample.segments.detections if one.id == card.label_id)
        assert covering == stored.covered_by

    record = json.loads(export_captions(dataset, tmp_path / "a.json").read_text("utf-8"))
    assert record["stop_words"] == ["wolf"]
    assert all("wolf" not in one["words"] for one in record["samples"])
    assert all(len(one["words"]) == len(one["word_tags"]) for one in record["samples"])
    path = export_captions(dataset, tmp_path / "a.csv", format="csv")
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert all("wolf" not in row["words"].split() for row in rows)
    assert any("wolf" in row["caption"] for row in rows)
    assert "stop words of this dataset: wolf" in summarize(dataset)


def test_a_word_in_focus_stays_when_another_goes(dataset: Any) -> None:
    focus_word(dataset, "snow")
    before = dataset.values("segments.detections.attention")
    add_stop_words(dataset, ["wolf"])
    assert focused_word(dataset) == "snow"
    assert dataset.values("segments.detections.attention") == before


def test_a_caption_of_stop_words_only_covers_nothing(dataset: Any) -> None:
    add_stop_words(dataset, dataset.first().caption_words)
    sample = dataset.first()
    assert sample.caption_coverage == 0
    assert {one.label for one in sample.segments.detections} == {"uncovered"}


def test_typed_words_are_those_of_the_captions(dataset: Any) -> None:
    assert add_stop_words(dataset, ["Wolves", " SNOW "]).words == ("wolf", "snow")
    again = add_stop_words(dataset, ["wolf"])
    assert (again.added, again.samples) == ((), 0)
    assert remove_stop_words(dataset, "Wolves").removed == ("wolf",)
    undo_stop_words(dataset)
    undo_stop_words(dataset)
    assert own_stop_words(dataset) == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "must be named; got none"),
        (["the"], "built-in stop words already"),
        (["red hat"], "one word; got 'red hat'"),
        ([" "], "one word"),
    ],
)
def test_what_is_no_word_is_refused(dataset: Any, words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        add_stop_words(dataset, words)
    assert own_stop_words(dataset) == ()
    with pytest.raises(InputError):
        remove_stop_words(dataset, words or ["hat"])


def test_nothing_changes_while_an_analysis_runs(dataset: Any) -> None:
    note_progress(dataset, Progress("samples", 1, 2, ""))
    with pytest.raises(InputError, match="an analysis runs"):
        add_stop_words(dataset, ["wolf"])
    forget_progress(dataset)
    assert own_stop_words(dataset) == ()


def test_they_go_along_with_a_clone_and_away_with_the_analysis(dataset: Any) -> None:
    before = set(dataset.list_runs())
    add_stop_words(dataset, ["wolf"])
    copy = dataset.clone()
    assert own_stop_words(copy) == ("wolf",)
    undo_stop_words(copy)
    assert own_stop_words(dataset) == ("wolf",)
    copy.delete()
    assert len(set(dataset.list_runs()) - before) == 1
    delete_analysis(dataset, "caption")
    assert not dataset.list_runs()

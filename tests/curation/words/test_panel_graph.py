"""What the Word Graph asks of a dataset: counts that follow the view, words in focus, files."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from typing import Any

import fiftyone as fo
import numpy as np
import pytest

from fiftyone_capviz.curation.app.panel_focus import clear_panel_focus, set_panel_focus
from fiftyone_capviz.curation.app.panel_scope import panel_scope
from fiftyone_capviz.curation.app.word_painting import paint_focus, samples_with_words
from fiftyone_capviz.curation.segments.focus import focused_word
from fiftyone_capviz.curation.words import panel_graph as graph_panel
from fiftyone_capviz.curation.words import similarity as word_similarity
from fiftyone_capviz.curation.words.caption_index import CaptionIndexes, caption_indexes
from fiftyone_capviz.curation.words.comparison import (
    SAVED_VIEWS,
    Side,
    compare_sides,
    comparison_fields,
    comparison_values,
    side_ids,
)
from fiftyone_capviz.curation.words.dataset_graph import word_graph
from fiftyone_capviz.curation.words.panel_graph import (
    GRAPH_FILES,
    find_words,
    graph_text,
    pairs_of_word,
    panel_graph,
)
from fiftyone_capviz.curation.words.similarity import similar_words
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.graph.word_graph import build_graph


def test_a_part_of_the_index_is_the_graph_of_the_view(dataset: Any) -> None:
    index = CaptionIndexes().get(dataset, "caption")
    view = dataset.match({"caption_words": "wolf"})
    part, wanted = index.part(view.values("id")), word_graph(view)
    assert part.words == wanted.words
    assert part.links() == wanted.links()
    assert part.nodes() == wanted.nodes()
    assert index.part(None) is index.graph
    assert sum(index.score_histogram(view.values("id"))) == len(view)
    assert sum(index.score_histogram(None)) == len(dataset)


def test_the_index_is_made_once_and_again_after_a_change(dataset: Any) -> None:
    indexes = CaptionIndexes()
    first = indexes.get(dataset, "caption")
    assert indexes.get(dataset.limit(1), "caption") is first
    sample = dataset.first()
    sample.caption = "a zebra"
    sample.save()
    second = indexes.get(dataset, "caption")
    assert "zebra" in second.graph.words
    dataset.delete_samples([sample.id])
    assert "zebra" not in indexes.get(dataset, "caption").graph.words


def test_a_change_that_spared_the_captions_keeps_the_index(dataset: Any) -> None:
    indexes = CaptionIndexes()
    first = indexes.get(dataset, "caption")
    version = indexes.version(dataset)
    with indexes.sparing(dataset):
        dataset.set_values("caption_coverage", [0.5] * len(dataset))
        assert indexes.get(dataset, "caption") is first
    assert indexes.get(dataset, "caption") is first
    assert indexes.version(dataset) == version
    dataset.set_values("caption", ["a zebra"] * len(dataset))
    with indexes.sparing(dataset):
        dataset.set_values("caption_coverage", [0.25] * len(dataset))
    assert indexes.version(dataset) == version + 1
    assert indexes.get(dataset, "caption").graph.words == ("zebra",)


def test_a_panel_shows_frequent_words_of_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_panel, "WORDS", 4)
    monkeypatch.setattr(graph_panel, "WORDS_PER_TAG", 1)
    documents = [["dog", "grass", "tree", "man"]] * 5 + [["red", "fish"]] * 2 + [["unicorn"]]
    tags = [["noun"] * 4] * 5 + [["adjective", "noun"]] * 2 + [["noun"]]
    graph = build_graph(documents, tags=tags)
    shown = panel_graph(graph)
    assert [node.word for node in shown.nodes] == ["dog", "grass", "man", "tree", "red"]
    assert (shown.words, shown.documents) == (7, 8)
    assert "unicorn" in [node.word for node in panel_graph(graph, wanted=["unicorn"]).nodes]
    assert find_words(graph, " UNI ") == ["unicorn"]
    assert find_words(graph, "r") == ["red", "grass", "tree", "unicorn"]
    assert find_words(graph, "") == []


def test_links_are_the_strongest_by_every_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_panel, "LINKS", 2)
    documents = [["a", "b"]] * 30 + [["a", "c"]] * 20 + [["b", "c"]] * 20 + [["d", "e"]] * 2
    shown = panel_graph(build_graph(documents, tags=[["noun"] * 2] * len(documents)))
    pairs = {(one.word_a, one.word_b) for one in shown.links}
    assert ("a", "b") in pairs
    assert ("d", "e") in pairs, "rare, but the highest lift"
    assert shown.links.count.tolist() == sorted(shown.links.count.tolist(), reverse=True)
    assert [(one.word_a, one.word_b) for one in shown.apart][:1] != []


def test_no_captions_no_graph(dataset: Any) -> None:
    shown = panel_graph(build_graph([[]] * 3))
    assert (shown.nodes, len(shown.links), shown.together, shown.apart) == ((), 0, (), ())


def test_the_pairs_of_one_word() -> None:
    documents = [["wolf", "snow"]] * 20 + [["wolf", "gray"]] * 5 + [["dog", "grass"]] * 20
    together, apart = pairs_of_word(build_graph(documents), "wolf")
    assert [one.word_b if one.word_a == "wolf" else one.word_a for one in together] == [
        "snow",
        "gray",
    ]
    assert {one.word_a for one in apart} == {"dog", "grass"}
    assert all(one.count == 0 for one in apart)


def test_samples_with_all_words_or_else_with_any(dataset: Any) -> None:
    index, scope = caption_indexes().get(dataset, "caption"), panel_scope(dataset, {})
    found = samples_with_words(index, scope, ["wolf", "snow"])
    assert found.together
    assert list(found.sample_ids) == dataset.match({"caption_words": "wolf"}).values("id")
    assert found.message == "“wolf” and “snow” are together in 2 of 5 captions."
    never = samples_with_words(index, scope, ["wolf", "dog"])
    assert not never.together
    assert len(never.sample_ids) == 3
    assert "No caption holds" in never.message
    view = panel_scope(dataset, {"view": dataset.limit(3)._serialize()})
    assert len(samples_with_words(index, view, ["wolf"]).sample_ids) == 1
    for words in ([], ["unicorn"]):
        with pytest.raises(InputError):
            samples_with_words(index, scope, words)


def test_painting_follows_the_newest_focus_only(dataset: Any) -> None:
    index = caption_indexes().get(dataset, "caption")
    old = set_panel_focus(dataset, ["dog"])
    new = set_panel_focus(dataset, ["wolf"])
    assert paint_focus(dataset, dataset, None, version=old.version).recolor == ()
    assert focused_word(dataset) is None
    paint_focus(dataset, dataset, None, version=new.version)
    assert focused_word(dataset) == "wolf"
    assert caption_indexes().get(dataset, "caption") is index, "painting changes no caption"
    paint_focus(dataset, dataset, None, version=clear_panel_focus(dataset))
    assert focused_word(dataset) is None


def test_what_cannot_be_painted_is_said(dataset: Any) -> None:
    dataset.add_sample_field("notes", fo.StringField)
    dataset.set_values("notes", ["a wolf"] * len(dataset))
    focus = set_panel_focus(dataset, ["wolf"], caption_field="notes")
    done = paint_focus(dataset, dataset, None, version=focus.version)
    assert "notes_words" in done.message
    assert done.recolor == ()


@pytest.mark.parametrize("kind", GRAPH_FILES)
def test_every_file_opens_and_holds_what_is_shown(dataset: Any, kind: Any) -> None:
    graph = word_graph(dataset)
    text = graph_text(graph, kind, words=["wolf", "snow", "dog", "not there"])
    if kind == "graphml":
        root = ET.fromstring(text)
        assert len([one for one in root.iter() if one.tag.endswith("}node")]) == 3
        assert len([one for one in root.iter() if one.tag.endswith("}edge")]) == 1
        return
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == {"csv_words": 4, "csv_links": 2, "csv_pairs": 4}[kind]
    with pytest.raises(InputError, match="csv_words"):
        graph_text(graph, "xls")  # type: ignore[arg-type]


def test_two_values_of_a_field_are_compared(dataset: Any) -> None:
    labels = ["fish", "none", "wolf", "none", "wolf"]
    dataset.set_values("kind", [fo.Classification(label=one) for one in labels])
    assert "kind.label" in comparison_fields(dataset, "caption")
    assert SAVED_VIEWS not in comparison_fields(dataset, "caption")
    assert comparison_values(dataset, "kind.label") == [("none", 2), ("wolf", 2), ("fish", 1)]
    index = caption_indexes().get(dataset, "caption")
    done = compare_sides(dataset, index, Side("kind.label", "wolf"), Side("kind.label", "none"))
    odds = {one.word: one.log_odds for one in done.words}
    assert odds["wolf"] > 0 > odds["dog"]
    assert (done.a.title, done.a.documents, done.b.documents) == ("wolf", 2, 2)
    assert {one.word_a for one in done.a.links} <= {"snow", "standing", "wolf"}
    with pytest.raises(InputError, match="none in this view"):
        compare_sides(
            dataset,
            index,
            Side("kind.label", "wolf"),
            Side("kind.label", "none"),
            within=dataset.match({"caption_words": "wolf"}).values("id"),
        )
    with pytest.raises(InputError, match="Two different"):
        compare_sides(dataset, index, Side("kind.label", "wolf"), Side("kind.label", "wolf"))


def test_two_saved_views_are_compared(dataset: Any) -> None:
    dataset.save_view("wolves", dataset.match({"caption_words": "wolf"}))
    dataset.save_view("first", dataset.limit(2))
    assert comparison_fields(dataset, "caption")[0] == SAVED_VIEWS
    assert dict(comparison_values(dataset, SAVED_VIEWS)) == {"first": 2, "wolves": 2}
    index = caption_indexes().get(dataset, "caption")
    done = compare_sides(dataset, index, Side(SAVED_VIEWS, "wolves"), Side(SAVED_VIEWS, "first"))
    assert {one.word: one.count_a for one in done.words}["snow"] == 2


def test_segments_and_tags_make_sides_too(dataset: Any) -> None:
    sample = dataset.first()
    sample.tags.append("train")
    sample.save()
    label = dataset.last().segments.detections[0].label
    path = "segments.detections.label"
    assert path in comparison_fields(dataset, "caption")
    assert label in dict(comparison_values(dataset, path))
    assert comparison_values(dataset, "tags") == [("train", 1)]
    assert side_ids(dataset, Side("tags", "train"), None) == [sample.id]
    assert dataset.last().id in side_ids(dataset, Side(path, label), None)
    with pytest.raises(InputError, match="no_field"):
        comparison_values(dataset, "no_field")


def test_similar_words_come_from_the_captioner_of_the_run(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {"wolf": [1.0, 0.1], "dog": [0.9, 0.2], "snow": [-1.0, 0.0], "?": [0.0, 0.0]}
    asked = []

    def embeddings(options: Any, words: tuple[str, ...]) -> Any:
        asked.append(options.captioner)
        return np.array([table[word] for word in words])

    monkeypatch.setattr(word_similarity, "_embeddings", embeddings)
    found = similar_words(dataset, list(table))
    assert asked == ["scenes"]
    assert [(one.word_a, one.word_b) for one in found] == [("dog", "wolf")]
    assert similar_words(dataset, ["wolf"]) == []
    with pytest.raises(InputError, match="analyze_captions"):
        similar_words(dataset, ["wolf", "dog"], caption_field="other")

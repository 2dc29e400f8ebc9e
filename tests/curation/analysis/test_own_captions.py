"""Captions of the user's own: read in every shape, kept, written over by choice, brought back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.plan import existing_results
from fiftyone_capviz.curation.dataset.captions import stored_text
from fiftyone_capviz.curation.dataset.names import derived_prefix
from fiftyone_capviz.curation.dataset.runs import caption_names, read_run
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.curation.export.summary import summarize
from fiftyone_capviz.curation.segments.focus import focus_word
from fiftyone_capviz.curation.steering.accept import accept_captions, undo_captions
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.curation.words.dataset_graph import stale_ids, word_graph
from fiftyone_capviz.errors import ExistingResultsError, InputError
from fiftyone_capviz.settings.steering import Recipe
from fiftyone_capviz.text.words import caption_words
from tests.worlds.own_captions import SHAPES, TEXTS, Shape, add_own_captions, put, raw_values
from tests.worlds.random_world import CountingCache, image_dataset, random_options

COUNT = 4
FILLED = len(TEXTS)


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[fo.Dataset]:
    made = image_dataset(tmp_path, COUNT)
    yield made
    made.delete()


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


def texts(dataset: fo.Dataset, path: str) -> list[str | None]:
    rows = dataset._sample_collection.find({}).sort("_id", 1)
    return [stored_text(row, path) for row in rows]


def test_replace_keeps_every_text_and_fills_what_is_missing(
    dataset: fo.Dataset, shape: Shape, cache: CountingCache
) -> None:
    add_own_captions(dataset, shape)
    before = raw_values(dataset, shape.field)
    options = random_options(caption_field=shape.path, existing="replace", max_new_tokens=4)

    report = analyze(dataset, options, cache=cache)

    assert not report.failures
    assert cache.counts["captioner.generate"] == COUNT - FILLED
    assert any("3 captions are yours and stay" in note for note in report.notes)
    after = raw_values(dataset, shape.field)
    assert after[:FILLED] == before[:FILLED]
    assert texts(dataset, shape.path)[:FILLED] == list(TEXTS)
    assert (texts(dataset, shape.path)[FILLED] or "").strip()
    stem = derived_prefix(shape.path)
    assert dataset.values(f"{stem}_words")[:FILLED] == [list(caption_words(t).words) for t in TEXTS]
    assert dataset.count(f"{stem}_itm") == COUNT
    assert read_run(dataset, shape.path) is not None
    # What was filled has the shape of the others, and again nothing is to do.
    assert dataset.first()[shape.field] is not None
    assert analyze(dataset, replace(options, existing="error"), cache=cache).skipped == COUNT
    assert not stale_ids(dataset, shape.path)

    delete_analysis(dataset, shape.path)
    assert raw_values(dataset, shape.field) == before
    assert not [name for name in dataset.get_field_schema() if name.startswith(f"{stem}_")]


def test_written_over_by_choice_with_a_copy_and_undone_run_by_run(
    dataset: fo.Dataset, shape: Shape, cache: CountingCache
) -> None:
    add_own_captions(dataset, shape)
    before = raw_values(dataset, shape.field)
    first = random_options(caption_field=shape.path, overwrite_captions=True, max_new_tokens=3)
    report = analyze(dataset, first, cache=cache)
    assert any("3 captions of yours are written over" in note for note in report.notes)
    written = texts(dataset, shape.path)
    after = raw_values(dataset, shape.field)
    for old, new, was, now in zip(TEXTS, written, before, after, strict=False):
        assert old != new
        assert now == put(was, old, str(new))  # shape and siblings stay
    assert analyze(dataset, first, cache=cache).skipped == COUNT

    second = replace(first, max_new_tokens=6, existing="replace")
    analyze(dataset.limit(2), second, cache=cache)
    again = texts(dataset, shape.path)
    changed = [n for n in range(2) if again[n] != written[n]]
    names = caption_names(dataset, shape.path)
    kept = [[entry["caption"] for entry in each or []] for each in dataset.values(names.previous)]
    assert kept[0][0] == TEXTS[0]

    if changed:
        assert undo_captions(dataset, shape.path, cache=cache).samples == len(changed)
        assert texts(dataset, shape.path) == written
    assert undo_captions(dataset, shape.path, cache=cache).samples == FILLED
    assert raw_values(dataset, shape.field)[:FILLED] == before[:FILLED]
    assert existing_results(dataset, second).theirs == FILLED
    with pytest.raises(InputError, match="Undo needs an earlier caption"):
        undo_captions(dataset, shape.path, cache=cache)


def test_deleting_brings_back_what_was_written_over(
    dataset: fo.Dataset, shape: Shape, cache: CountingCache
) -> None:
    add_own_captions(dataset, shape)
    before = raw_values(dataset, shape.field)
    options = random_options(caption_field=shape.path, overwrite_captions=True, existing="replace")
    for tokens in (3, 6):
        analyze(dataset, replace(options, max_new_tokens=tokens), stages=["caption"], cache=cache)

    report = delete_analysis(dataset, shape.path)

    assert raw_values(dataset, shape.field) == before
    assert "3 that were written over are back" in report.kept[shape.path]


def test_the_graph_reads_every_shape(dataset: fo.Dataset, shape: Shape) -> None:
    add_own_captions(dataset, shape)
    graph = word_graph(dataset, shape.path)
    assert {"man", "hat", "wolf", "snow"} <= set(graph.words)


def test_unasked_nothing_is_decided(dataset: fo.Dataset, cache: CountingCache) -> None:
    add_own_captions(dataset, SHAPES["string"])
    options = random_options(caption_field="blurb")
    with pytest.raises(ExistingResultsError, match=r"3 samples hold captions.*overwrite_captions"):
        analyze(dataset, options, cache=cache)
    found = existing_results(dataset, options)
    assert (found.theirs, found.overwritten) == (FILLED, 0)
    assert existing_results(dataset, replace(options, overwrite_captions=True)).overwritten == 3


def test_a_caption_that_changed_meanwhile_is_left_alone(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    add_own_captions(dataset, SHAPES["classification"])
    options = random_options(caption_field="label", overwrite_captions=True, batch_size=1)
    ids = dataset.values("_id")

    def edit(_: Any) -> None:
        dataset._sample_collection.update_one({"_id": ids[2]}, {"$set": {"label.label": "newer"}})

    report = analyze(dataset, options, progress=edit, cache=cache)

    assert texts(dataset, "label")[2] == "newer"
    assert len(report.failures) == 1
    assert "changed meanwhile" in report.failures[0].message


def test_names_that_clash_are_refused_and_a_prefix_helps(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    add_own_captions(dataset, SHAPES["odd name"])
    dataset.set_values("blip2_caption", ["a cat"] * COUNT)
    options = random_options(caption_field="blip2-caption", existing="replace")
    analyze(dataset, options, stages=["match"], cache=cache)
    other = replace(options, caption_field="blip2_caption")
    with pytest.raises(InputError, match=r"'blip2_caption'.*derived_prefix='blip2_caption_2'"):
        analyze(dataset, other, stages=["match"], cache=cache)

    analyze(dataset, replace(other, derived_prefix="plain"), stages=["match"], cache=cache)

    assert dataset.values("plain_words") == [["cat"]] * COUNT
    assert dataset.values("blip2_caption_words")[0] == ["man", "red", "hat"]
    record = read_run(dataset, "blip2_caption")
    assert record is not None
    assert (record.caption_field, record.options["derived_prefix"]) == ("blip2_caption", "plain")
    # From now on the run says it: nothing has to be named again.
    assert analyze(dataset, other, stages=["match"], cache=cache).skipped == COUNT
    assert not stale_ids(dataset, "blip2_caption")
    with pytest.raises(InputError, match="begin with 'plain' already"):
        analyze(dataset, replace(other, derived_prefix="else"), stages=["match"], cache=cache)
    delete_analysis(dataset, "blip2_caption")
    assert not dataset.has_field("plain_words")
    assert dataset.count("blip2_caption_itm") == FILLED
    assert dataset.values("blip2_caption") == ["a cat"] * COUNT


def test_a_field_of_the_users_own_is_no_derived_field(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    add_own_captions(dataset, SHAPES["string"])
    mine = [["mine"]] * COUNT
    dataset.set_values("blurb_words", mine)
    options = random_options(caption_field="blurb", existing="replace")
    with pytest.raises(InputError, match=r"writes 'blurb_words'.*derived_prefix='blurb_2'"):
        analyze(dataset, options, cache=cache)
    analyze(dataset, replace(options, derived_prefix="b"), cache=cache)
    assert dataset.values("blurb_words") == mine


def test_keys_of_dicts_are_asked_for(dataset: fo.Dataset, cache: CountingCache) -> None:
    add_own_captions(dataset, SHAPES["any key"])
    options = random_options(caption_field="vlm", existing="replace")
    with pytest.raises(InputError, match=r"'model', 'output'.*caption_field='vlm\.output'"):
        analyze(dataset, options, cache=cache)
    with pytest.raises(InputError, match=r"needs a plain name.*'vlm\.nothing'"):
        analyze(dataset, replace(options, caption_field="vlm.nothing"), cache=cache)


@pytest.mark.parametrize(
    ("path", "prefix"), [("vlm.response", ""), ("my caption", ""), ("blurb", "mine")]
)
def test_focus_and_summary_where_the_derived_names_begin_otherwise(
    dataset: fo.Dataset, cache: CountingCache, path: str, prefix: str
) -> None:
    shape = next(one for one in SHAPES.values() if one.path == path)
    add_own_captions(dataset, shape, filled=COUNT)
    options = random_options(caption_field=path, derived_prefix=prefix, existing="replace")
    report = analyze(dataset, options, cache=cache)
    assert "Dominant words" in summarize(dataset)
    assert "Dominant words" in summarize(dataset, report=report)

    with pytest.raises(InputError, match=f"Choose one of {path}"):
        word_graph(dataset)

    found = focus_word(dataset, "Dogs", caption_field=path, heatmaps=True)

    assert (found.word, found.samples_with_word, found.heatmaps) == ("dog", 1, 1)
    attention = dataset.values("segments.detections.attention")
    assert [max(row) for row in attention] == [0, 1, 0, 0]
    accept_steered(dataset, path, cache)
    renewed = dataset.values("segments.detections.attention")
    assert [row is not None and None not in row for row in renewed] == [True] * COUNT


def accept_steered(dataset: fo.Dataset, path: str, cache: CountingCache) -> None:
    """Captions anew, as one word after a prompt."""
    recipe = Recipe(prompt="two dogs and a")
    steer_captions(dataset, recipe, caption_field=path, cache=cache)
    accept_captions(dataset, caption_field=path, cache=cache)

"""Steering, accepting and undoing, on real FiftyOne and real (random) models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.dataset.documents import deserialize_array
from fiftyone_capviz.curation.dataset.runs import read_run
from fiftyone_capviz.curation.inference.loaded_models import load_matcher
from fiftyone_capviz.curation.segments.focus import focus_word
from fiftyone_capviz.curation.steering.accept import (
    accept_captions,
    discard_candidates,
    undo_captions,
)
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.curation.words.dataset_graph import stale_ids
from fiftyone_capviz.errors import InputError, ModelError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.models.cache import ModelCache
from fiftyone_capviz.settings.steering import DEFAULT_STEERING_METHOD, Recipe
from tests.worlds.random_world import image_dataset, random_options

PROMPT = "the man is wearing a hat"
RECIPE = Recipe(prompt=PROMPT, word="hats")
"""Its word stands in its prompt, so that no caption says it of itself."""


def said_word(dataset: Any, cache: ModelCache) -> str:
    """A word that every caption by the prompt says of itself, and no present caption does."""
    from fiftyone_capviz.text.words import caption_words

    steer_captions(dataset, Recipe(prompt=PROMPT), cache=cache)
    rests = [text.removeprefix(PROMPT) for text in dataset.values("caption_steered")]
    common = set.intersection(*(set(caption_words(rest).words) for rest in rests))
    present = " ".join(dataset.values("caption"))
    return min(common - set(caption_words(f"{PROMPT} {present}").words))


COUNT = 4
CHANGING = ("_id", "last_modified_at", "created_at", "_dataset_id", "_rand")


def raw(dataset: Any, *, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The samples' documents, but for ids and time stamps."""
    found = dataset._sample_collection.find().sort("filepath", 1)
    dropped = (*CHANGING, *without)
    return [{k: v for k, v in row.items() if k not in dropped} for row in found]


def assert_same(ours: Any, theirs: Any) -> None:
    """Equal, but for what another batch size does to the last digits."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            assert_same(ours[key], theirs[key])
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(theirs, bytes):
        np.testing.assert_allclose(deserialize_array(ours), deserialize_array(theirs), atol=1e-3)
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, abs=1e-3)
    else:
        assert ours == theirs


def test_candidates_stand_beside_the_captions(dataset: Any, cache: ModelCache) -> None:
    before = raw(dataset)
    report = steer_captions(dataset, RECIPE, cache=cache)
    candidates = dataset.values("caption_steered")
    assert all(text.startswith(PROMPT) for text in candidates)
    assert raw(dataset, without=("caption_steered", "caption_steered_itm", "caption_steered_recipe")
               ) == before  # fmt: skip
    assert (report.samples, report.hits, report.before, report.misses) == (
        COUNT,
        0,
        0,
        dataset.values("id"),
    )
    assert report.success_rate == 0
    assert report.summary().startswith(f"0 of {COUNT} images that did not say 'hats' now do, 0.0 %")
    matcher = load_matcher(random_options(), cache)
    images = [open_image(Path(path)) for path in dataset.values("filepath")]
    expected = matcher.score(matcher.encode(matcher.preprocess(images)), candidates)
    assert dataset.values("caption_steered_itm") == pytest.approx(
        [one.probability for one in expected], abs=1e-5
    )
    record = read_run(dataset, "caption")
    assert record is not None
    assert Recipe.from_dict(record.extra["recipe"]) == RECIPE  # type: ignore[arg-type]


def test_the_success_rate_is_that_of_images_which_did_not_say_it(
    dataset: Any, cache: ModelCache
) -> None:
    """Of four images one says it already, and one is another's file under a second name."""
    word = said_word(dataset, cache)
    first, second, third, _ = dataset
    first["caption"] = f"{first['caption']} {word}"
    first.save()
    copy = Path(second.filepath).with_name("copy.png")
    copy.write_bytes(Path(second.filepath).read_bytes())
    third.filepath = str(copy)
    third.save()
    report = steer_captions(dataset, Recipe(prompt=PROMPT, word=f"submarine, {word}"), cache=cache)
    assert (report.samples, report.hits, report.before) == (COUNT, COUNT, 1)
    found = report.success
    assert found is not None
    assert (found.images, found.duplicates, found.before, found.gained) == (3, 1, 1, 2)
    assert report.success_rate == 1
    assert found.overall.value == 1
    assert "duplicate images, which do not count: 1" in report.summary()
    assert report.to_dict()["success"]["rate"]["value"] == 1  # type: ignore[index]


def test_what_failed_to_say_the_word_is_listed(dataset: Any, cache: ModelCache) -> None:
    report = steer_captions(dataset.limit(2), Recipe(prompt=PROMPT, word="submarine"), cache=cache)
    assert (report.hits, report.success_rate) == (0, 0)
    assert report.misses == dataset.limit(2).values("id")
    assert dataset.count("caption_steered") == 2


def test_weights_act_on_the_chosen_segments(dataset: Any, cache: ModelCache) -> None:
    plain = Recipe(prompt="a")
    steer_captions(dataset, plain, cache=cache)
    without = dataset.values("caption_steered")
    first = dataset.first().segments.detections[0]
    one = Recipe(prompt="a", weight=1.0, segment_ids=(first.id,))
    report = steer_captions(dataset, one, cache=cache)
    assert dataset.values("caption_steered") == without
    assert report.unweighted == COUNT - 1
    recipes = dataset.values("caption_steered_recipe")
    assert [recipe["weight"] for recipe in recipes] == [1.0, None, None, None]
    strong = Recipe(prompt="a", weight=40.0, segment_label=first.label)
    steer_captions(dataset, strong, cache=cache)
    assert dataset.values("caption_steered") != without


def test_patch_weights_of_ones_change_nothing(dataset: Any, cache: ModelCache) -> None:
    steer_captions(dataset, Recipe(prompt="a"), cache=cache)
    without = dataset.values("caption_steered")
    grid = load_matcher(random_options(), cache).grid
    assert grid is not None
    ones = tuple((1.0,) * grid.columns for _ in range(grid.rows))
    steer_captions(dataset, Recipe(prompt="a", grid_weights=ones), cache=cache)
    assert dataset.values("caption_steered") == without
    with pytest.raises(InputError, match="grid"):
        steer_captions(dataset, Recipe(grid_weights=((1.0,),)), cache=cache)


def test_an_automatic_weight_is_found_per_image(dataset: Any, cache: ModelCache) -> None:
    label = dataset.first().segments.detections[0].label
    word = said_word(dataset, cache)
    recipe = Recipe(prompt=PROMPT, word=word, weight="auto", segment_label=label)
    report = steer_captions(dataset, recipe, cache=cache)
    assert report.hits == COUNT
    weights = [recipe["weight"] for recipe in dataset.values("caption_steered_recipe")]
    # Captions say the word already: the smallest weight that changes nothing is enough.
    assert {weight for weight in weights if weight is not None} == {1.0}


def test_accepting_gives_what_an_analysis_of_the_text_gives(
    dataset: Any, cache: ModelCache
) -> None:
    steer_captions(dataset, RECIPE, cache=cache)
    oracle = dataset.clone()
    report = accept_captions(dataset, cache=cache)
    assert report.samples == COUNT
    assert dataset.values("caption") == oracle.values("caption_steered")
    assert all("hat" in words for words in dataset.values("caption_words"))
    assert stale_ids(dataset) == []
    oracle.set_values("caption", oracle.values("caption_steered"))
    analyze(oracle, random_options(existing="replace"), stages=("match", "attribute"), cache=cache)
    ignored = ("caption_stages", "caption_previous", "caption_steered", "caption_steered_itm",
               "caption_steered_recipe")  # fmt: skip
    assert_same(raw(dataset, without=ignored), raw(oracle, without=ignored))
    stages, expected = dataset.values("caption_stages"), oracle.values("caption_stages")
    for one, other in zip(stages, expected, strict=True):
        assert {k: v for k, v in one.items() if k != "written"} == {
            k: v for k, v in other.items() if k != "written"
        }
    report_again = analyze(
        dataset, random_options(), stages=("caption", "match", "attribute"), cache=cache
    )
    assert report_again.skipped == COUNT
    oracle.delete()


def test_undo_restores_every_field(dataset: Any, cache: ModelCache) -> None:
    sample = dataset.first()
    sample.caption = "edited by hand"
    sample.save()
    analyze(
        dataset.limit(1), random_options(existing="replace"), stages=("match", "attribute"),
        cache=cache,
    )  # fmt: skip
    steered = ("caption_steered", "caption_steered_itm", "caption_steered_recipe")
    before = raw(dataset, without=(*steered, "caption_previous"))
    for round_number in (1, 2):
        steer_captions(dataset, Recipe(prompt=f"a {'very ' * round_number}big"), cache=cache)
        accept_captions(dataset, cache=cache)
    previous = dataset.first().caption_previous
    assert [entry["prompt"] for entry in previous] == ["a very big", "a very very big"]
    assert previous[0]["caption"] == "edited by hand"
    assert previous[0]["method"] == DEFAULT_STEERING_METHOD
    assert dataset.count("caption_steered") == 0
    undo_captions(dataset, cache=cache)
    assert all(text.startswith("a very big") for text in dataset.values("caption"))
    undo_captions(dataset, cache=cache)
    assert_same(raw(dataset, without=(*steered, "caption_previous")), before)
    assert set(map(len, dataset.values("caption_previous"))) == {0}
    with pytest.raises(InputError, match="earlier caption"):
        undo_captions(dataset, cache=cache)


def test_undo_leaves_what_was_edited_by_hand_since(dataset: Any, cache: ModelCache) -> None:
    before = dataset.values("caption")
    steer_captions(dataset, RECIPE, cache=cache)
    accept_captions(dataset, cache=cache)
    sample = dataset.first()
    sample.caption = "a text of my own"
    sample.save()
    report = undo_captions(dataset, cache=cache)
    assert (report.samples, report.edited, report.waiting, report.theirs) == (COUNT - 1, 1, 0, 0)
    assert "1 edited by hand since, left as they are" in report.summary()
    assert dataset.values("caption") == ["a text of my own", *before[1:]]
    with pytest.raises(InputError, match="1 have, but were edited by hand since"):
        undo_captions(dataset, cache=cache)
    sample.caption = ""  # who wants the earlier one back empties it
    sample.save()
    undo_captions(dataset, cache=cache)
    assert dataset.values("caption") == before


def test_only_the_chosen_samples_change(dataset: Any, cache: ModelCache) -> None:
    dataset.set_values("caption_previous", [None] * COUNT)
    steer_captions(dataset, RECIPE, cache=cache)
    before, ids = raw(dataset), dataset.values("id")
    report = accept_captions(dataset.limit(3), ids=[ids[1], ids[3]], cache=cache)
    assert report.samples == 1
    after = raw(dataset)
    assert [a == b for a, b in zip(after, before, strict=True)] == [True, False, True, True]
    assert discard_candidates(dataset, ids=[ids[0]]) == 1
    assert dataset.exists("caption_steered").values("id") == [ids[2], ids[3]]
    assert discard_candidates(dataset) == 2
    with pytest.raises(InputError, match="steer_captions"):
        accept_captions(dataset, cache=cache)


def test_segments_that_describe_another_caption_stay(dataset: Any, cache: ModelCache) -> None:
    other = random_options(caption_field="caption_large", prompt="a man in a")
    analyze(dataset, other, stages=("caption", "match", "attribute"), cache=cache)
    segments = [row["segments"] for row in raw(dataset)]
    steer_captions(dataset, RECIPE, cache=cache)
    accept_captions(dataset, cache=cache)
    assert [row["segments"] for row in raw(dataset)] == segments
    assert all("hat" in words for words in dataset.values("caption_words"))


def test_the_word_in_focus_follows(dataset: Any, cache: ModelCache) -> None:
    focus_word(dataset, "hat")
    steer_captions(dataset, RECIPE, cache=cache)
    accept_captions(dataset.limit(2), cache=cache)
    for sample in dataset:
        words = list(sample.caption_words)
        found = sample.segments.detections
        scores = [one.word_scores[words.index("hat")] if "hat" in words else 0.0 for one in found]
        peak = max(scores)
        for one, score in zip(found, scores, strict=True):
            assert one.attention == (max(score, 0.0) / peak if peak > 0 else 0.0)


def test_captions_alone_can_be_steered(tmp_path: Path, cache: ModelCache) -> None:
    dataset = image_dataset(tmp_path, 2)
    analyze(dataset, random_options(), stages=("caption",), cache=cache)
    steer_captions(dataset, RECIPE, cache=cache)
    accept_captions(dataset, cache=cache)
    assert all(text.startswith(PROMPT) for text in dataset.values("caption"))
    assert not dataset.count("caption_itm")
    recipe = Recipe(weight=2.0, segment_label="uncovered")
    with pytest.raises(InputError, match="segment_images"):
        steer_captions(dataset, recipe, random_options(segments_field="nothing"), cache=cache)
    dataset.delete()


def test_an_image_that_is_gone_fails_alone(tmp_path: Path, cache: ModelCache) -> None:
    dataset = image_dataset(tmp_path, 3)
    analyze(dataset, random_options(), cache=cache)
    steer_captions(dataset.limit(1), RECIPE, cache=cache)
    gone = dataset.first()
    Path(gone.filepath).unlink()
    report = steer_captions(dataset, Recipe(prompt="a"), cache=cache)
    assert [failure.sample_id for failure in report.failures] == [gone.id]
    assert report.samples == 2
    old = gone.caption
    accepted = accept_captions(dataset, cache=cache)
    assert (accepted.samples, len(accepted.failures)) == (2, 1)
    assert dataset.first().caption == old
    assert dataset.first().caption_steered is not None
    with pytest.raises(ModelError, match="No image"):
        steer_captions(dataset.limit(1), Recipe(prompt="an"), cache=cache)
    dataset.delete()


def test_stopping_keeps_what_is_done(dataset: Any, cache: ModelCache) -> None:
    report = steer_captions(
        dataset, RECIPE, random_options(batch_size=1), stop=lambda: True, cache=cache
    )
    assert (report.stopped, report.samples) == (True, 1)
    assert dataset.count("caption_steered") == 1


def test_no_captions_and_no_samples(tmp_path: Path, analysed_images: Any) -> None:
    dataset = image_dataset(tmp_path, 1)
    with pytest.raises(InputError, match="caption_images"):
        steer_captions(dataset, RECIPE)
    with pytest.raises(InputError, match="Name one that is analysed: 'caption'; or run"):
        steer_captions(analysed_images, RECIPE, caption_field="blurb")
    with pytest.raises(InputError, match="at least one sample"):
        steer_captions(analysed_images.match({"caption": "nothing says this"}), RECIPE)
    dataset.delete()


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe(), "changes something"),
        (Recipe(word="hat"), "changes something"),
        (Recipe(prompt="a", method="best"), "steering method"),  # type: ignore[arg-type]
        (Recipe(prompt="a", weight="auto", segment_label="x"), "Name the wanted word"),
        (Recipe(prompt="a", weight="auto", word="hat"), "needs segments"),
        (Recipe(prompt="a", weight=2.0), "needs segments"),
        (Recipe(prompt="a", segment_label="x"), "need a weight"),
        (Recipe(weight=-1.0, segment_label="x"), "at least 0"),
        (Recipe(weight=float("nan"), segment_label="x"), "at least 0"),
        (Recipe(weight=0.5, segment_label="x", method="contrast"), "at least 1"),
        (Recipe(grid_weights=((1.0, 2.0), (1.0,))), "same length"),
        (Recipe(grid_weights=((-1.0,),)), "at least 0"),
    ],
)
def test_recipes_that_cannot_be_used(recipe: Recipe, message: str) -> None:
    with pytest.raises(InputError, match=message):
        recipe.validated()


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        Recipe(weight="auto", word="x", segment_ids=("a", "b")),
        Recipe(grid_weights=((1.0,),)),
    ],
)
def test_recipes_survive_the_database(recipe: Recipe) -> None:
    assert Recipe.from_dict({**recipe.to_dict(), "unknown": 1}) == recipe

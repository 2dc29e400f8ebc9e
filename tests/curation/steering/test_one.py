"""Steering one image, on real FiftyOne and real (random) models."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fiftyone_capviz.curation.app.lasso import Lasso, forget_lasso, note_lasso
from fiftyone_capviz.curation.app.panel_focus import clear_panel_focus, panel_focus, set_panel_focus
from fiftyone_capviz.curation.dataset.documents import deserialize_array
from fiftyone_capviz.curation.inference.engines import load_captioner
from fiftyone_capviz.curation.inference.kept import FeatureCache, feature_cache
from fiftyone_capviz.curation.inference.turns import models_in_turn
from fiftyone_capviz.curation.segments.outlines import segment_outlines
from fiftyone_capviz.curation.steering.accept import accept_captions
from fiftyone_capviz.curation.steering.batch import (
    Batch,
    candidates,
    forget_accepted,
    last_accepted,
    note_accepted,
    pending_batch,
    remember_batch,
)
from fiftyone_capviz.curation.steering.image import (
    Attempt,
    Dial,
    Dials,
    SteeredImage,
    keep_candidate,
    read_image,
)
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.curation.steering.one import (
    lay_out,
    search_weight,
    steer_image,
    stream_image,
    weights_on_image,
)
from fiftyone_capviz.curation.steering.prompts import suggest_prompts, usual_prompts
from fiftyone_capviz.curation.steering.scope import Surroundings, batch_recipe
from fiftyone_capviz.errors import ImageError, InputError, ModelError
from fiftyone_capviz.models.cache import ModelCache
from fiftyone_capviz.settings.steering import Recipe
from fiftyone_capviz.steering.weighting import coverage_of_segments
from fiftyone_capviz.text.caption_pieces import compare_captions
from tests.worlds.random_world import CountingCache, random_options

COUNT = 4
PROMPT = "the man is wearing a hat"


@pytest.fixture(scope="module")
def cache() -> ModelCache:
    return ModelCache()


@pytest.fixture
def dataset(analysed_clone: Any) -> Any:
    return analysed_clone


@pytest.fixture
def image(dataset: Any) -> SteeredImage:
    return read_image(dataset, dataset.first().id, random_options())


def test_one_image_is_steered_as_many_are(dataset: Any, image: SteeredImage, cache: Any) -> None:
    segment = str(image.detections[0]["_id"])
    for method, weight in (("scale", 4.0), ("logits", 0.0), ("contrast", 3.0)):
        recipe = Recipe("a", weight=weight, method=method, segment_ids=(segment,))  # type: ignore[arg-type]
        steer_captions(dataset.limit(1), recipe, cache=cache)
        dials = Dials("a", method, (Dial(weight, (segment,)),))  # type: ignore[arg-type]
        attempt = steer_image(image, random_options(), dials, cache=cache)
        assert attempt.caption.text == dataset.first().caption_steered
        assert attempt.match == pytest.approx(dataset.first().caption_steered_itm, abs=1e-5)
        assert dataset.first().caption_steered_recipe["segment_ids"] == [segment]


def test_without_dials_the_caption_is_the_captioners_own(image: SteeredImage, cache: Any) -> None:
    attempt = steer_image(image, random_options(), Dials(), cache=cache)
    assert attempt.caption.text == image.caption
    assert attempt.weights is None
    place = lay_out(image, random_options(), cache)
    assert place.match == pytest.approx(attempt.match, abs=1e-5)
    assert place.match == pytest.approx(image.match, abs=1e-5)
    assert place.log_likelihood == pytest.approx(_likelihood(image, cache, ""), abs=1e-4)
    assert list(place.crop) == [0, 0, 1, 1]
    assert not place.streams


def test_selections_with_different_weights_make_one_map(image: SteeredImage, cache: Any) -> None:
    ids = [str(one["_id"]) for one in image.detections[:2]]
    shares = [deserialize_array(one["patch_weights"]) for one in image.detections[:2]]
    first, second = (coverage_of_segments(each) for each in shares)
    first[0, 0], second[0, 0], second[1, 2] = 1, 0, 1
    dials = Dials(
        method="logits",
        selections=(
            Dial(5.0, (ids[0],), added=((0, 0),)),
            Dial(0.5, (ids[1],), added=((1, 2),), removed=((0, 0),)),
        ),
    )
    weights = weights_on_image(image, random_options(), dials, cache)
    assert weights is not None
    np.testing.assert_allclose(weights, 5.0**first * 0.5**second, rtol=1e-6)
    only_one = Dials(selections=(Dial(1.0, (ids[0],)), Dial(3.0)))
    assert weights_on_image(image, random_options(), only_one, cache) is None


def test_dials_come_from_the_component() -> None:
    sent = {
        "prompt": " a man ",
        "method": "contrast",
        "selections": [{"weight": 2, "segments": ["x"], "added": [[1, 2]], "removed": []}],
    }
    expected = Dials("a man", "contrast", (Dial(2.0, ("x",), ((1, 2),)),))
    assert Dials.from_dict(sent) == expected
    assert Dials.from_dict({}) == Dials()
    with pytest.raises(InputError, match="selection"):
        Dials.from_dict({"selections": [{"weight": "much"}]})


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        (Dials(selections=(Dial(-1.0, added=((0, 0),)),)), "at least 0"),
        (Dials(method="contrast", selections=(Dial(0.5, added=((0, 0),)),)), "at least 1"),
        (Dials(selections=(Dial(2.0, added=((99, 0),)),)), "Rows and columns"),
        (Dials(method="best"), "one of"),  # type: ignore[arg-type]
    ],
)
def test_dials_that_cannot_be_used(
    image: SteeredImage, cache: Any, dials: Dials, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        steer_image(image, random_options(), dials, cache=cache)


def test_an_image_is_encoded_once(dataset: Any) -> None:
    feature_cache.cache_clear()
    counting = CountingCache()
    image = read_image(dataset, dataset.last().id, random_options())
    for weight in (2.0, 3.0, 4.0):
        dials = Dials(selections=(Dial(weight, added=((0, 0),)),))
        steer_image(image, random_options(), dials, cache=counting)
    assert counting.counts["captioner.encode"] == counting.counts["matcher.encode"] == 1
    assert counting.counts["captioner.generate"] == 3


def test_features_leave_when_there_are_too_many(dataset: Any, cache: Any) -> None:
    captioner = load_captioner(random_options(), cache)
    small = FeatureCache(max_bytes=1)
    paths = dataset.values("filepath")
    first = small.features(captioner, paths[0])
    assert small.features(captioner, paths[0]) is first
    small.features(captioner, paths[1])
    assert len(small) == 1
    Path(paths[1]).touch()  # a file that changed is read again
    with pytest.raises(ImageError):
        small.features(captioner, paths[0] + ".gone")


def test_words_stream_and_the_last_one_is_scored(image: SteeredImage, cache: Any) -> None:
    options = random_options(num_beams=1)
    for prompt in (None, PROMPT, "a picture of"):
        *texts, attempt = stream_image(image, options, Dials(prompt), cache=cache)
        assert isinstance(attempt, Attempt)
        whole = steer_image(image, options, Dials(prompt), cache=cache)
        assert attempt.caption.text == whole.caption.text == texts[-1]
        assert all(str(b).startswith(str(a)) for a, b in pairwise(texts))
        assert attempt.match == pytest.approx(whole.match, abs=1e-5)


def test_a_stream_can_be_dropped_at_any_word(image: SteeredImage, cache: Any) -> None:
    stream = stream_image(image, random_options(), Dials(PROMPT), cache=cache)
    next(stream)
    loaded: Any
    with models_in_turn(random_options(), cache) as (loaded, _):  # free between two words
        hooks = [len(m._forward_pre_hooks) for m in loaded.cross_attentions]
    stream.close()  # type: ignore[attr-defined]
    assert set(hooks) == {0}


def test_the_smallest_weight_that_says_the_word(image: SteeredImage, cache: Any) -> None:
    dials = Dials(PROMPT, "logits", (Dial(3.0, added=((0, 0), (0, 1))), Dial(2.0, added=((5, 5),))))
    search = search_weight(image, random_options(), dials, wanted_word="hats", cache=cache)
    assert [trial.weight for trial in search.trials[:3]] == [1.0, 1.25, 1.5]
    assert search.weight == 1.0  # the prompt says it already
    fixed = Dials(PROMPT, "logits", (Dial(2.0, added=((5, 5),)),))
    alone = steer_image(image, random_options(), fixed, cache=cache)
    assert search.trials[0].caption.text == alone.caption.text
    with pytest.raises(InputError, match="none is made"):
        search_weight(image, random_options(), Dials(PROMPT), wanted_word="hat", cache=cache)
    empty = Dials(PROMPT, selections=(Dial(2.0),))
    with pytest.raises(InputError, match="none is selected"):
        search_weight(image, random_options(), empty, wanted_word="hat", cache=cache)


def test_suggestions_rank_by_the_wanted_word(dataset: Any, image: SteeredImage, cache: Any) -> None:
    usual = suggest_prompts(dataset, image, random_options(), wanted_word="", cache=cache)
    assert [one.prompt for one in usual] == usual_prompts(image.caption)[: len(usual)]
    sample = dataset.last()
    sample.caption = "the old man is wearing a big red hat"
    sample.caption_words = ["old", "man", "wearing", "big", "red", "hat"]
    sample.save()
    found = suggest_prompts(
        dataset, image, random_options(), wanted_word="hats", limit=99, cache=cache
    )
    assert "the old man is wearing" in [one.prompt for one in found]
    assert all(one.probability is not None and one.text for one in found)
    with pytest.raises(InputError, match="write"):
        suggest_prompts(dataset, image, random_options(), wanted_word="☃", cache=cache)


def test_an_attempt_is_kept_accepted_and_its_recipe_noted(
    dataset: Any, image: SteeredImage, cache: Any
) -> None:
    options = random_options()
    dials = Dials(PROMPT, "scale", (Dial(2.0, added=((0, 0),)),))
    attempt = steer_image(image, options, dials, cache=cache)
    keep_candidate(dataset, image, options, attempt)
    accept_captions(dataset, ids=[image.sample_id], cache=cache)
    sample = dataset.first()
    assert sample.caption == attempt.caption.text
    entry = sample.caption_previous[-1]
    assert (entry["caption"], entry["prompt"], entry["method"]) == (image.caption, PROMPT, "scale")
    assert entry["weights"][0][0] == 2.0
    again = read_image(dataset, image.sample_id, options)
    assert (again.prompt, again.replaced) == (PROMPT, 1)
    place = lay_out(again, options, cache)
    assert place.log_likelihood == pytest.approx(_likelihood(again, cache, PROMPT), abs=1e-4)


def _likelihood(image: SteeredImage, cache: Any, prompt: str) -> float:
    """Of the present caption after the prompt that it went on from; "" is the default prompt."""
    captioner = load_captioner(random_options(), cache)
    features = feature_cache().features(captioner, image.filepath).tensor
    text = (image.caption or "").removeprefix(prompt).strip()
    asked = [prompt or captioner.default_prompt]
    return float(captioner.log_likelihood(features, [text], prompts=asked)[0])


def test_models_that_are_busy_are_said_to_be(
    image: SteeredImage, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    monkeypatch.setattr("fiftyone_capviz.curation.inference.turns.WAIT_SECONDS", 0.05)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with cache.lock:
            held.set()
            free.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(10)
    try:
        with pytest.raises(ModelError, match="in use"):
            steer_image(image, random_options(), Dials(), cache=cache)
    finally:
        free.set()
        other.join()


def test_a_small_model_gets_one_thread_and_the_others_come_back(cache: Any) -> None:
    before = torch.get_num_threads()
    with models_in_turn(random_options(), cache):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_what_a_caption_gained_and_lost() -> None:
    change = compare_captions("the men wear <b>red</b> hats", "a man in a blue shirt")
    assert "".join(piece.text for piece in change.pieces) == "the men wear <b>red</b> hats"
    marked = [piece.text for piece in change.pieces if piece.is_new]
    assert "hats" in marked
    assert "men" not in marked
    assert set(change.lost) >= {"blue", "shirt"}
    assert compare_captions("", None).pieces == ()
    same = compare_captions("a man", "a man")
    assert [piece.is_new for piece in same.pieces] == [False]


def test_outlines_follow_masks_and_boxes(image: SteeredImage) -> None:
    for path in segment_outlines(image.detections):
        assert path.startswith("M")
        numbers = [
            int(n) for n in path.replace("M", " ").replace("L", " ").replace("Z", "").split()
        ]
        assert 0 <= min(numbers) <= max(numbers) <= 1000
    (box,) = segment_outlines([{"bounding_box": [0.25, 0.5, 0.5, 0.25]}])
    assert box == "M250 500L750 500L750 750L250 750Z"
    assert segment_outlines([{}]) == ["M0 0L0 0L0 0L0 0Z"]


def test_scopes_and_the_segments_that_belong_to_them(dataset: Any, image: SteeredImage) -> None:
    options, ids = random_options(), dataset.values("id")
    labels = [one.id for one in dataset.first().segments.detections[:1]]
    alone = Surroundings(dataset, dataset.view())
    assert alone.scopes(options) == {"view": ids}
    assert alone.sources() == []
    lassoed = Surroundings(dataset, dataset.view(), (ids[0],), Lasso(label_ids=tuple(labels)))
    expected_scopes = {"lasso": ids[:1], "selected": ids[:1], "view": ids}
    assert list(lassoed.scopes(options).items()) == list(expected_scopes.items())
    one = Surroundings(dataset, dataset.view(), (ids[0],))
    assert list(one.scopes(options)) == ["selected", "view"]
    recipe = batch_recipe(
        lassoed,
        ids,
        image=image,
        options=options,
        dials=Dials(PROMPT, "logits", (Dial(3.0), Dial(7.0))),
        source="lasso",
        turned=1,
        word="hat",
    )
    expected = Recipe(PROMPT, word="hat", weight=7.0, method="logits", segment_ids=tuple(labels))
    assert recipe == expected
    note_lasso(dataset, {"extended": {"fiftyone.core.stages.MatchLabels": {"ids": labels}}})
    later = Surroundings.of(dataset, dataset.view(), selected=(), request_params={})
    assert later.scopes(options) == {"last_lasso": ids[:1], "view": ids}
    assert later.sources() == ["last_lasso"]
    assert later.segment_ids("last_lasso", ids, options) == tuple(labels)
    forget_lasso(dataset)
    ticked = Surroundings(dataset, dataset.view(), tuple(ids[:2]))
    assert list(ticked.scopes(options)) == ["selected", "view"]


def test_the_focus_chooses_samples_and_segments(dataset: Any, image: SteeredImage) -> None:
    options = random_options()
    word = dataset.first().caption_words[0]
    set_panel_focus(dataset, [word], sample_ids=[image.sample_id])
    around = Surroundings(dataset, dataset.view(), focus=panel_focus(dataset))
    assert around.scopes(options)["focus"] == [image.sample_id]
    ids = around.segment_ids("focus", dataset.values("id"), options)
    covered = {
        one.id
        for sample in dataset
        for one in sample.segments.detections
        if word in (one.covered_by or [])
    }
    assert set(ids) == covered
    clear_panel_focus(dataset)


def test_recipes_of_patches_labels_and_prompt_alone(
    dataset: Any, image: SteeredImage, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fiftyone_capviz.curation.inference.engines.model_cache", lambda: cache)
    monkeypatch.setattr("fiftyone_capviz.curation.inference.engines.model_cache", lambda: cache)
    around = Surroundings(dataset, dataset.view())

    def recipe(source: Any, dials: Dials, **more: Any) -> Recipe:
        return batch_recipe(
            around, [], image=image, options=random_options(), dials=dials, source=source, **more
        )

    dials = Dials(PROMPT, "scale", (Dial(2.0, added=((0, 0),)),))
    grid = recipe("patches", dials).grid_weights
    assert grid is not None
    assert (grid[0][0], grid[0][1]) == (2.0, 1.0)
    labelled = recipe("label", dials, label="uncovered", word="hat", automatic=True)
    assert (labelled.segment_label, labelled.weight) == ("uncovered", "auto")
    assert recipe("none", dials) == Recipe(PROMPT)
    with pytest.raises(InputError, match="segments"):
        recipe("patches", Dials(method="contrast", selections=dials.selections))
    with pytest.raises(InputError, match="changes something"):
        recipe("none", Dials())
    with pytest.raises(InputError, match="one of"):
        recipe("everywhere", dials)


def test_a_batch_waits_until_it_is_decided(dataset: Any, cache: Any) -> None:
    assert pending_batch(dataset, "caption") is None
    ids = dataset.values("id")
    report = steer_captions(dataset, Recipe(PROMPT, word="submarine"), cache=cache)
    remember_batch(dataset, Batch.of(report, "caption", ids))
    batch = pending_batch(dataset, "caption")
    assert batch is not None
    assert (batch.hits, batch.samples, set(batch.misses)) == (0, COUNT, set(ids))
    rows = candidates(dataset, batch, random_options(), limit=2)
    assert [row.says_word for row in rows] == [False, False]
    assert all(row.caption.startswith(PROMPT) for row in rows)
    assert pending_batch(dataset, "other") is None
    accept_captions(dataset, cache=cache)
    assert pending_batch(dataset, "caption") is None


def test_acceptances_are_undone_in_turn(dataset: Any) -> None:
    assert last_accepted(dataset, "caption") == []
    note_accepted(dataset, "caption", ["a"])
    note_accepted(dataset, "other", ["x"])
    note_accepted(dataset, "caption", ["b", "c"])
    assert last_accepted(dataset, "caption") == ["b", "c"]
    forget_accepted(dataset, "caption")
    assert last_accepted(dataset, "caption") == ["a"]
    assert last_accepted(dataset, "other") == ["x"]


def test_a_sample_that_is_not_there(dataset: Any) -> None:
    with pytest.raises(InputError, match="Steering needs a sample"):
        read_image(dataset, "0" * 24, random_options())

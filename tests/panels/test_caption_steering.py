"""The Caption Steering panel's events and its operators, as the App calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fiftyone.operators.executor import ExecutionContext, Executor

from fiftyone_capviz.curation.app.panel_focus import clear_panel_focus, set_panel_focus
from fiftyone_capviz.curation.inference.cancelled import cancel_stream, is_cancelled
from fiftyone_capviz.text.words import caption_words
from operators.steer_selection import SteerSelection
from operators.stream_caption import StreamCaption
from panels.caption_steering import CaptionSteering
from tests.worlds.calls import Events, triggered
from tests.worlds.random_world import image_dataset

EVENTS = Events("@capviz/capviz/caption_steering")
run, ask = EVENTS.run, EVENTS.ask
EXAMPLE = Path(__file__).parent.parent / "payloads" / "caption_steering.json"
PROMPT = "the man is wearing a hat"
COUNT = 4


@pytest.fixture
def dataset(analysed_clone: Any) -> Any:
    return analysed_clone


def told(
    operator: Any, dataset: Any, params: dict[str, Any], **request: Any
) -> list[dict[str, Any]]:
    """What a generator operator patches into the panel, one dict per message."""
    ctx = ExecutionContext(
        request_params={
            "dataset_name": dataset.name,
            "params": {"panel_id": "p1", **params},
            "operator_uri": operator.uri,
            **request,
        },
        executor=Executor(),
    )
    bodies = [message.to_json()["body"] for message in operator.execute(ctx)]
    patches = [body["params"] for body in bodies if body["operator_uri"] == "patch_panel_data"]
    assert all(patch["panel_id"] == "p1" for patch in patches)
    return [patch["data"] for patch in patches]


def work(dataset: Any, step: str, params: dict[str, Any] | None = None, **request: Any) -> Any:
    """The last message of a job."""
    asked = {"step": step, "job": "j1", **(params or {})}
    last = told(SteerSelection(), dataset, asked, **request)[-1]["job"]
    assert last["id"] == "j1"
    return last


def dials(**settings: Any) -> dict[str, Any]:
    return {"dials": {"prompt": PROMPT, "method": "logits", "selections": [], **settings}}


def said_word(dataset: Any) -> str:
    """A word that every caption by the prompt says of itself, and no present caption does."""
    asked = [{"sample_id": one} | dials() for one in dataset.values("id")]
    rests = [ask(dataset, "generate", one)["text"].removeprefix(PROMPT) for one in asked]
    common = set.intersection(*(set(caption_words(rest).words) for rest in rests))
    return min(common - set(caption_words(" ".join(dataset.values("caption"))).words))


def shape(value: Any) -> Any:
    """Keys and types, all the way down; of lists the first item."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value)
    )


def test_the_panel_is_on_both_surfaces() -> None:
    config = CaptionSteering().config
    assert (config.name, config.surfaces) == ("caption_steering", "grid modal")


def test_the_first_sample_opens_and_neighbors_follow(dataset: Any) -> None:
    ids = dataset.values("id")
    first = ask(dataset, "open_image")
    assert (first["sample_id"], first["position"], first["total"]) == (ids[0], 0, COUNT)
    assert first["caption"] == dataset.first().caption
    assert [one["id"] for one in first["segments"]] == [
        one.id for one in dataset.first().segments.detections
    ]
    step = {"sample_id": ids[0], "step": -1}
    assert ask(dataset, "open_image", step)["sample_id"] == ids[-1]
    among = {"sample_id": ids[2], "step": 1, "among": [ids[1], ids[2]]}
    assert ask(dataset, "open_image", among)["sample_id"] == ids[1]
    narrowed = dataset.limit(1)
    kept = {"sample_id": ids[2], "keep": True}
    for view in (narrowed, dataset.match({"caption": "nothing says this"})):
        still = ask(dataset, "open_image", kept, view=view)
        assert (still["sample_id"], still["position"]) == (ids[2], None)
        step = {"sample_id": ids[2], "step": 1}
        follows = ids[0] if len(view) else ids[2]
        assert ask(dataset, "open_image", step, view=view)["sample_id"] == follows
    for gone in ("0" * 24, "no id"):
        first = ask(dataset, "open_image", {"sample_id": gone, "keep": True}, view=narrowed)
        assert first["sample_id"] == ids[0]
    outside = ask(dataset, "open_image", {"sample_id": ids[2]}, view=narrowed)
    assert (outside["sample_id"], outside["position"]) == (ids[2], None)


def test_with_words_in_focus_the_first_sample_of_theirs_opens(dataset: Any) -> None:
    last = dataset.last().id
    focus = {"caption_field": "caption", "segments_field": "segments"}
    set_panel_focus(dataset, ["umbrella"], sample_ids=[last], **focus)
    try:
        opened = ask(dataset, "open_image")
        assert (opened["sample_id"], opened["position"]) == (last, COUNT - 1)
        first = dataset.first().id
        assert ask(dataset, "open_image", {"sample_id": first})["sample_id"] == first
    finally:
        clear_panel_focus(dataset)


def test_in_a_view_of_patches_the_sample_of_the_patch_opens(dataset: Any) -> None:
    patches = dataset.to_patches("segments")
    label = dataset.last().segments.detections[0].id
    found = ask(dataset, "open_image", {"sample_id": label}, view=patches)
    assert found["sample_id"] == dataset.last().id
    scopes = ask(dataset, "scopes", view=patches, selected=[label])
    assert scopes["scopes"][0] == {"key": "lasso", "count": 1}


def test_a_request_that_cannot_be_served_is_answered_by_a_sentence(dataset: Any) -> None:
    for name in ("open_image", "lay_out", "generate"):
        said = ask(dataset, name, {"sample_id": "no id"} | dials())["error"]
        assert said == "A sample is named by 24 hexadecimal digits; got 'no id'. Open one."
    sample = {"sample_id": dataset.first().id}
    for weight in (float("nan"), "NaN", float("inf")):
        asked = dials(selections=[{"weight": weight, "added": [[0, 0]]}])
        assert "at least 0" in ask(dataset, "generate", sample | asked)["error"]
    asked = dials(selections=[{"weight": None, "added": [[0, 0]]}])
    assert "A selection has a weight" in ask(dataset, "generate", sample | asked)["error"]
    assert "Shorten it" in ask(dataset, "generate", sample | dials(prompt="hat " * 900))["error"]


def test_one_ticked_sample_can_be_applied_to(dataset: Any) -> None:
    ids = dataset.values("id")
    scopes = ask(dataset, "scopes", selected=ids[1:2])["scopes"]
    assert scopes == [{"key": "selected", "count": 1}, {"key": "view", "count": COUNT}]
    steer = {"sample_id": ids[0], "scope": "selected", "source": "none", **dials()}
    done = work(dataset, "steer", steer, selected=ids[1:2])
    assert done["message"].startswith("1 caption")


def test_what_is_missing_is_said(dataset: Any, tmp_path: Path) -> None:
    empty = dataset.match({"caption": "nothing says this"})
    assert ask(dataset, "open_image", view=empty) == {"missing": "samples"}
    plain = image_dataset(tmp_path, 1)
    assert ask(plain, "open_image") == {"missing": "captions"}
    assert "Analyze captions" in ask(plain, "scopes")["error"]
    assert "prompt_user_for_operation" in triggered(run(plain, "analyze"))
    plain.delete()
    assert "a sample" in ask(dataset, "generate", dials())["error"]


def test_the_patch_grid_and_the_answers(dataset: Any) -> None:
    sample = {"sample_id": dataset.first().id}
    place = ask(dataset, "lay_out", sample)
    segment = dataset.first().segments.detections[0].id
    assert all(
        0 <= row < place["grid"] and 0 <= column < place["grid"] and 0 < share <= 1
        for row, column, share in place["cells"][segment]
    )
    attempt = ask(dataset, "generate", sample | dials())
    assert "".join(piece["text"] for piece in attempt["pieces"]) == attempt["text"]
    assert attempt["text"].startswith(PROMPT)
    asked = dials(selections=[{"weight": 2.0, "segments": [segment]}])
    said = caption_words(attempt["text"].removeprefix(PROMPT)).words[0]
    search = ask(dataset, "find_weight", sample | asked | {"word": said})
    assert search["best"] == 0
    assert search["trials"][0]["says_word"]
    usual = ask(dataset, "suggest", sample | {"word": ""})
    ranked = ask(dataset, "suggest", sample | {"word": "hat"})
    assert usual["suggestions"][0]["probability"] is None
    assert ranked["suggestions"][0]["probability"] is not None
    refused = dials(selections=[{"weight": -1, "added": [[0, 0]]}])
    assert "at least 0" in ask(dataset, "generate", sample | refused)["error"]


def test_a_prompt_is_filled_from_each_own_caption(dataset: Any) -> None:
    """For the image that is open, and for all that the recipe is applied to."""
    dataset.set_values("caption", ["a group of men", "two dogs", "it is raining", None])
    sample = {"sample_id": dataset.first().id}
    asked = sample | dials(prompt="the {subject} is")
    assert ask(dataset, "open_image", sample)["subject"] == "man"
    assert ask(dataset, "generate", asked)["prompt"] == "the man is"
    assert "{subject}" in ask(dataset, "generate", sample | dials(prompt="a {man}"))["error"]
    done = work(dataset, "steer", asked | {"scope": "view", "source": "none"})
    assert "2 without a subject" in done["message"]
    opened = ask(dataset, "open_image", {"sample_id": dataset.last().id})
    assert (opened["subject"], opened["batch"]["without_subject"]) == (None, 2)
    texts = dataset.values("caption_steered")
    assert (texts[0].startswith("the man is"), texts[1].startswith("the dog is")) == (True, True)
    text = {"text": "the man is tall", "prompt": "the man is", "itm": 0.5}
    ask(dataset, "accept_attempt", asked | text)
    assert dataset.first().caption_previous[-1]["prompt"] == "the man is"


def test_the_example_of_the_payloads_has_their_shape(dataset: Any) -> None:
    example = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    sample = {"sample_id": dataset.first().id}
    segment = dataset.first().segments.detections[0].id
    selections = [{"weight": 2.0, "segments": [segment]}]
    steer = sample | dials() | {"scope": "view", "source": "none", "word": "hat"}
    assert work(dataset, "steer", steer)["state"] == "done"
    found = {
        "image": ask(dataset, "open_image"),
        "place": ask(dataset, "lay_out", sample),
        "attempt": ask(dataset, "generate", sample | dials()),
        "search": ask(
            dataset, "find_weight", sample | dials(selections=selections) | {"word": "hat"}
        ),
        "suggestions": ask(dataset, "suggest", sample | {"word": "hat"}),
        "scopes": ask(dataset, "scopes"),
        "candidates": ask(dataset, "candidates"),
    }
    found["place"]["cells"] = {"segment": found["place"]["cells"][segment]}
    for name, payload in found.items():
        assert shape(payload).keys() == shape(example[name]).keys(), name
    assert shape(found["attempt"]["pieces"]) == shape(example["attempt"]["pieces"])
    assert shape(found["search"]["trials"]) == shape(example["search"]["trials"])
    assert shape(found["image"]["batch"]) == shape(example["image"]["batch"])
    # The weight is None where the prompt alone steered.
    for payload in (found["candidates"], example["candidates"]):
        for candidate in payload["candidates"]:
            candidate["weight"] = 1.0
    assert shape(found["candidates"]) == shape(example["candidates"])


def test_a_stream_tells_the_growing_text_and_the_attempt(dataset: Any) -> None:
    params = {"stream": "s1", "sample_id": dataset.first().id, **dials()}
    news = [each["stream"] for each in told(StreamCaption(), dataset, params)]
    assert {each["id"] for each in news} == {"s1"}
    assert [each["done"] for each in news] == [False] * (len(news) - 1) + [True]
    assert news[-1]["attempt"]["text"] == news[-2]["text"] == news[-1]["text"]
    whole = ask(dataset, "generate", {"sample_id": dataset.first().id, **dials()})
    assert news[-1]["attempt"].keys() == whole.keys()


def test_a_stream_can_be_cancelled_and_can_fail(dataset: Any) -> None:
    sample = dataset.first().id
    ask(dataset, "cancel", {"stream": "s2"})
    assert is_cancelled("s2")
    params = {"stream": "s2", "sample_id": sample, **dials()}
    (only,) = told(StreamCaption(), dataset, params)
    assert (only["stream"]["done"], only["stream"]["attempt"]) == (True, None)
    params = {"stream": "s3", "sample_id": "0" * 24, **dials()}
    (only,) = told(StreamCaption(), dataset, params)
    assert "needs a sample" in only["stream"]["error"]
    for number in range(300):
        cancel_stream(f"other {number}")
    assert not is_cancelled("s2")


def test_apply_accept_chosen_discard_and_undo(dataset: Any) -> None:
    ids, before = dataset.values("id"), dataset.values("caption")
    word = said_word(dataset)
    steer = {"sample_id": ids[0], "scope": "view", "source": "none", "word": word, **dials()}
    told = f"{COUNT} of {COUNT} images that did not say {word!r} now do"
    assert work(dataset, "steer", steer)["message"].startswith(told)
    image = ask(dataset, "open_image")
    batch = image["batch"]
    assert (batch["hits"], batch["gained"], batch["lacking"]) == (COUNT, COUNT, COUNT)
    assert (batch["waiting"], image["undo"]) == (COUNT, 0)
    assert dataset.values("caption") == before
    flipped = [ids[0], ids[2], ids[3]]  # all say the word, so all are chosen but these
    assert work(dataset, "accept", {"chosen": True, "flipped": flipped})["state"] == "done"
    dataset.reload()
    changed = [a != b for a, b in zip(dataset.values("caption"), before, strict=True)]
    assert changed == [False, True, False, False]
    assert ask(dataset, "candidates")["waiting"] == 3
    assert ask(dataset, "discard")["samples"] == 3
    assert ask(dataset, "candidates")["waiting"] == 0
    assert ask(dataset, "open_image")["undo"] == 1
    assert work(dataset, "undo")["state"] == "done"
    dataset.reload()
    assert dataset.values("caption") == before
    assert "accepted here" in work(dataset, "undo")["message"]
    assert "none are waiting" in work(dataset, "accept")["message"]
    assert work(dataset, "dance")["state"] == "failed"


def test_the_recipe_goes_to_what_is_ticked_or_in_focus(dataset: Any) -> None:
    ids = dataset.values("id")
    steer = {"sample_id": ids[0], "scope": "selected", "source": "none", **dials()}
    done = work(dataset, "steer", steer, selected=ids[2:])
    assert done["message"].startswith("2 captions steered")
    word = dataset.first().caption_words[0]
    set_panel_focus(dataset, [word], sample_ids=ids[:1])
    scopes = ask(dataset, "scopes")
    assert scopes["words"] == [word]
    assert scopes["sources"] == ["focus"]
    assert scopes["scopes"][0] == {"key": "focus", "count": 1}
    clear_panel_focus(dataset)
    assert "none in 'focus'" in work(dataset, "steer", {**steer, "scope": "focus"})["message"]


def test_failures_open_as_a_view(dataset: Any) -> None:
    ids = dataset.values("id")
    assert "nothing to show" in ask(dataset, "show_misses")["error"]
    steer = {"sample_id": ids[0], "scope": "view", "source": "none", "word": "submarine", **dials()}
    work(dataset, "steer", steer)
    shown = run(dataset, "show_misses")
    assert shown.result == {"samples": COUNT}
    assert "set_view" in triggered(shown)


def test_an_attempt_on_one_image_is_accepted_and_undone(dataset: Any) -> None:
    sample = dataset.first()
    before = sample.caption
    params = {"sample_id": sample.id, **dials()}
    attempt = ask(dataset, "generate", params)
    accepted = run(dataset, "accept_attempt", params | attempt)
    assert "1 caption rewritten" in accepted.result["summary"]
    assert "reload_dataset" in triggered(accepted)
    dataset.reload()
    assert dataset.first().caption == attempt["text"]
    assert dataset.values("caption")[1:] != [attempt["text"]] * 2
    assert work(dataset, "undo")["state"] == "done"
    dataset.reload()
    assert dataset.first().caption == before
    assert "empty" in ask(dataset, "accept_attempt", params | {"text": " "})["error"]


def test_a_change_of_the_view_is_told_by_data_never_by_state(dataset: Any) -> None:
    calls = triggered(run(dataset, "on_change_view"))
    assert calls
    assert not [one for one in calls if "state" in one]


def test_accepting_counts_the_captions_of_the_user(dataset: Any) -> None:
    ids, word = dataset.values("id"), said_word(dataset)  # the prompt's own words do not count
    for sample in dataset.select(ids[:2]):
        sample["caption"] = "my own words"
        sample.save()
    steer = {"sample_id": ids[0], "scope": "view", "source": "none", "word": word, **dials()}
    work(dataset, "steer", steer)
    image = ask(dataset, "open_image", {"sample_id": ids[0]})
    assert (image["theirs"], image["batch"]["theirs"]) == (True, 2)
    assert not ask(dataset, "open_image", {"sample_id": ids[3]})["theirs"]
    page = ask(dataset, "candidates")
    assert (page["theirs"], page["missed_theirs"]) == (2, 0)
    assert {one["sample_id"] for one in page["candidates"] if one["theirs"]} == {*ids[:2]}
    assert "2 of them were not ours" in work(dataset, "accept")["message"]
    assert ask(dataset, "open_image", {"sample_id": ids[0]})["theirs"] is False
    work(dataset, "undo")
    dataset.reload()
    assert dataset.values("caption")[:2] == ["my own words"] * 2

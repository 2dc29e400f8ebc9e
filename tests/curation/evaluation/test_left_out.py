"""What an evaluation leaves out: broken samples, hidden regions, crowds, words never read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from fiftyone import ViewField as F

from fiftyone_capviz.curation.evaluation.forecast import default_caption_field
from fiftyone_capviz.curation.evaluation.grounding import GroundingRun, _shape
from fiftyone_capviz.curation.evaluation.plan import caption_fields, plan_evaluation
from fiftyone_capviz.curation.evaluation.probes import FaithfulnessRun, SwapRun
from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
from fiftyone_capviz.curation.evaluation.sources import BlipSource
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.failures import GROUPS
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from tests.worlds.known_world import DOG, HAT, KnownSource, box_map, opened
from tests.worlds.labelled_texts import coco, quick
from tests.worlds.random_world import image_dataset

VARIANT = Variant("dual", "icam", 0)


@pytest.fixture
def dataset(tmp_path: Path) -> Any:
    made = coco(tmp_path, 6)
    yield made
    made.delete()


def test_captions_without_a_content_word_stop_no_source(tmp_path: Path) -> None:
    made = image_dataset(tmp_path, 3)
    for sample, text in zip(made, ("it is the", "a dog on the sand", "a dog"), strict=True):
        sample["said"] = text
        sample["boxes"] = fo.Detections(
            detections=[fo.Detection(label="dog", bounding_box=[0, 0, 0.5, 0.5])]
        )
        sample.save()
    options = EvaluationOptions(
        "boxes",
        caption_field="said",
        captioner="scenes",
        matcher="scenes",
        encoder="scenes",
        measures=("grounding", "coverage"),
        bootstrap_samples=20,
        fields=False,
    )
    report = evaluate_attribution(made, options)
    assert report.counts["failed"] == 0
    assert {row["source"] for row in report.grounding} == {"itm", "lm", "dual"}
    assert all(row["pga"]["n"] == 2 for row in report.grounding)
    assert all(row["unnamed"] == 1 for row in report.coverage)  # the dog that "it is the" omits
    made.delete()


def breaking(monkeypatch: pytest.MonkeyPatch, broken: Sequence[str]) -> None:
    """The matcher's maps fail for every batch that has one of these captions."""
    whole = BlipSource.maps

    def maps(self: Any, images: Any, texts: Any, words: Any) -> Any:
        if set(broken) & set(texts):
            raise RuntimeError("shapes do not match")
        return whole(self, images, texts, words)

    monkeypatch.setattr(BlipSource, "maps", maps)


def test_one_broken_sample_is_recorded_and_the_rest_counts_once(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = quick("ground_truth", caption_field="captions", batch_size=4)
    before = evaluate_attribution(dataset, options)
    first = dataset.first()
    first["captions"] = ["a man with a broken sofa", ""]
    first.save()
    breaking(monkeypatch, ["a man with a broken sofa"])
    after = evaluate_attribution(
        dataset, quick("ground_truth", caption_field="captions", batch_size=4, existing="replace")
    )
    assert after.counts["failed"] == 1
    assert any("RuntimeError: shapes do not match" in note for note in after.notes)
    kept = [one for one in before.pairs["sample"] if one != str(first.id)]
    assert after.pairs["sample"] == kept


def test_what_breaks_every_sample_is_told_at_once(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking(monkeypatch, ["a man sits on a sofa"])
    with pytest.raises(InputError, match="shapes do not match"):
        evaluate_attribution(dataset, quick("ground_truth", caption_field="captions"))


def test_a_probe_that_breaks_costs_only_itself_and_is_told(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> Any:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(BlipSource, "score", broken)
    measures = ("grounding", "faithfulness")
    report = evaluate_attribution(
        dataset, quick("ground_truth", caption_field="captions", measures=measures)
    )
    assert report.counts["failed"] == 0
    assert len(set(report.pairs["sample"])) == 6
    assert report.faithfulness == []
    (told,) = (note for note in report.notes if note.startswith("Faithfulness: 3 samples"))
    assert "given up" in told
    assert "RuntimeError: out of memory" in told


def test_an_interrupt_is_no_broken_sample(dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, calls = BlipSource.maps, iter((0, 1))

    def maps(self: Any, images: Any, texts: Any, words: Any) -> Any:
        if next(calls):
            raise KeyboardInterrupt
        return whole(self, images, texts, words)

    monkeypatch.setattr(BlipSource, "maps", maps)
    report = evaluate_attribution(
        dataset, quick("ground_truth", caption_field="captions", batch_size=2)
    )
    assert report.stopped
    assert report.counts["failed"] == 0
    assert len(set(report.pairs["sample"])) == 2


def test_regions_that_the_view_hides_do_not_count(dataset: Any) -> None:
    options = quick("ground_truth", caption_field="captions")
    whole = plan_evaluation(dataset, options)
    view = dataset.filter_labels("ground_truth", F("label") == "couch")
    plan = plan_evaluation(view, options)
    assert plan.counts["regions"] == 6 < whole.counts["regions"]
    assert {label for one in plan.samples for label in one.labels} == {"couch"}
    assert any("9 regions are not in the view" in note for note in plan.notes)
    # Masks are read by their stored place: it must still be the couch's.
    assert {one.places for one in plan.samples} == {((1,),)}


def test_a_view_without_the_regions_is_refused(dataset: Any) -> None:
    options = quick("ground_truth", caption_field="captions")
    for view in (dataset.select_fields("captions"), dataset.exclude_fields("ground_truth")):
        with pytest.raises(InputError, match="leaves the field 'ground_truth' out"):
            plan_evaluation(view, options)


def test_a_grouped_dataset_shows_the_regions_of_its_images(tmp_path: Path) -> None:
    made = fo.Dataset()
    made.add_group_field("group", default="cloud")
    source = coco(tmp_path, 2)
    for sample in source:
        group = fo.Group()
        image = fo.Sample(sample.filepath, group=group.element("photo"))
        for name in ("captions", "ground_truth"):
            image[name] = sample[name]
        made.add_samples([fo.Sample("none.pcd", group=group.element("cloud")), image])
    options = quick("ground_truth", caption_field="captions")
    plan = plan_evaluation(made, options)
    assert plan.counts["regions"] == 5
    assert not any("not in the view" in note for note in plan.notes)
    for each in (made, source):
        each.delete()


def test_crowds_do_not_count(dataset: Any) -> None:
    sample = dataset.first()
    sample.ground_truth.detections[0]["iscrowd"] = 1
    sample.ground_truth.detections[1]["iscrowd"] = 0
    sample.save()
    options = quick("ground_truth", caption_field="captions")
    plan = plan_evaluation(dataset, options)
    assert any("1 regions are crowds" in note for note in plan.notes)
    assert plan.samples[0].labels == ("couch",)


def test_only_fields_that_are_derived_are_no_captions(tmp_path: Path) -> None:
    made = image_dataset(tmp_path, 1)
    sample = made.first()
    for name in ("said", "said_large", "said_2"):
        sample[name] = "a dog"
    sample["said_words"] = ["dog"]
    sample["said_mismatches"] = ["dog"]
    sample.save()
    assert caption_fields(made) == ["said", "said_large", "said_2"]
    assert default_caption_field(made) == "said"
    made.delete()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["text"], "text"),
        (["text", "note"], "caption"),
        (["note", "captions"], "captions"),
        (["captions_2", "captions"], "captions"),
        (["captions_2", "captions_3"], "caption"),
        (["captions", "caption"], "caption"),
        ([], "caption"),
    ],
)
def test_the_default_is_the_field_that_others_are_named_after(
    names: list[str], expected: str
) -> None:
    made = fo.Dataset()
    for name in names:
        made.add_sample_field(name, fo.StringField)
    assert default_caption_field(made) == expected
    made.delete()


def without(unread: str) -> Any:
    def maps(word: str) -> FloatArray:
        return 0 * box_map(DOG) if word == unread else box_map(DOG)

    return maps


def test_words_beyond_the_limit_count_neither_as_hits_nor_as_misses() -> None:
    source = KnownSource("dual", {VARIANT: without("hat")})
    run = GroundingRun([source], VARIANT, EvaluationOptions("boxes"))
    run.add([opened("a dog in a hat", {"dog": DOG, "hat": HAT})])
    found = run.grounding()
    assert found.hit[0, 0] == 1
    assert np.isnan(found.hit[0, 1])
    assert np.isnan(found.energy[0, 1])
    assert (run.counts["dual_pairs"], run.counts["dual_unread"]) == (1, 1)
    assert run.pairs[1].groups == []


def test_regions_named_beyond_the_limit_are_neither_covered_nor_overlooked() -> None:
    source = KnownSource("dual", {VARIANT: without("hat")})
    run = GroundingRun([source], VARIANT, EvaluationOptions("boxes"))
    run.add([opened("a dog in a hat", {"dog": DOG, "hat": HAT, "car": (0, 5, 1, 6)})])
    ((_, found),) = run.coverage()
    assert (found.true_positives, found.true_negatives) == (1, 1)  # the car, the dog
    assert (found.false_positives, found.false_negatives) == (0, 0)


class Forgetful(KnownSource):
    """Has no map for the words of one caption, so that comparing them breaks."""

    def maps(self, images: Any, texts: Any, words: Any) -> Any:
        return [
            replace(made, maps=made.maps[:, :0]) if "cat" in text else made
            for made, text in zip(super().maps(images, texts, words), texts, strict=True)
        ]


def test_a_batch_that_breaks_while_it_is_counted_is_not_counted() -> None:
    batch = [opened(f"a {name}", {name: DOG, "hat": HAT}) for name in ("dog", "cat", "bird")]
    broken = GroundingRun([Forgetful("dual", {VARIANT: without("")})], VARIANT,
                          EvaluationOptions("boxes"))  # fmt: skip
    with pytest.raises(IndexError):
        broken.add(batch)
    whole = GroundingRun([KnownSource("dual", {VARIANT: without("")})], VARIANT,
                         EvaluationOptions("boxes"))  # fmt: skip
    for run in (broken, whole):
        run.add(batch[:1])
        run.add(batch[2:])
    assert broken.counts == whole.counts
    assert [pair.word for pair in broken.pairs] == ["dog", "bird"]
    assert np.array_equal(broken.grounding().energy, whole.grounding().energy)
    assert broken.coverage() == whole.coverage()


@pytest.mark.parametrize("unread", ["dog", "cat"])
def test_a_swap_that_the_model_never_saw_is_not_measured(unread: str) -> None:
    source = KnownSource("dual", {VARIANT: without(unread)})
    run = SwapRun([source], lambda *_: {VARIANT: VARIANT}, labels=["cat"], seed=0)
    run.take(run.measure(opened("a dog", {"dog": DOG}), 0))
    assert run.rows(samples=20, seed=0) == []


def test_a_swap_of_which_one_source_breaks_leaves_nothing_behind() -> None:
    def broken(image: Any, text: str) -> float:
        raise RuntimeError("shapes do not match")

    other = Variant("itm", "icam", 0)
    sources = [
        KnownSource("dual", {VARIANT: without("")}),
        KnownSource("itm", {other: without("")}, score=broken),
    ]
    chosen = {"dual": {VARIANT: VARIANT}, "itm": {other: other}}
    swaps = SwapRun(sources, lambda name, _: chosen[name], labels=["cat"], seed=0)
    faithfulness = FaithfulnessRun(sources, lambda name, _: chosen[name], seed=0)
    for run in (swaps, faithfulness):
        with pytest.raises(RuntimeError):
            run.take(run.measure(opened("a dog", {"dog": DOG}), 0))  # type: ignore[arg-type]
        assert run.rows(samples=20, seed=0) == []
    assert swaps.examples == []


def test_a_box_below_another_one_may_be_occluded() -> None:
    inside = opened("a dog in a hat", {"dog": (0, 0, 4, 4), "hat": (0, 0, 4, 3)})
    assert _shape(inside, 0).covered == pytest.approx(0.75)
    assert _shape(inside, 1).covered == 1
    masks = inside.masks.copy()
    masks[0, :20, :20] = False  # a mask with a hole: only what others own of its box hides it
    holed = type(inside)(inside.sample, inside.image, masks, inside.boxes, inside.flagged)
    assert _shape(holed, 0).covered == pytest.approx(0.25)


def test_groups_that_the_labels_cannot_tell_are_not_counted() -> None:
    def groups(*samples: Any) -> set[str]:
        run = GroundingRun([KnownSource("dual", {VARIANT: without("")})], VARIANT,
                           EvaluationOptions("boxes"))  # fmt: skip
        run.add(samples)
        return set(run.finish_groups(run.grounding())) - {"failed", "none_of_these"}

    alone, beside = opened("a dog", {"dog": DOG}), opened("a dog", {"dog": DOG, "hat": HAT})
    assert groups(alone) == {"correlated_scene", "exceeds_box"}
    assert groups(replace(alone, flagged=(True,))) == groups(alone) | {"occluded"}
    assert groups(beside) == groups(alone) | {"occluded", "misidentified"}
    assert groups(*[beside] * 20) == set(GROUPS)


def test_a_region_that_is_labelled_twice_does_not_hide_itself() -> None:
    twice = opened("a dog", {"dog": DOG, "puppy": DOG, "hat": HAT})
    assert _shape(twice, 0).covered == 0

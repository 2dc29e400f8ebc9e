"""Which texts and regions are evaluated: fields, labels, views, crowds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from fiftyone import ViewField as F

from fiftyone_capviz.curation.evaluation.forecast import default_caption_field
from fiftyone_capviz.curation.evaluation.plan import caption_fields, plan_evaluation
from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.evaluation import read_synonyms
from tests.worlds.evaluated_scenes import quick_on
from tests.worlds.labelled_texts import coco, quick
from tests.worlds.random_world import image_dataset


def test_fields_are_checked_first(scenes: Any) -> None:
    for field in ("nothing", "truth_background"):
        with pytest.raises(InputError, match="Choose one of: truth"):
            evaluate_attribution(scenes, quick_on(scenes, regions_field=field))
    with pytest.raises(InputError, match="truth_caption"):
        evaluate_attribution(scenes, quick_on(scenes, caption_field="captions"))
    scenes.add_sample_field("blank", fo.StringField)
    with pytest.raises(InputError, match="is empty"):
        evaluate_attribution(scenes, quick_on(scenes, caption_field="blank"))
    scenes.clear_sample_field("truth")
    with pytest.raises(InputError, match="holds none"):
        evaluate_attribution(scenes, quick_on(scenes))


def test_unlabelled_regions_are_no_regions(scenes: Any) -> None:
    scenes.set_values("truth.detections.label", [[None] * len(s.truth.detections) for s in scenes])
    with pytest.raises(InputError, match="holds none"):
        evaluate_attribution(scenes, quick_on(scenes))


def test_synonyms_let_captions_name_labels(scenes: Any) -> None:
    labels = [["object" for _ in s.truth.detections[:1]] for s in scenes]
    for sample, (label,) in zip(scenes, labels, strict=True):
        sample.truth.detections = sample.truth.detections[:1]
        sample["spoken"] = sample.truth.detections[0].label
        sample.truth.detections[0].label = label
        sample.save()
    names = sorted(set(scenes.values("spoken")))
    with pytest.raises(InputError, match=r"Labels: object\. Words: .*synonyms"):
        evaluate_attribution(scenes, quick_on(scenes))
    options = quick_on(scenes, synonyms=read_synonyms([f"object={','.join(names)}"]))
    report = evaluate_attribution(scenes, options)
    assert set(report.pairs["word"]) <= set(names)
    assert set(report.pairs["label"]) == {"object"}


def test_regions_that_the_view_hides_do_not_count(coco_images: Any) -> None:
    options = quick("ground_truth", caption_field="captions")
    whole = plan_evaluation(coco_images, options)
    view = coco_images.filter_labels("ground_truth", F("label") == "couch")
    plan = plan_evaluation(view, options)
    assert plan.counts["regions"] == 6 < whole.counts["regions"]
    assert {label for one in plan.samples for label in one.labels} == {"couch"}
    assert any("9 regions are not in the view" in note for note in plan.notes)
    # Masks are read by their stored place: it must still be the couch's.
    assert {one.places for one in plan.samples} == {((1,),)}


def test_a_view_without_the_regions_is_refused(coco_images: Any) -> None:
    options = quick("ground_truth", caption_field="captions")
    for view in (coco_images.select_fields("captions"), coco_images.exclude_fields("ground_truth")):
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


def test_crowds_do_not_count(coco_images: Any) -> None:
    sample = coco_images.first()
    sample.ground_truth.detections[0]["iscrowd"] = 1
    sample.ground_truth.detections[1]["iscrowd"] = 0
    sample.save()
    options = quick("ground_truth", caption_field="captions")
    plan = plan_evaluation(coco_images, options)
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

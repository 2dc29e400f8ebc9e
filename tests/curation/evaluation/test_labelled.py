"""Which texts are evaluated, and which regions they speak of, on datasets as users import them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from fiftyone_capviz.attribution.words.methods import matcher_word_maps
from fiftyone_capviz.cli import main
from fiftyone_capviz.curation.dataset.names import EvaluationFields
from fiftyone_capviz.curation.dataset.runs import list_evaluations
from fiftyone_capviz.curation.evaluation.forecast import default_options, estimate_evaluation
from fiftyone_capviz.curation.evaluation.plan import caption_fields, plan_evaluation
from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
from fiftyone_capviz.curation.evaluation.table import evaluation_table
from fiftyone_capviz.curation.inference.loaded_models import load_matcher
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.images import open_image
from fiftyone_capviz.models.interfaces import match_attention
from fiftyone_capviz.settings.words import WordMethod
from fiftyone_capviz.text.words import caption_words
from tests.worlds.evaluated_scenes import quick_on
from tests.worlds.labelled_texts import (
    BELOW,
    LEFT,
    RIGHT,
    Made,
    box_mask,
    coco,
    flickr,
    opened_of,
    quick,
    refcoco,
)
from tests.worlds.random_world import random_options


class TestExpressions:
    def test_each_is_a_text_that_describes_one_region(self, made: Made) -> None:
        dataset = made(refcoco)
        plan = plan_evaluation(dataset, quick("ground_truth", expressions="ref_exps"))
        first = plan.samples[:3]
        assert [one.text for one in first] == ["man in a red shirt", "the left man", "brown dog"]
        assert [one.named.pairs[0][0] for one in first] == [0, 0, 2]
        for one in plan.samples:
            ((region, words),) = one.named.pairs
            assert words == tuple(range(len(one.words.words)))
            assert sorted([region, *one.named.others(region)]) == [0, 1, 2]
        counts = plan.counts
        assert (counts["captions"], counts["pairs"], counts["regions"]) == (9, 9, 9)
        assert counts["regions_named"] == 6
        assert counts["regions_repeated"] == 0
        assert any("'ref_exps'" in note and "faithfulness" in note for note in plan.notes)

    def test_a_string_will_do_and_one_without_content_is_counted(self, made: Made) -> None:
        plan = plan_evaluation(made(refcoco), quick("ground_truth", expressions="sentence"))
        assert [one.text for one in plan.samples] == ["brown dog"] * 2
        assert plan.counts["expressions_empty"] == 1
        assert any(note.startswith("1 expressions have no content word") for note in plan.notes)

    def test_one_of_several_regions_is_skipped_or_they_are_one(self, made: Made) -> None:
        dataset = made(refcoco)
        options = quick("ground_truth", expressions="label")
        plan = plan_evaluation(dataset, options)
        assert [one.text for one in plan.samples] == ["dog"] * 3
        assert plan.counts["expressions_repeated"] == 3
        options = quick("ground_truth", expressions="label", repeated="union")
        plan = plan_evaluation(dataset, options)
        assert [one.text for one in plan.samples[:2]] == ["person", "dog"]
        person, dog = opened_of(plan, options)[:2]
        assert (person.masks == [box_mask(LEFT) | box_mask(RIGHT), box_mask(BELOW)]).all()
        assert person.boxes[0] == pytest.approx([0, 0, 1, 0.5])
        assert (dog.masks == [box_mask(b) for b in (LEFT, RIGHT, BELOW)]).all()
        assert [one.named.pairs[0][0] for one in plan.samples[:2]] == [0, 2]

    def test_regions_need_no_label_and_captions_no_field(self, made: Made) -> None:
        dataset = made(refcoco)
        assert not dataset.has_field("caption")
        for sample in dataset:
            sample.ground_truth.detections[0].label = None
            sample.ground_truth.detections[1].label = None
            sample.save()
        given = {"regions_field": "ground_truth", "expressions": "ref_exps"}
        options = default_options(dataset, given)
        assert options.caption_field == "ground_truth_ref_exps"
        assert options.measures == ("grounding", "faithfulness")
        plan = plan_evaluation(dataset, options)
        assert plan.counts["pairs"] == 9
        assert len(plan.samples[0].labels) == 3

    def test_ranking_is_that_of_mean_maps_enlarged_to_the_image(self, made: Made) -> None:
        """Second implementation: enlarge the mean map bilinearly, sum over pixels, over root."""
        dataset = made(refcoco)
        options = quick("ground_truth", expressions="ref_exps")
        report = evaluate_attribution(dataset, options)
        matcher = match_attention(load_matcher(options.model_options()))
        first = []
        for sample in dataset:
            image = open_image(sample.filepath)
            features = matcher.encode(matcher.preprocess([image]))
            regions = sample.ground_truth.detections
            for target, region in enumerate(regions):
                for text in getattr(region, "ref_exps", None) or []:
                    (found,), _ = matcher_word_maps(
                        matcher, features, captions=[text], words=[caption_words(text)],
                        how=WordMethod(layer=matcher.default_layer),
                    )  # fmt: skip
                    mean = torch.from_numpy(found.maps.mean(axis=0, dtype=np.float64))
                    large = interpolate(
                        mean[None, None], size=(64, 64), mode="bilinear", align_corners=False
                    )[0, 0].numpy()
                    masks = [box_mask(tuple(each.bounding_box)) for each in regions]
                    scores = [large[mask].sum() / np.sqrt(mask.sum()) for mask in masks]
                    first.append(int(np.argmax(scores)) == target)
        name = f"itm gradcam layer {matcher.default_layer}"
        (row,) = [one for one in report.grounding if one["name"] == name]
        assert row["ranking"]["n"] == len(first) == 9
        assert row["ranking"]["value"] == pytest.approx(np.mean(first))
        assert list_evaluations(dataset) == ["capviz_evaluation_ground_truth_ref_exps"]
        assert set(EvaluationFields("ground_truth_ref_exps").paths) <= set(
            dataset.get_field_schema()
        )
        assert caption_fields(dataset) == []
        assert "9 texts in 'ref_exps' describe 6 of 9 regions" in evaluation_table(report)

    def test_small_regions_are_ranked_though_no_patch_is_theirs(self, made: Made) -> None:
        dataset = made(refcoco)
        for sample in dataset:
            sample.ground_truth.detections[2].bounding_box = [0.9, 0.9, 0.02, 0.02]
            sample.save()
        report = evaluate_attribution(dataset, quick("ground_truth", expressions="ref_exps"))
        for row in report.grounding:
            assert (row["ranking"]["n"], row["pga"]["n"]) == (9, 6)

    def test_what_cannot_be_used_is_refused_with_a_way_out(self, made: Made) -> None:
        dataset = made(refcoco)
        with pytest.raises(InputError, match=r"'nothing' .* label, ref_exps, sentence"):
            plan_evaluation(dataset[1:], quick("ground_truth", expressions="nothing"))
        with pytest.raises(InputError, match="name of an attribute"):
            quick("ground_truth", expressions="ref exps")
        with pytest.raises(InputError, match="grounding and faithfulness"):
            quick("ground_truth", expressions="ref_exps", measures=("coverage",))
        with pytest.raises(InputError, match="repeated must be some of skip, union"):
            quick("ground_truth", repeated="all")

    def test_the_command_line_takes_them(self, made: Made, tmp_path: Path) -> None:
        dataset = made(refcoco)
        models, out = random_options(), tmp_path / "report.json"
        asked = ["--regions", "ground_truth", "--expressions", "ref_exps", "--source", "itm"]
        asked += ["--matcher", models.matcher, "--no-heads", "--device", "cpu", "--quiet"]
        assert main(["evaluate", dataset.name, *asked, "--json", str(out)]) == 0
        written = json.loads(out.read_text())
        assert written["counts"]["pairs"] == 9
        assert not written["coverage"]
        asked = ["--regions", "phrases", "--all-captions", "--repeated", "union", "--source", "itm"]
        asked += ["--matcher", models.matcher, "--no-heads", "--device", "cpu", "--quiet"]
        asked += ["--measure", "grounding", "--no-coco-names"]
        assert main(["evaluate", made(flickr).name, *asked, "--json", str(out)]) == 0
        written = json.loads(out.read_text())
        assert written["counts"]["pairs"] == 8
        assert written["about"]["options"]["coco_names"] is False


class TestPhrases:
    def test_boxes_of_one_phrase_are_skipped_or_their_union(self, made: Made) -> None:
        dataset = made(flickr)
        options = quick("phrases", caption_field="captions")
        plan = plan_evaluation(dataset, options)
        assert [[one.labels[r] for r, _ in one.named.pairs] for one in plan.samples] == [
            ["a small dog"]
        ] * 2
        assert plan.counts["regions_repeated"] == 4
        options = quick("phrases", caption_field="captions", repeated="union")
        plan = plan_evaluation(dataset, options)
        for one in opened_of(plan, options):
            assert one.sample.labels == ("Two men", "a small dog")
            assert (one.masks == [box_mask(LEFT) | box_mask(BELOW), box_mask(RIGHT)]).all()
            assert len(one.sample.named.pairs) == 2
        assert plan.counts["regions_repeated"] == 0
        assert (plan.counts["regions"], plan.counts["regions_named"]) == (6, 6)

    def test_every_caption_counts_and_the_groups_are_images(self, made: Made) -> None:
        dataset = made(flickr, 10)
        options = quick("phrases", caption_field="captions", all_captions=True, repeated="union")
        plan = plan_evaluation(dataset, options)
        assert [one.number for one in plan.samples] == [0, 1, 2, 4] * 10
        counts = plan.counts
        assert (counts["captions"], counts["captions_with_pair"], counts["pairs"]) == (40, 30, 40)
        report = evaluate_attribution(dataset, options)
        shown = report.about["shown"]
        assert report.pairs["text"] == [0, 0, 1, 2] * 10
        (row,) = [one for one in report.grounding if one["name"] == shown]
        intervals = GroupIntervals(report.pairs["sample"])
        known = intervals.share(np.array(report.pairs["hit"][shown], float))
        assert row["pga"]["n"] == 40
        assert (row["pga"]["low"], row["pga"]["high"]) == pytest.approx((known.low, known.high))
        median = intervals.median(np.array(report.pairs["energy"][shown], float))
        found = (row["pge"]["low"], row["pge"]["high"])
        assert found == pytest.approx((median.low, median.high), abs=1e-4)
        assert median.low < median.high

    def test_fields_tell_of_all_texts_of_a_sample(self, made: Made) -> None:
        dataset = made(flickr)
        options = quick("phrases", caption_field="captions", all_captions=True, repeated="union")
        report = evaluate_attribution(dataset, options)
        names, shown = EvaluationFields("captions"), report.about["shown"]
        for sample in dataset:
            places = [i for i, one in enumerate(report.pairs["sample"]) if one == sample.id]
            assert len(places) == 4
            energies = [report.pairs["energy"][shown][i] for i in places]
            assert sample[names.pge] == pytest.approx(min(energies), abs=1e-4)
            hits = [report.pairs["hit"][shown][i] for i in places]
            assert sample[names.pga] == pytest.approx(np.mean(hits))
        assert "(8 pairs)" in evaluation_table(report)
        assert "8 objects in 6 of 8 texts" in estimate_evaluation(dataset, options).text

    def test_a_short_list_is_told(self, made: Made) -> None:
        dataset = made(flickr)
        first, second = dataset
        first["captions"] = ["a small dog", "two men"]
        second["captions"] = []
        first.save()
        second.save()
        plan = plan_evaluation(dataset, quick("phrases", caption_field="captions", caption_index=2))
        assert [one.text for one in plan.samples] == ["a small dog"]
        assert plan.counts["captions_fallen_back"] == 1
        assert plan.counts["images_without_text"] == 1
        assert any("1 of 2 images have no caption number 2" in note for note in plan.notes)
        assert any("1 of 2 images have no text" in note for note in plan.notes)


class TestCoco:
    def test_captions_may_call_a_label_something_else(self, made: Made) -> None:
        dataset = made(coco, 4)
        plan = plan_evaluation(dataset, quick("ground_truth", caption_field="captions"))
        named = [[one.labels[r] for r, _ in one.named.pairs] for one in plan.samples]
        assert named == [["person", "couch"], ["couch"]] * 2  # two persons, one man: neither
        assert any("labels are COCO's" in note for note in plan.notes)

    def test_without_those_names_a_note_names_the_labels(self, made: Made) -> None:
        dataset = made(coco, 20)
        first = dataset.first()
        first["captions"] = ["a person"]
        first.save()
        plain = quick("ground_truth", caption_field="captions", coco_names=False)
        plan = plan_evaluation(dataset, plain)
        assert plan.counts["pairs"] == 1
        (note,) = [each for each in plan.notes if "--synonyms" in each]
        assert "person (1 of 30 regions), couch (0 of 20 regions)" in note
        own = quick(
            "ground_truth",
            caption_field="captions",
            coco_names=False,
            synonyms={"person": ["man"], "couch": ["sofa"]},
        )
        assert not any("--synonyms" in each for each in plan_evaluation(dataset, own).notes)

    def test_other_labels_are_left_alone(self, made: Made) -> None:
        dataset = made(coco, 2)
        dataset.set_values("ground_truth.detections.label", [["person", "lamp"]] * 2)
        options = quick("ground_truth", caption_field="captions", caption_index=1)
        plan = plan_evaluation(dataset[:1], options)
        assert [one.named.pairs[0][0] for one in plan.samples] == [1]
        assert not any("COCO" in note for note in plan.notes)


def test_labels_of_another_image_are_refused(scenes: Any) -> None:
    for sample in scenes:
        sample.metadata = fo.ImageMetadata(width=1000, height=400)
        sample.save()
    with pytest.raises(InputError, match="another image"):
        evaluate_attribution(scenes, quick_on(scenes))

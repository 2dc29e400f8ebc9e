"""An evaluation from its plan to its report: every part, stops, and samples that break."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.dataset.store import request_stop
from fiftyone_capviz.curation.evaluation.comparison import compare_evaluations
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
from fiftyone_capviz.curation.evaluation.sources import BlipSource
from fiftyone_capviz.curation.evaluation.storage import delete_evaluations, load_evaluation
from fiftyone_capviz.curation.evaluation.table import evaluation_table
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.evaluation import EvaluationOptions, read_synonyms
from tests.worlds.evaluated_scenes import COUNT, quick_on, variant_row
from tests.worlds.labelled_texts import quick
from tests.worlds.random_world import image_dataset


def test_every_part_was_measured(evaluated: tuple[Any, EvaluationReport]) -> None:
    _, report = evaluated
    names = {one["name"] for one in report.best()}
    assert names == {
        f"{one['source']} {one['method']}" for one in report.grounding
    }  # no layer: each half of the images by the best of the other
    assert {one["name"] for one in report.discrimination} == names
    assert {one["name"] for one in report.faithfulness} == names | {
        "itm random",
        "lm random",
        "dual random",
    }
    assert {one["method"] for one in report.steering} == {"plain", "scale", "logits", "contrast"}
    assert {tuple(one["words"]) for one in report.associations} >= {("wolf", "snow")}
    assert all(one["unnamed"] == 0 for one in report.coverage)  # true captions name everything
    first = report.comparisons[0]
    assert first["first"].startswith("dual second_order layer")  # the default
    assert first["second"] == "dual icam"  # cross-fitted
    assert report.about["seed"] == 3
    assert report.about["samples"]["texts"] == COUNT
    assert {one["name"] for one in report.references} == {
        f"itm, lm, dual {reference}" for reference in ("random", "centre")
    }
    for one in report.references:
        assert one["pga"]["n"] == report.counts["itm_pairs"]
        assert 0 < one["pga"]["value"] < 0.5


def test_what_cannot_be_measured_is_not_told(evaluated: tuple[Any, EvaluationReport]) -> None:
    _, report = evaluated
    for one in report.faithfulness:
        assert (one["cti"]["n"], one["ctd"]["n"]) == ((0, 0) if one["source"] == "lm" else (1, 1))
    for one in (*report.grounding, *report.families):
        signs = one["own_positive"]["n"], one["cross_negative"]["n"]
        assert all(signs) != (one["method"] == "cross_attention")
    for one in report.steering:
        assert one["acceptable"]["value"] <= one["rate"]["value"]


def test_the_same_seed_gives_the_same_figures(evaluated: tuple[Any, EvaluationReport]) -> None:
    dataset, report = evaluated
    dataset = dataset.clone("capviz-clone")
    options = quick_on(dataset, seed=3, bootstrap_samples=200, fields=False, name="again")
    again = evaluate_attribution(dataset, options)
    for one in again.grounding:
        before = variant_row(report, one["name"])
        for measure in ("pga", "pge", "ranking"):  # float32 sums of another order, with heads
            assert one[measure] == pytest.approx(before[measure], rel=1e-5)
    compared = compare_evaluations(report, again, names=("A", "B"))
    assert {one["name"] for one in compared.rows} == {
        f"itm {method}, {which}"
        for method in ("gradcam", "cross_attention")
        for which in ("best", "default")
    }
    n = report.counts["itm_pairs"]
    for one in compared.rows:
        assert one["n"] == n
        assert (one["pga_change"]["value"], one["epsilon"] >= 0.5) == (0, True)
    assert "heads" in compared.differences
    assert "seed" not in compared.differences
    assert "PGA A" in compared.text
    assert delete_evaluations(dataset, "truth_caption")[0]
    dataset.delete()


def test_progress_is_told_and_stop_keeps_what_was_measured(scenes: Any) -> None:
    told: list[Progress] = []

    def stop_after_one(progress: Progress) -> None:
        told.append(progress)
        if progress.stage == "grounding":
            request_stop(scenes)

    options = quick_on(scenes, batch_size=2)
    report = evaluate_attribution(scenes, options, progress=stop_after_one)
    assert report.stopped
    assert {one.stage for one in told} == {"models", "grounding"}
    assert told[-1].done == 2
    assert len(set(report.pairs["sample"])) == 2
    assert load_evaluation(scenes, "truth_caption").stopped
    assert "Stopped" in evaluation_table(report)
    again = replace(options, existing="replace")
    assert len(set(evaluate_attribution(scenes, again).pairs["sample"])) == COUNT


def test_broken_samples_are_counted_and_end_nothing(scenes: Any, tmp_path: Path) -> None:
    first, second, third = scenes[:3]
    first.truth.detections[0].bounding_box = [10, 20, 30, 40]  # pixels
    second.metadata = fo.ImageMetadata(width=1000, height=400)
    third.filepath = str(tmp_path / "gone.png")
    for sample in (first, second, third):
        sample.save()
    with pytest.raises(InputError, match="cannot be used"):
        evaluate_attribution(scenes[:3], quick_on(scenes))
    later = scenes[3:].concat(scenes[:3])
    report = evaluate_attribution(later, quick_on(scenes))
    assert report.counts["failed"] == 3
    assert len(set(report.pairs["sample"])) == COUNT - 3
    assert "in pixels" in report.notes[-1]


def test_options_that_cannot_be_used(scenes: Any) -> None:
    for wrong in (
        {"sources": ("vqa",)},
        {"measures": ()},
        {"shown_method": "second_order"},
        {"shown_source": "lm"},
        {"seed": -1},
        {"steering_weights": (0.5,)},
        {"dual_layers": "some"},
        {"name": "a b"},
    ):
        with pytest.raises(InputError):
            quick_on(scenes, **wrong)
    with pytest.raises(InputError, match="layer"):
        evaluate_attribution(scenes, quick_on(scenes, shown_layer=99))
    for synonyms in (["dog"], ["dog="], ["nowhere.json"]):
        with pytest.raises(InputError, match=r"[Ss]ynonyms"):
            read_synonyms(synonyms)


def breaking(monkeypatch: pytest.MonkeyPatch, broken: Sequence[str]) -> None:
    """The matcher's maps fail for every batch that has one of these captions."""
    whole = BlipSource.maps

    def maps(self: Any, images: Any, texts: Any, words: Any) -> Any:
        if set(broken) & set(texts):
            raise RuntimeError("shapes do not match")
        return whole(self, images, texts, words)

    monkeypatch.setattr(BlipSource, "maps", maps)


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


def test_one_broken_sample_is_recorded_and_the_rest_counts_once(
    coco_images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = quick("ground_truth", caption_field="captions", batch_size=4)
    before = evaluate_attribution(coco_images, options)
    first = coco_images.first()
    first["captions"] = ["a man with a broken sofa", ""]
    first.save()
    breaking(monkeypatch, ["a man with a broken sofa"])
    after = evaluate_attribution(
        coco_images,
        quick("ground_truth", caption_field="captions", batch_size=4, existing="replace"),
    )
    assert after.counts["failed"] == 1
    assert any("RuntimeError: shapes do not match" in note for note in after.notes)
    kept = [one for one in before.pairs["sample"] if one != str(first.id)]
    assert after.pairs["sample"] == kept


def test_what_breaks_every_sample_is_told_at_once(
    coco_images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking(monkeypatch, ["a man sits on a sofa"])
    with pytest.raises(InputError, match="shapes do not match"):
        evaluate_attribution(coco_images, quick("ground_truth", caption_field="captions"))


def test_a_probe_that_breaks_costs_only_itself_and_is_told(
    coco_images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(BlipSource, "score", broken)
    measures = ("grounding", "faithfulness")
    report = evaluate_attribution(
        coco_images, quick("ground_truth", caption_field="captions", measures=measures)
    )
    assert report.counts["failed"] == 0
    assert len(set(report.pairs["sample"])) == 6
    assert report.faithfulness == []
    (told,) = (note for note in report.notes if note.startswith("Faithfulness: 3 samples"))
    assert "given up" in told
    assert "RuntimeError: shapes do not match" in told


def test_an_interrupt_is_no_broken_sample(
    coco_images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = BlipSource.maps, iter((0, 1))

    def maps(self: Any, images: Any, texts: Any, words: Any) -> Any:
        if next(calls):
            raise KeyboardInterrupt
        return whole(self, images, texts, words)

    monkeypatch.setattr(BlipSource, "maps", maps)
    report = evaluate_attribution(
        coco_images, quick("ground_truth", caption_field="captions", batch_size=2)
    )
    assert report.stopped
    assert report.counts["failed"] == 0
    assert len(set(report.pairs["sample"])) == 2

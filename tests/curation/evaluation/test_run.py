"""An evaluation of bundled scenes: against a slow reference, stored, shown, compared, refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest

from fiftyone_capviz.attribution.words.methods import matcher_word_maps
from fiftyone_capviz.curation.dataset.before import BEFORE as KEY
from fiftyone_capviz.curation.dataset.before import state_before
from fiftyone_capviz.curation.dataset.names import EvaluationFields
from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.dataset.runs import RunRecord, list_evaluations, list_runs, write_run
from fiftyone_capviz.curation.dataset.store import request_stop
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.curation.demo import make_scenes, scenes_dataset
from fiftyone_capviz.curation.evaluation.comparison import compare_evaluations
from fiftyone_capviz.curation.evaluation.forecast import default_options, estimate_evaluation
from fiftyone_capviz.curation.evaluation.html import evaluation_page
from fiftyone_capviz.curation.evaluation.plots import evaluation_figures
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
from fiftyone_capviz.curation.evaluation.storage import delete_evaluations, load_evaluation
from fiftyone_capviz.curation.evaluation.table import evaluation_table
from fiftyone_capviz.curation.inference.engines import load_matcher
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.models.interfaces import match_attention
from fiftyone_capviz.settings.evaluation import EvaluationOptions, read_synonyms
from fiftyone_capviz.settings.words import WordMethod
from fiftyone_capviz.text.words import caption_words

COUNT = 6
FIRST_SEED = 8_000_003


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scenes")
    make_scenes(COUNT, seed=FIRST_SEED, folder=place)
    return place


@pytest.fixture(scope="module")
def evaluated(folder: Path) -> Iterator[tuple[Any, EvaluationReport]]:
    """Scenes with one evaluation of everything, on few images."""
    dataset = scenes_dataset("capviz-evaluated", folder)
    options = default_options(
        dataset,
        {
            "regions_field": "truth",
            "device": "cpu",
            "faithfulness_samples": 1,
            "swap_samples": 3,
            "steering_samples": 4,
            "steering_weights": (2.0,),
            "bootstrap_samples": 200,
            "seed": 3,
        },
    )
    report = evaluate_attribution(dataset, options)
    yield dataset, report
    dataset.delete()


@pytest.fixture
def scenes(folder: Path) -> Iterator[Any]:
    """A dataset of the same scenes to break; named anew each time."""
    dataset = scenes_dataset("capviz-broken", folder)
    yield dataset
    dataset.delete()


def quick(dataset: Any, **changes: Any) -> EvaluationOptions:
    given = {"regions_field": "truth", "device": "cpu", "sources": ("itm",), "heads": False}
    given |= {"measures": ("grounding",), "bootstrap_samples": 50}
    return default_options(dataset, given | changes)


def row(report: EvaluationReport, name: str) -> dict[str, Any]:
    return next(one for one in report.grounding if one["name"] == name)


def test_the_defaults_of_scenes_are_their_own(scenes: Any) -> None:
    chosen = default_options(scenes, {"regions_field": "truth"})
    assert chosen.caption_field == "truth_caption"
    assert {chosen.captioner, chosen.matcher, chosen.encoder} == {"scenes"}
    assert ("wolf", "snow") in chosen.planted
    assert ("cat", "car") in chosen.apart
    assert default_options(scenes, {"regions_field": "truth", "matcher": "x/y"}).matcher == "x/y"


def test_figures_are_those_of_a_slow_reference(evaluated: tuple[Any, EvaluationReport]) -> None:
    """One image, one word, one layer and head at a time; masks as they were stored."""
    dataset, report = evaluated
    options = EvaluationOptions("truth", matcher="scenes").model_options()
    matcher = match_attention(load_matcher(options))
    layer, head = matcher.default_layer, 2
    hits, energies = [], []
    for sample in dataset:
        image = open_image(sample.filepath)
        words = caption_words(sample.truth_caption)
        features = matcher.encode(matcher.preprocess([image]))
        (found,), _ = matcher_word_maps(
            matcher, features, captions=[sample.truth_caption], words=[words],
            how=WordMethod(layer=layer, head=head),
        )  # fmt: skip
        for one in sample.truth.detections:
            mask = np.zeros(image.size[::-1])
            left, top = (round(v * image.width) for v in one.bounding_box[:2])
            mask[top : top + one.mask.shape[0], left : left + one.mask.shape[1]] = one.mask
            grid = matcher.transform(
                *image.size
            ).rows  # enlarged so much that a patch is whole pixels
            whole = mask.repeat(grid, axis=0).repeat(grid, axis=1)
            shares = whole.reshape(grid, image.height, grid, image.width).mean(axis=(1, 3))
            if one.label not in words.words or shares.sum() <= 1 or shares.max() < 0.2:
                continue
            values = found.maps[words.words.index(one.label)].astype(float)
            hits.append(shares.ravel()[values.argmax()] >= 0.2)
            positive = values.clip(0)
            energies.append((positive * shares).sum() / positive.sum() if positive.any() else 0.0)
    measured = row(report, f"itm gradcam layer {layer} head {head}")
    assert measured["pga"]["n"] == len(hits)
    assert measured["pga"]["value"] == pytest.approx(np.mean(hits))
    assert measured["pge"]["value"] == pytest.approx(np.median(energies), abs=1e-5)
    assert measured["high"]["value"] == pytest.approx(np.mean(np.array(energies) > 0.8))


def test_every_variant_has_a_row(evaluated: tuple[Any, EvaluationReport]) -> None:
    _, report = evaluated
    options = EvaluationOptions("truth", matcher="scenes").model_options()
    matcher = match_attention(load_matcher(options))
    itm = [one for one in report.grounding if one["source"] == "itm"]
    assert len(itm) == 2 * matcher.layer_count * (1 + matcher.head_count)
    methods = {one["method"] for one in report.grounding if one["source"] == "dual"}
    assert methods == {"second_order", "icam", "itsm_output", "itsm_hidden"}
    assert {one["source"] for one in report.grounding} == {"itm", "lm", "dual"}
    assert report.completeness["largest"] < 1e-2


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
        f"itm, lm, dual {reference}" for reference in ("uniform", "centre")
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


def test_scores_are_fields_and_misses_a_view(evaluated: tuple[Any, EvaluationReport]) -> None:
    dataset, report = evaluated
    names = EvaluationFields("truth_caption")
    shown = report.about["shown"]
    pairs = report.pairs
    for sample in dataset:
        places = [i for i, one in enumerate(pairs["sample"]) if one == sample.id]
        energies = {i: pairs["energy"][shown][i] for i in places}
        known = {i: e for i, e in energies.items() if e is not None}
        worst = min(known, key=lambda i: known[i])
        assert sample[names.pge] == pytest.approx(known[worst], abs=1e-4)
        assert sample[names.pge_word] == pairs["word"][worst]
        assert sample[names.pga] == pytest.approx(
            np.mean([pairs["hit"][shown][i] for i in known]), abs=1e-6
        )
    missed = dataset.load_saved_view(names.view)
    assert set(missed.values("id")) == {s.id for s in dataset if s[names.pge] < 0.2}
    groups = {g for found in dataset.values(names.failures) for g in found}
    assert groups <= set(report.groups)
    assert {names.pge, names.failures} <= set(dataset.get_field_schema())


def test_the_stored_run_is_the_report(evaluated: tuple[Any, EvaluationReport]) -> None:
    dataset, report = evaluated
    assert list_evaluations(dataset) == ["capviz_evaluation_truth_caption"]
    loaded = load_evaluation(dataset, "truth_caption")
    assert loaded == EvaluationReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert list_runs(dataset) == []  # no analysis
    stored = EvaluationOptions.from_dict(loaded.about["options"])
    assert stored.seed == 3
    assert stored.validated().to_dict() == loaded.about["options"]
    with pytest.raises(InputError, match="capviz_evaluation_truth_caption"):
        load_evaluation(dataset, "another")


def test_the_same_seed_gives_the_same_figures(evaluated: tuple[Any, EvaluationReport]) -> None:
    dataset, report = evaluated
    options = quick(dataset, seed=3, bootstrap_samples=200, fields=False, name="again")
    again = evaluate_attribution(dataset, options)
    for one in again.grounding:
        before = row(report, one["name"])
        for measure in ("pga", "pge", "ranking"):  # sums of another order differ in the last digits
            assert one[measure] == pytest.approx(before[measure], rel=1e-6)
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
    assert delete_evaluations(dataset.clone("capviz-clone"), "truth_caption")[0]
    fo.delete_dataset("capviz-clone")


def test_table_plots_and_page_show_it(evaluated: tuple[Any, EvaluationReport]) -> None:
    _, report = evaluated
    text = evaluation_table(report)
    for part in ("PGA", "ASO epsilon", "CII", "lower attribution", "rank by log-odds", "success",
                 "acceptable", "~ itm, lm, dual uniform", "> itm gradcam"):  # fmt: skip
        assert part in text
    figures = evaluation_figures(report)
    assert sum("layer and head" in one.title for one in figures) == 4
    import plotly.graph_objects as go

    for one in figures:  # Plotly's own check of every trace and attribute
        go.Figure(data=one.data, layout=one.layout)
    page = evaluation_page(report, title="</script><b>scenes")
    assert "<script src" not in page
    assert "default-src 'none'" in page
    assert "<b>scenes" not in page
    assert page.count("</script>") == 2


def test_an_estimate_comes_from_the_last_evaluation(
    evaluated: tuple[Any, EvaluationReport],
) -> None:
    dataset, report = evaluated
    options = EvaluationOptions.from_dict(report.about["options"])
    found = estimate_evaluation(dataset, options)
    assert found.pairs == report.counts["pairs"]
    assert found.seconds == pytest.approx(
        sum(v for k, v in report.seconds.items() if k != "total"), rel=0.05
    )
    assert estimate_evaluation(dataset, replace(options, matcher="other")).seconds is None


def test_progress_is_told_and_stop_keeps_what_was_measured(scenes: Any) -> None:
    told: list[Progress] = []

    def stop_after_one(progress: Progress) -> None:
        told.append(progress)
        if progress.stage == "grounding":
            request_stop(scenes)

    options = quick(scenes, batch_size=2)
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
        evaluate_attribution(scenes[:3], quick(scenes))
    later = scenes[3:].concat(scenes[:3])
    report = evaluate_attribution(later, quick(scenes))
    assert report.counts["failed"] == 3
    assert len(set(report.pairs["sample"])) == COUNT - 3
    assert "in pixels" in report.notes[-1]


def test_labels_of_another_image_are_refused(scenes: Any) -> None:
    for sample in scenes:
        sample.metadata = fo.ImageMetadata(width=1000, height=400)
        sample.save()
    with pytest.raises(InputError, match="another image"):
        evaluate_attribution(scenes, quick(scenes))


def test_fields_are_checked_first(scenes: Any) -> None:
    for field in ("nothing", "truth_background"):
        with pytest.raises(InputError, match="Choose one of: truth"):
            evaluate_attribution(scenes, quick(scenes, regions_field=field))
    with pytest.raises(InputError, match="truth_caption"):
        evaluate_attribution(scenes, quick(scenes, caption_field="captions"))
    scenes.add_sample_field("blank", fo.StringField)
    with pytest.raises(InputError, match="is empty"):
        evaluate_attribution(scenes, quick(scenes, caption_field="blank"))
    scenes.clear_sample_field("truth")
    with pytest.raises(InputError, match="holds none"):
        evaluate_attribution(scenes, quick(scenes))


def test_unlabelled_regions_are_no_regions(scenes: Any) -> None:
    scenes.set_values("truth.detections.label", [[None] * len(s.truth.detections) for s in scenes])
    with pytest.raises(InputError, match="holds none"):
        evaluate_attribution(scenes, quick(scenes))


def test_synonyms_let_captions_name_labels(scenes: Any) -> None:
    labels = [["object" for _ in s.truth.detections[:1]] for s in scenes]
    for sample, (label,) in zip(scenes, labels, strict=True):
        sample.truth.detections = sample.truth.detections[:1]
        sample["spoken"] = sample.truth.detections[0].label
        sample.truth.detections[0].label = label
        sample.save()
    names = sorted(set(scenes.values("spoken")))
    with pytest.raises(InputError, match=r"Labels: object\. Words: .*synonyms"):
        evaluate_attribution(scenes, quick(scenes))
    options = quick(scenes, synonyms=read_synonyms([f"object={','.join(names)}"]))
    report = evaluate_attribution(scenes, options)
    assert set(report.pairs["word"]) <= set(names)
    assert set(report.pairs["label"]) == {"object"}


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
            quick(scenes, **wrong)
    with pytest.raises(InputError, match="layer"):
        evaluate_attribution(scenes, quick(scenes, shown_layer=99))
    for synonyms in (["dog"], ["dog="], ["nowhere.json"]):
        with pytest.raises(InputError, match=r"[Ss]ynonyms"):
            read_synonyms(synonyms)


def test_deleting_an_analysis_takes_an_evaluation_away_that_was_made_before_it(
    scenes: Any,
) -> None:
    before = set(scenes.get_field_schema())
    options = quick(scenes)
    evaluate_attribution(scenes, options)
    caption = options.caption_field
    noted = state_before(scenes, caption_field=caption, segments_field="segments")
    write_run(scenes, RunRecord(caption, "segments", extra={KEY: noted}))
    deleted = delete_analysis(scenes, caption)
    assert set(EvaluationFields(caption).paths) <= set(deleted.fields)
    assert set(scenes.get_field_schema()) == before
    assert not list_evaluations(scenes)


def test_an_analysis_is_not_replaced(scenes: Any) -> None:
    write_run(scenes, RunRecord("evaluation_truth_caption", "segments"))
    with pytest.raises(InputError, match="is no evaluation"):
        evaluate_attribution(scenes, quick(scenes, caption_field="truth_caption"))
    assert list_runs(scenes) == ["evaluation_truth_caption"]
    options = quick(scenes, caption_field="truth_caption", name="mine")
    assert evaluate_attribution(scenes, options).grounding
    assert list_evaluations(scenes) == ["capviz_evaluation4_truth_caption_mine"]

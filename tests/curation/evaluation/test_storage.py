"""What evaluations of one caption field leave of each other, and of what the user brought."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from fiftyone import ViewField as F

from fiftyone_capviz.curation.dataset.before import BEFORE as KEY
from fiftyone_capviz.curation.dataset.before import state_before
from fiftyone_capviz.curation.dataset.names import EvaluationFields
from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.dataset.runs import RunRecord, list_evaluations, list_runs, write_run
from fiftyone_capviz.curation.dataset.store import request_stop
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.curation.evaluation.plan import caption_fields
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
from fiftyone_capviz.curation.evaluation.storage import load_evaluation
from fiftyone_capviz.errors import ExistingResultsError, InputError
from fiftyone_capviz.evaluation.matching import label_words
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from tests.worlds.evaluated_scenes import COUNT, quick_on

PLAIN, TRIED = EvaluationFields("truth_caption"), EvaluationFields("truth_caption", "tried")


def stored(dataset: Any, *paths: str) -> list[Any]:
    """What the database holds of every sample."""
    dataset.reload()
    return json.loads(json.dumps([dataset.values(path) for path in paths], default=str))


def raw(dataset: Any) -> list[dict[str, Any]]:
    return list(dataset._sample_collection.find({}, {"last_modified_at": 0}))


def stop_at_once(dataset: Any) -> Any:
    def told(progress: Progress) -> None:
        if progress.stage == "grounding":
            request_stop(dataset)

    return told


def test_a_named_evaluation_of_one_image_leaves_the_others_alone(scenes: Any) -> None:
    texts = caption_fields(scenes)
    evaluate_attribution(scenes, quick_on(scenes))
    before = stored(scenes, *PLAIN.paths, *PLAIN.attributes("truth"))
    missed = scenes.load_saved_view(PLAIN.view).values("id")
    evaluate_attribution(scenes[:1], quick_on(scenes, name="tried"))
    assert stored(scenes, *PLAIN.paths, *PLAIN.attributes("truth")) == before
    assert scenes.load_saved_view(PLAIN.view).values("id") == missed
    (energies,) = stored(scenes, TRIED.pge)
    assert [energy is not None for energy in energies] == [True] + [False] * (COUNT - 1)
    # In a batch of one and of six: float32 sums in another order.
    assert energies[0] == pytest.approx(before[0][0], rel=1e-5)
    assert set(scenes.load_saved_view(TRIED.view).values("id")) <= {scenes.first().id}
    assert len(list_evaluations(scenes, "truth_caption")) == 2
    assert caption_fields(scenes) == texts  # words and groups of neither


def test_nothing_is_replaced_unasked(scenes: Any) -> None:
    evaluate_attribution(scenes, quick_on(scenes))
    before = raw(scenes)
    told: list[Progress] = []
    with pytest.raises(ExistingResultsError, match=r"6 images, done.*existing='replace'.*name"):
        evaluate_attribution(scenes[:1], quick_on(scenes, seed=9), progress=told.append)
    assert not told  # before any work
    assert raw(scenes) == before
    assert load_evaluation(scenes, "truth_caption").about["seed"] == 0
    evaluate_attribution(scenes[:2], quick_on(scenes, seed=9, existing="replace"))
    assert load_evaluation(scenes, "truth_caption").about["seed"] == 9
    energies, marks = stored(scenes, PLAIN.pge, PLAIN.attributes("truth")[0])
    assert [energy is not None for energy in energies] == [True] * 2 + [False] * (COUNT - 2)
    assert [any(e is not None for e in each) for each in marks] == [
        energy is not None for energy in energies
    ]
    assert set(scenes.load_saved_view(PLAIN.view).values("id")) <= set(scenes[:2].values("id"))


def test_a_stopped_one_does_not_replace_a_finished_one(scenes: Any) -> None:
    evaluate_attribution(scenes, quick_on(scenes))
    before = raw(scenes)
    again = quick_on(scenes, existing="replace", batch_size=1)
    report = evaluate_attribution(scenes, again, progress=stop_at_once(scenes))
    assert report.stopped
    assert "another name" in report.notes[-1]
    assert raw(scenes) == before
    assert not load_evaluation(scenes, "truth_caption").stopped
    named = replace(again, name="part")
    kept = evaluate_attribution(scenes, named, progress=stop_at_once(scenes))
    assert "another name" not in "".join(kept.notes)
    assert load_evaluation(scenes, "truth_caption", "part").stopped
    evaluate_attribution(scenes, named)  # a stopped one may be replaced
    assert not load_evaluation(scenes, "truth_caption", "part").stopped


def test_objects_bear_their_energy_and_groups(scenes: Any) -> None:
    """Against the report's own columns, which name objects by sample and label."""
    report = evaluate_attribution(scenes, quick_on(scenes))
    pairs, shown = report.pairs, report.about["shown"]
    known = {
        (sample, label): energy
        for sample, label, energy in zip(
            pairs["sample"], pairs["label"], pairs["energy"][shown], strict=True
        )
    }
    scenes.reload()
    seen = []
    for sample in scenes:
        of_objects = []
        for one in sample.truth.detections:
            energy = known.get((sample.id, " ".join(label_words(one.label))))
            assert one.has_field(PLAIN.pge) == (energy is not None)
            if energy is not None:
                assert one[PLAIN.pge] == pytest.approx(energy, abs=1e-4)
                assert not one[PLAIN.failures] or one[PLAIN.pge] < 0.2
                of_objects.append(one)
                seen.append(one)
        assert min(one[PLAIN.pge] for one in of_objects) == pytest.approx(sample[PLAIN.pge])
        groups = {group for one in of_objects for group in one[PLAIN.failures]}
        assert groups == set(sample[PLAIN.failures])
    low = float(np.median([one[PLAIN.pge] for one in seen]))
    marked = scenes.filter_labels("truth", (F(PLAIN.pge) != None) & (F(PLAIN.pge) < low))  # noqa: E711
    ids = {i for each in marked.values("truth.detections.id") for i in each}
    assert ids == {one.id for one in seen if one[PLAIN.pge] < low}
    schema = scenes.get_field_schema(flat=True)
    kinds = [schema[path] for path in PLAIN.attributes("truth")]
    assert isinstance(kinds[0], fo.FloatField)
    assert isinstance(kinds[1].field, fo.StringField)


def test_deleting_restores_what_the_user_brought(scenes: Any) -> None:
    """Labels, attributes, schema, and evaluations of another caption field, to the last byte."""
    scenes.set_values("truth.detections.mine", [[i] * len(s.truth.detections)
                                                for i, s in enumerate(scenes)])  # fmt: skip
    scenes.add_dynamic_sample_fields()
    scenes.set_values("other", scenes.values("truth_caption"))
    evaluate_attribution(scenes, quick_on(scenes, caption_field="other"))
    before, schema = raw(scenes), set(scenes.get_field_schema(flat=True))
    for name in ("", "tried"):
        evaluate_attribution(scenes, quick_on(scenes, caption_field="truth_caption", name=name))
    assert set(scenes.get_field_schema(flat=True)) > schema
    deleted = delete_analysis(scenes, "truth_caption")
    assert {PLAIN.view, TRIED.view} <= set(deleted.views)
    assert raw(scenes) == before
    assert set(scenes.get_field_schema(flat=True)) == schema
    assert list_evaluations(scenes) == ["capviz_evaluation_other"]


def test_what_the_user_has_is_not_overwritten(scenes: Any) -> None:
    attribute = PLAIN.attributes("truth")[0]
    scenes.set_values(attribute, [[0.5] * len(s.truth.detections) for s in scenes])
    before = raw(scenes)
    assert not scenes.has_field(attribute)  # not even on the schema
    with pytest.raises(InputError, match=rf"'{attribute}', which is there already"):
        evaluate_attribution(scenes, quick_on(scenes))
    assert raw(scenes) == before
    evaluate_attribution(scenes, quick_on(scenes, fields=False))
    assert raw(scenes) == before
    scenes.add_sample_field(TRIED.pga, fo.FloatField)
    with pytest.raises(InputError, match=TRIED.pga):
        evaluate_attribution(scenes, quick_on(scenes, name="tried"))
    scenes.save_view(EvaluationFields("truth_caption", "A").view, scenes.limit(1))
    with pytest.raises(InputError, match="same address"):
        evaluate_attribution(scenes, quick_on(scenes, name="a"))


def test_a_successor_without_fields_takes_those_of_the_first_away(scenes: Any) -> None:
    before = raw(scenes)
    evaluate_attribution(scenes, quick_on(scenes, name="tried"))
    evaluate_attribution(scenes, quick_on(scenes, name="tried", fields=False, existing="replace"))
    assert raw(scenes) == before
    assert not scenes.has_saved_view(TRIED.view)
    assert not {*TRIED.paths, *TRIED.attributes("truth")} & set(scenes.get_field_schema(flat=True))


def test_evaluations_of_before_are_found_and_replaced(scenes: Any) -> None:
    """Their keys had no length, and held the name as it was given, its hyphens apart."""
    report = evaluate_attribution(scenes, quick_on(scenes, name="clip-only", fields=False))
    new = "capviz_evaluation9_truth_caption_clip_only"
    old = "capviz_evaluation_truth_caption_clip_only"
    dataset = scenes
    about = report.to_dict()["about"] | {"name": "clip-only"}
    del about["fields"]
    results = dataset.load_run_results(new).report
    dataset.delete_run(new)
    dataset.register_run(old, dataset.init_run(kind="evaluation", **about, counts=report.counts))
    dataset.save_run_results(old, dataset.init_run_results(old, report=results))
    for asked in ((old,), ("truth_caption", "clip-only"), ("truth_caption", "clip_only")):
        assert load_evaluation(dataset, *asked).grounding == report.grounding
    with pytest.raises(ExistingResultsError, match=old):
        evaluate_attribution(dataset, quick_on(dataset, name="clip_only"))
    dataset.set_values("truth_caption_clip_only", dataset.values("truth_caption"))
    with pytest.raises(InputError, match="is another evaluation"):
        evaluate_attribution(dataset, quick_on(dataset, caption_field="truth_caption_clip_only"))
    evaluate_attribution(dataset, quick_on(dataset))
    energies = stored(dataset, PLAIN.pge)  # fields that the earlier version shared by all names
    evaluate_attribution(dataset, quick_on(dataset, name="clip-only", existing="replace"))
    assert stored(dataset, PLAIN.pge) == energies
    assert set(list_evaluations(dataset)) == {"capviz_evaluation_truth_caption", new}


def test_the_report_says_enough_to_do_it_again(scenes: Any) -> None:
    view = scenes.match(F("truth_caption") != "").skip(1).limit(3)
    steered = {"measures": ("grounding", "steering"), "steering_samples": 1}
    report = evaluate_attribution(view, quick_on(scenes, **steered, steering_weights=(2.0,)))
    about = load_evaluation(scenes, "truth_caption").about
    again = fo.DatasetView._build(scenes, json.loads(about["view"]))
    assert again.values("id") == view.values("id")
    assert about["samples"]["images"] == 3
    assert (about["device"], about["precision"]) == ("cpu", "float32")
    assert set(about["revisions"]) == {"itm", "captioner"}
    assert all(about["revisions"].values())
    options = EvaluationOptions.from_dict(about["options"])
    repeated = evaluate_attribution(again, replace(options, name="again"))
    assert repeated.about["samples"] == about["samples"]
    assert repeated.grounding == report.grounding
    other = evaluate_attribution(scenes, replace(options, name="all", measures=("grounding",)))
    assert other.about["view"] is None
    assert other.about["samples"]["images"] == COUNT
    assert other.about["samples"]["ids"] != about["samples"]["ids"]


def test_objects_are_told_apart_by_their_ids(scenes: Any) -> None:
    """Sorted the other way after they were measured, while the run goes on."""

    def turn_round(progress: Progress) -> None:
        if progress.stage == "grounding":
            for row in raw(scenes):
                turned = {"truth.detections": row["truth"]["detections"][::-1]}
                scenes._sample_collection.update_one({"_id": row["_id"]}, {"$set": turned})

    def energies() -> dict[str, float | None]:
        path = "truth.detections."
        scenes.reload()
        ids, values = scenes.values([f"{path}id", f"{path}{PLAIN.pge}"], unwind=True)
        return dict(zip(ids, values, strict=True))

    options = quick_on(scenes, batch_size=COUNT)
    evaluate_attribution(scenes, options)
    straight = energies()
    assert len({e for e in straight.values() if e is not None}) > COUNT
    evaluate_attribution(scenes, replace(options, existing="replace"), progress=turn_round)
    assert energies() == pytest.approx(straight)


def test_shapes_are_not_marked(scenes: Any) -> None:
    for sample in scenes:
        shapes = [one.to_polyline() for one in sample.truth.detections]
        sample["shapes"] = fo.Polylines(polylines=shapes)
        sample.save()
    before = [row["shapes"] for row in raw(scenes)]
    report = evaluate_attribution(scenes, quick_on(scenes, regions_field="shapes"))
    assert report.about["fields"] == list(PLAIN.paths)
    assert [row["shapes"] for row in raw(scenes)] == before
    assert scenes.exists(PLAIN.pge).count()
    # The same name on other regions: these are marked, and no more once they are replaced.
    evaluate_attribution(scenes, quick_on(scenes, existing="replace"))
    assert scenes.has_field(PLAIN.attributes("truth")[0])
    evaluate_attribution(scenes, quick_on(scenes, regions_field="shapes", existing="replace"))
    assert not scenes.has_field(PLAIN.attributes("truth")[0])
    assert all(PLAIN.pge not in one for row in raw(scenes) for one in row["truth"]["detections"])


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


def test_deleting_an_analysis_takes_an_evaluation_away_that_was_made_before_it(
    scenes: Any,
) -> None:
    before = set(scenes.get_field_schema())
    options = quick_on(scenes)
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
        evaluate_attribution(scenes, quick_on(scenes, caption_field="truth_caption"))
    assert list_runs(scenes) == ["evaluation_truth_caption"]
    options = quick_on(scenes, caption_field="truth_caption", name="mine")
    assert evaluate_attribution(scenes, options).grounding
    assert list_evaluations(scenes) == ["capviz_evaluation4_truth_caption_mine"]

"""Options are checked before anything runs, and hashed by what a result depends on."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import (
    STAGE_OPTIONS,
    STAGES,
    AnalysisOptions,
    Stage,
    validated_stages,
)

REVISIONS = {"captioner": "c1", "matcher": "m1", "segmenter": "s1", "encoder": "e1"}
CHANGED: dict[str, object] = {
    "prompt": "the man is wearing",
    "num_beams": 5,
    "max_new_tokens": 7,
    "min_new_tokens": 2,
    "min_area": 0.02,
    "max_overlap": 0.5,
    "points_per_side": 8,
    "pred_iou_thresh": 0.5,
    "stability_score_thresh": 0.5,
    "source": "lm",
    "method": "cross_attention",
    "layer": 3,
    "head": 1,
    "clamp": "grad",
    "use_enc": False,
    "top_k": 2,
    "embeddings": "crops",
    "map_method": "umap",
    "map_seed": 1,
}


def stage_hashes(options: AnalysisOptions, precision: str = "float32") -> dict[Stage, str]:
    return {stage: options.stage_hash(stage, REVISIONS, precision=precision) for stage in STAGES}


def test_defaults_are_valid() -> None:
    assert AnalysisOptions().validated() == AnalysisOptions()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"existing": "overwrite"}, "existing must be one of error, skip, replace"),
        ({"source": "clip"}, "source must be one of itm, lm"),
        ({"num_beams": 0}, "num_beams must be a whole number of at least 1; got 0"),
        ({"num_beams": True}, "num_beams must be a whole number"),
        ({"layer": -1}, "layer must be a whole number of at least 0; got -1"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"min_area": 1.5}, "min_area must be between 0 and 1; got 1.5"),
        ({"max_overlap": float("nan")}, "max_overlap must be between 0 and 1"),
        ({"caption_field": "a..b"}, "caption_field must be the name of a field, or a path"),
        ({"caption_field": "a.$b"}, "caption_field must be the name of a field, or a path"),
        ({"caption_field": "_private"}, "caption_field must be the name of a field, or a path"),
        ({"derived_prefix": "a b"}, "derived_prefix must be a plain field name"),
        ({"segments_field": ""}, "segments_field must be a plain field name"),
        ({"segments_field": "caption"}, "must differ"),
        ({"captioner": " "}, "captioner must be a name"),
        ({"min_new_tokens": 30}, "min_new_tokens must not exceed max_new_tokens=20; got 30"),
        ({"dtype": "int8"}, "dtype must be one of auto"),
        ({"encoder": ""}, "encoder must be a name"),
        ({"method": "second_order", "head": 2}, "head belongs to Grad-CAM and cross-attention"),
    ],
)
def test_refuses(change: dict[str, object], rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        replace(AnalysisOptions(), **change).validated()  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "value"), CHANGED.items())
def test_an_option_changes_the_hash_of_its_stages_only(name: str, value: object) -> None:
    before = stage_hashes(AnalysisOptions())
    after = stage_hashes(replace(AnalysisOptions(), **{name: value}))  # type: ignore[arg-type]

    changed = {stage for stage in STAGES if before[stage] != after[stage]}

    assert changed == {stage for stage in STAGES if name in STAGE_OPTIONS[stage]}


def test_every_option_of_a_stage_is_covered_by_the_test_above() -> None:
    assert {name for names in STAGE_OPTIONS.values() for name in names} == set(CHANGED)


@pytest.mark.parametrize(
    "change", [{"batch_size": 4}, {"device": "cuda"}, {"existing": "skip"}, {"captioner": "moved"}]
)
def test_what_does_not_change_results_does_not_change_hashes(change: dict[str, object]) -> None:
    changed = replace(AnalysisOptions(), **change)  # type: ignore[arg-type]

    assert stage_hashes(changed) == stage_hashes(AnalysisOptions())


def test_second_order_depends_on_the_encoder_and_on_no_other_model() -> None:
    options = AnalysisOptions(method="second_order", source="lm")
    assert options.stage_model("attribute") == "encoder"
    assert options.stage_model("match") == "matcher"
    before = options.stage_hash("attribute", REVISIONS, precision="float32")
    for kind in REVISIONS:
        other = {**REVISIONS, kind: "new"}
        changed = options.stage_hash("attribute", other, precision="float32") != before
        assert changed == (kind == "encoder")


def test_precision_and_revision_change_hashes() -> None:
    options = AnalysisOptions(segmenter="vit_b=sam.pth")
    half, single = stage_hashes(options, "bfloat16"), stage_hashes(options)
    assert all(half[stage] != single[stage] for stage in STAGES)
    other = options.stage_hash("match", {**REVISIONS, "matcher": "m2"}, precision="float32")
    assert other != single["match"]


def test_superpixels_do_not_depend_on_precision() -> None:
    options = AnalysisOptions(segmenter="superpixels")
    assert stage_hashes(options, "bfloat16")["segment"] == stage_hashes(options)["segment"]


def test_dict_round_trip_ignores_other_versions() -> None:
    options = AnalysisOptions(prompt="a photo of", layer=2)
    stored = {**options.to_dict(), "gone": 1}

    assert AnalysisOptions.from_dict(stored) == options
    assert set(options.to_dict()) == {field.name for field in fields(AnalysisOptions)}


def test_stages_come_in_the_order_in_which_they_run() -> None:
    assert validated_stages(["attribute", "caption"]) == ("caption", "attribute")
    assert validated_stages("match") == ("match",)


@pytest.mark.parametrize("stages", [[], ["caption", "paint"]])
def test_unknown_or_no_stages_are_refused(stages: list[str]) -> None:
    with pytest.raises(InputError, match="stages must be some of caption, match"):
        validated_stages(stages)

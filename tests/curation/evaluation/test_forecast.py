"""What an evaluation shows where nothing is said, and how long it would take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.dataset.runs import read_run, write_run
from fiftyone_capviz.curation.evaluation.forecast import (
    default_caption_field,
    default_options,
    estimate_evaluation,
)
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
from fiftyone_capviz.curation.evaluation.sources import load_sources, shown_variant
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from tests.worlds.analysed import analysed_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Any]:
    made = analysed_dataset(tmp_path, captions=("a dog on the sand", "a man in a hat"))
    yield made
    made.delete()


def analysed(dataset: Any, **options: Any) -> None:
    record = read_run(dataset, "caption")
    assert record is not None
    write_run(dataset, replace(record, options=record.options | options))


def shown(dataset: Any, **given: Any) -> tuple[str, str, int | None, int | None, str]:
    chosen = default_options(dataset, {"regions_field": "segments", **given})
    return (
        chosen.shown_source,
        chosen.shown_method,
        chosen.shown_layer,
        chosen.shown_head,
        chosen.clamp,
    )


PLAIN = ("itm", "gradcam", None, None, "none")
STORED = {"source": "lm", "method": "cross_attention", "layer": 1, "head": 2, "clamp": "grad"}
SECOND = {"method": "second_order", "layer": 1, "encoder": "a/clip"}


@pytest.mark.parametrize(
    ("stored", "given", "expected"),
    [
        ({}, {}, PLAIN),
        (STORED, {}, ("lm", "cross_attention", 1, 2, "grad")),
        # A choice wins, and takes the layer and head of another method or model with it.
        (STORED, {"shown_method": "gradcam"}, ("itm", "gradcam", None, None, "grad")),
        (STORED, {"shown_source": "lm"}, ("lm", "cross_attention", 1, 2, "grad")),
        (STORED, {"shown_layer": 3}, ("lm", "cross_attention", 3, None, "grad")),
        (STORED, {"captioner": "a/b"}, ("lm", "cross_attention", None, None, "grad")),
        (STORED, {"clamp": "none"}, ("lm", "cross_attention", 1, 2, "none")),
        # What is not measured cannot be shown.
        (STORED, {"sources": ("itm", "dual")}, ("itm", "gradcam", None, None, "grad")),
        (STORED, {"heads": False}, ("lm", "cross_attention", None, None, "grad")),
        (SECOND, {}, ("dual", "second_order", 1, None, "none")),
        (SECOND, {"encoder": "b/clip"}, ("dual", "second_order", None, None, "none")),
        (SECOND, {"dual_methods": ("icam",)}, PLAIN),
    ],
)
def test_the_fields_have_the_variant_of_the_analysis(
    dataset: Any, stored: dict[str, Any], given: dict[str, Any], expected: object
) -> None:
    analysed(dataset, **stored)
    assert shown(dataset, **given) == expected


def test_the_encoder_is_that_of_the_analysis_where_it_attributed(dataset: Any) -> None:
    of_words = default_options(dataset, {"regions_field": "segments"}).encoder
    analysed(dataset, **SECOND)
    assert default_options(dataset, {"regions_field": "segments"}).encoder == "a/clip" != of_words


def test_another_layer_of_the_encoder_is_measured_for_the_fields() -> None:
    options = EvaluationOptions(
        "boxes",
        encoder="scenes",
        sources=("dual",),
        measures=("grounding",),
        dual_methods=("second_order", "icam"),
        shown_source="dual",
        shown_method="second_order",
    ).validated()
    (source,), _ = load_sources(options)
    usual = source.default("second_order")
    other = 0 if usual.layer else 1
    options = replace(options, shown_layer=other)
    (source,), _ = load_sources(options)
    layers = [each.layer for each in source.variants if each.method == "second_order"]
    assert (len(layers), set(layers)) == (2, {other, usual.layer})
    assert [each.layer for each in source.variants if each.method == "icam"] == [usual.layer]
    assert shown_variant(options, [source]) == replace(usual, layer=other)
    beyond = replace(options, shown_layer=99)
    (source,), _ = load_sources(beyond)
    with pytest.raises(InputError, match="shown_layer"):
        shown_variant(beyond, [source])


def test_the_scores_in_the_fields_are_those_of_that_variant(dataset: Any) -> None:
    for sample, label in zip(dataset, ("dog", "man"), strict=True):
        box = fo.Detection(label=label, bounding_box=[0.1, 0.1, 0.5, 0.5])
        sample["boxes"] = fo.Detections(detections=[box])
        sample.save()
    analysed(dataset, method="cross_attention", layer=1, head=2)
    given = {"regions_field": "boxes", "sources": ("itm",), "measures": ("grounding",)}
    report = evaluate_attribution(
        dataset, default_options(dataset, given | {"bootstrap_samples": 20})
    )
    assert report.about["shown"] == "itm cross_attention layer 1 head 2"
    energies = report.pairs["energy"][report.about["shown"]]
    assert dataset.values("caption_pge") == pytest.approx(energies, abs=1e-4)


def test_the_defaults_of_scenes_are_their_own(scenes: Any) -> None:
    chosen = default_options(scenes, {"regions_field": "truth"})
    assert chosen.caption_field == "truth_caption"
    assert {chosen.captioner, chosen.matcher, chosen.encoder} == {"scenes"}
    assert ("wolf", "snow") in chosen.planted
    assert ("cat", "car") in chosen.apart
    assert default_options(scenes, {"regions_field": "truth", "matcher": "x/y"}).matcher == "x/y"


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

"""Forms say what is wrong before anything runs, and never load torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.analysis import segment_map
from fiftyone_capviz.settings.analysis import AnalysisOptions
from operators import OPERATORS
from operators.analyze_captions import AnalyzeCaptions
from operators.attribute_words import AttributeWords
from operators.caption_images import CaptionImages
from operators.delete_analysis import DeleteAnalysis
from operators.export_analysis import ExportAnalysis
from operators.frame import sections
from operators.frame.form import problem_of_model
from operators.frame.requests import options_from, params_from
from operators.map_segments import MapSegments
from operators.score_captions import ScoreCaptions
from operators.steer_captions import SteerCaptions, params_of_recipe, recipe_from
from tests.worlds.analysed import analysed_dataset
from tests.worlds.asking import context, form_of, problems


@pytest.mark.parametrize("cls", OPERATORS, ids=lambda cls: cls.__name__)
def test_every_form_resolves_on_a_fresh_dataset(cls: Any, dataset: Any) -> None:
    operator = cls()
    operator.resolve_type(context(dataset, app=True), "inputs")
    operator.resolve_type(context(dataset, {"more": True}, app=True), "inputs")
    operator.resolve_type(context(dataset), "outputs")


@pytest.mark.parametrize("cls", OPERATORS, ids=lambda cls: cls.__name__)
def test_config_allows_what_its_length_asks_for(cls: Any) -> None:
    config = cls().config
    assert config.allow_immediate_execution
    assert config.icon
    assert config.description
    if config.allow_delegated_execution:
        assert config.execute_as_generator


def test_the_map_says_where_umap_is_missing(dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> str:
        form = form_of(MapSegments(), context(dataset, {"map_method": "umap"}, app=True))
        return str([each.to_json() for each in form.values()])

    dataset.add_sample_field("segments", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    assert "umap-learn" not in told()
    for module in (segment_map, sections):
        monkeypatch.setattr(module, "has_umap", lambda: False)
    assert "needs the package umap-learn, not installed here" in told()
    assert "choose map_method='tsne'" in told()


def test_forms_import_no_torch(tmp_path: Path, repository: Path) -> None:
    code = (
        "import sys\n"
        "from operators import OPERATORS\n"
        "from fiftyone_capviz.cli import build_parser; build_parser()\n"
        "from fiftyone_capviz.curation.analysis import forecast\n"
        "print([m for m in ('torch', 'transformers', 'segment_anything') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("cls", [AnalyzeCaptions, AttributeWords])
def test_second_order_asks_for_its_encoder(cls: Any, dataset: Any) -> None:
    shown = {"more": True, "method": "second_order"}
    fields = form_of(cls(), context(dataset, shown, app=True))
    assert "encoder" in fields
    assert "clamp" not in fields
    assert "encoder" not in form_of(cls(), context(dataset, {"more": True}, app=True))
    wrong = form_of(cls(), context(dataset, {**shown, "encoder": "no such thing"}, app=True))
    assert wrong["encoder"].invalid
    options = options_from({"method": "second_order", "encoder": "scenes"})
    assert (options.method, options.encoder) == ("second_order", "scenes")


def test_an_estimate_shows_before_it_starts(dataset: Any, params: dict[str, Any]) -> None:
    fields = form_of(AnalyzeCaptions(), context(dataset, params, app=True))
    assert "3 of 3 samples to do" in fields["estimate"].view.label


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("captioner", "no-such-model", "no-such-model"),
        ("matcher", "/no/such/folder", "/no/such/folder"),
        ("segmenter", "vit_b=/no/such/file.pth", "/no/such/file.pth"),
        ("caption_field", "two words", "two words"),
        ("min_area", 1.5, "1.5"),
        ("num_beams", 0, "0"),
        ("batch_size", -1, "-1"),
    ],
)
def test_a_bad_value_is_refused_where_it_stands(
    dataset: Any, params: dict[str, Any], name: str, value: Any, said: str
) -> None:
    asked = {**params, "more": True, name: value}
    assert said in problems(AnalyzeCaptions(), context(dataset, asked, app=True))[name]


def test_fields_of_another_type_are_refused(dataset: Any, params: dict[str, Any]) -> None:
    dataset.add_sample_field("caption", fo.FloatField)
    found = problems(CaptionImages(), context(dataset, params, app=True))
    assert "caption" in found["problem"]


def test_an_empty_view_is_refused(dataset: Any, params: dict[str, Any]) -> None:
    ctx = context(dataset, params, view=dataset.limit(1).skip(1), app=True)
    assert "holds none" in problems(AnalyzeCaptions(), ctx)["problem"]


def test_captions_of_the_user_need_a_decision(dataset: Any, params: dict[str, Any]) -> None:
    dataset.set_values("caption", ["mine"] * 3)
    found = problems(CaptionImages(), context(dataset, params, app=True))
    assert "3 samples" in found["existing"]
    decided = context(dataset, {**params, "existing": "skip"}, app=True)
    assert problems(CaptionImages(), decided) == {}


def test_score_captions_offers_fields_of_text_only(dataset: Any) -> None:
    assert "there is none yet" in problems(ScoreCaptions(), context(dataset))["caption_field"]
    dataset.set_values("several", [["a dog", "a brown dog"]] * 3)
    fields = form_of(ScoreCaptions(), context(dataset, app=True))
    assert [choice.value for choice in fields["caption_field"].view.choices] == ["several"]
    assert "caption_index" in fields


def test_the_app_goes_on_with_the_last_run(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    fields = form_of(AnalyzeCaptions(), context(dataset, app=True))
    assert fields["captioner"].default == "scenes"
    from_python = form_of(AnalyzeCaptions(), context(dataset))
    assert from_python["captioner"].default == AnalysisOptions().captioner


def test_delete_needs_a_tick(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    assert "confirm" in problems(DeleteAnalysis(), context(dataset, app=True))
    assert problems(DeleteAnalysis(), context(dataset, {"confirm": True}, app=True)) == {}


def test_export_needs_a_folder_that_can_be_one(dataset: Any, tmp_path: Path) -> None:
    dataset.set_values("caption", ["a dog"] * 3)
    file = tmp_path / "file"
    file.write_text("x")
    for folder, said in ((str(file), "is a file"), ("relative", "absolute")):
        found = problems(ExportAnalysis(), context(dataset, {"folder": folder}, app=True))
        assert said in found["folder"]


def test_steering_must_change_something(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    assert "problem" in problems(SteerCaptions(), context(dataset, app=True))
    asked = {"prompt": "the man is wearing", "word": "hat"}
    assert problems(SteerCaptions(), context(dataset, asked, app=True)) == {}


def test_recipes_and_options_survive_the_trip_through_parameters() -> None:
    options = AnalysisOptions(captioner="scenes", layer=3, min_area=0.02, use_enc=False)
    assert options_from(params_from(options)) == options
    recipe = recipe_from({"segment_label": "hat", "word": "hat", "auto_weight": True})
    assert recipe_from(params_of_recipe(recipe)) == recipe


def test_an_emptied_field_means_the_default() -> None:
    base = AnalysisOptions(prompt="the man", layer=3)
    assert options_from({"prompt": "", "layer": None}, base=base) == AnalysisOptions()


@pytest.mark.parametrize("spec", ["scenes", "owner/model", "."])
def test_models_that_may_exist_pass_the_form(spec: str) -> None:
    assert problem_of_model("captioner", spec) is None


def test_an_open_clip_model_is_named_with_its_weights(tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    told = problem_of_model("encoder", f"open_clip:ViT-B-16={weights}")
    assert str(weights) in str(told)
    weights.touch()
    assert problem_of_model("encoder", f"open_clip:ViT-B-16={weights}") is None
    assert "open_clip:<model>" in str(problem_of_model("encoder", "clip"))
    assert problem_of_model("captioner", f"open_clip:ViT-B-16={weights}") is not None


def test_forms_suggest_the_example_of_every_architecture() -> None:
    from fiftyone_capviz.models import registry
    from fiftyone_capviz.settings.models import SUGGESTIONS

    entries = {
        "captioner": registry.CAPTIONERS,
        "matcher": registry.MATCHERS,
        "segmenter": registry.SEGMENTERS,
    }
    for kind, listed in entries.items():
        examples = {entry.example for entry in listed.values() if "=" not in entry.example}
        assert examples <= set(SUGGESTIONS[kind]), kind

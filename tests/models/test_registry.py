"""Which models there are, and how a spec finds its architecture."""

from __future__ import annotations

import re
import shutil
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
import torch

from fiftyone_capviz.errors import CheckpointError, InputError, UnknownModelError
from fiftyone_capviz.models import registry
from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.loading import Checkpoint
from fiftyone_capviz.models.registry import (
    REGISTRIES,
    Entry,
    entry_of,
    load_model,
    locate,
    revision_of,
)
from fiftyone_capviz.scenes.architectures import save_random
from tests.worlds.blip_checkpoints import CPU, save_small


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    for kind in ("captioner", "matcher"):
        save_small(kind, root / kind)
    for kind in ("sam", "clip"):
        save_random(kind, root / kind)
    return root


@pytest.fixture
def bundled(folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "BUNDLED", folders)
    return folders


def test_every_entry_says_what_it_is() -> None:
    for entries in REGISTRIES.values():
        for name, entry in entries.items():
            assert re.fullmatch(r"[a-z_]+", name)
            assert entry.model_types
            assert all((entry.description, entry.licence, entry.example))


@pytest.mark.parametrize("kind", ["captioner", "matcher", "segmenter", "encoder"])
def test_scenes_is_the_bundled_checkpoint_of_each_kind(bundled: Path, kind: str) -> None:
    model = load_model(kind, "scenes", device=CPU, dtype=torch.float32)
    assert model.spec == "scenes"
    assert model.revision == revision_of(kind, "scenes")


def test_an_installation_without_weights_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "BUNDLED", tmp_path)
    with pytest.raises(CheckpointError, match="missing from this installation"):
        locate("captioner", "scenes")


def test_a_folder_has_the_revision_of_its_content(bundled: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(bundled / "captioner", tmp_path / "other name")
    assert revision_of("captioner", str(copy)) == revision_of("captioner", "scenes")


@pytest.mark.parametrize(
    ("kind", "folder", "seen"),
    [
        ("captioner", "matcher", "BlipForImageTextRetrieval"),
        ("matcher", "captioner", "BlipForConditionalGeneration"),
        ("captioner", "clip", "CLIPModel"),
        ("matcher", "sam", "segment_anything"),
        ("segmenter", "captioner", "BlipForConditionalGeneration"),
    ],
)
def test_another_architecture_is_refused_before_its_weights_are_read(
    folders: Path, tmp_path: Path, kind: str, folder: str, seen: str
) -> None:
    copy = Path(shutil.copytree(folders / folder, tmp_path / folder))
    (copy / "model.safetensors").write_bytes(b"never read")
    with pytest.raises(CheckpointError, match=f"is a {seen} checkpoint; the {kind} needs"):
        load_model(kind, str(copy), device=CPU, dtype=torch.float32)


def test_an_unknown_name_lists_known_ones() -> None:
    with pytest.raises(UnknownModelError, match="scenes, Salesforce/blip-image-captioning-base"):
        locate("captioner", "blip")
    with pytest.raises(UnknownModelError, match="captioner, matcher, segmenter, encoder"):
        locate("painter", "scenes")


def test_superpixels_need_no_checkpoint() -> None:
    model = load_model("segmenter", "superpixels", device=CPU, dtype=torch.float32)
    assert model.revision == revision_of("segmenter", "superpixels")


def test_published_sam_files(tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save({"x": torch.zeros(1)}, path)
    plain, sized = locate("segmenter", str(path)), locate("segmenter", f"vit_b={path}")
    assert plain.folder == sized.folder == path.resolve()
    assert (plain.config["variant"], sized.config["variant"]) == (None, "vit_b")
    assert plain.revision == sized.revision
    assert entry_of("segmenter", sized) is registry.SEGMENTERS["segment_anything_file"]
    with pytest.raises(UnknownModelError, match="vit_l=PATH"):
        locate("segmenter", "vit_l")
    with pytest.raises(UnknownModelError, match="No weights at"):
        locate("segmenter", f"vit_l={tmp_path / 'none.pth'}")


def test_adding_an_architecture_is_one_entry(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Painter:
        def __init__(self, checkpoint: Checkpoint) -> None:
            self.revision = checkpoint.revision

    def load(checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype) -> Painter:
        return Painter(checkpoint)

    entry = Entry(load, (), ("clip",), "an/example", "MIT", "for this test")
    monkeypatch.setitem(registry.CAPTIONERS, "painter", entry)
    loaded = load_model("captioner", str(folders / "clip"), device=CPU, dtype=torch.float32)
    assert isinstance(loaded, Painter)
    blip = load_model("captioner", str(folders / "captioner"), device=CPU, dtype=torch.float32)
    assert isinstance(blip, BlipCaptioner)


def test_a_model_is_loaded_by_names_alone(folders: Path) -> None:
    spec = str(folders / "captioner")
    plain, asked = load_model("captioner", spec), load_model("captioner", spec, dtype="float64")
    assert (plain.device, plain.dtype) == (CPU, torch.float32)
    assert asked.dtype == torch.float64
    with pytest.raises(InputError, match="dtype must be"):
        load_model("captioner", spec, dtype="int8")


def test_a_loader_imports_when_it_is_called() -> None:
    assert registry.loader("models.devices:choose_device")("cpu") == CPU
    late = registry.loader("models.no_such_file:load")
    with pytest.raises(ModuleNotFoundError, match="no_such_file"):
        late()


@pytest.mark.parametrize("kind", list(REGISTRIES))
def test_every_reference_leads_to_a_callable(kind: str) -> None:
    """A wrong name in an entry would show only when someone loads that model."""
    for entry in REGISTRIES[kind].values():
        for late in (entry.load, entry.locate, entry.view):
            if isinstance(late, partial):
                module, name = late.args[0].split(":")
                assert callable(getattr(import_module(f"fiftyone_capviz.{module}"), name))


def test_an_architecture_may_have_specs_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(spec: str) -> Checkpoint | None:
        if not spec.startswith("brush:"):
            return None
        return Checkpoint(spec, Path(), {"model_type": "painter"}, "1")

    entry = Entry(lambda *_, **__: "painted", (), ("painter",), "x", "MIT", "y", locate=find)
    monkeypatch.setitem(registry.CAPTIONERS, "painter", entry)
    assert locate("captioner", "brush:oil").revision == "1"
    assert load_model("captioner", "brush:oil") == "painted"
    with pytest.raises(UnknownModelError, match="scenes"):
        locate("captioner", "oil")

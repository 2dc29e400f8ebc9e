"""Weights of open_clip and the activation that they were trained with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from fiftyone_capviz.errors import CheckpointError
from fiftyone_capviz.models.dual.open_clip_activation import OPENAI_BUFFERS
from fiftyone_capviz.models.registry import load_model
from tests.worlds.dual_encoders import CPU
from tests.worlds.pictures import picture

open_clip = pytest.importorskip("open_clip", reason="open_clip is not installed")

PLAIN, QUICK = "tiny-activation", "tiny-activation-quickgelu"
CONFIG = {
    "embed_dim": 24,
    "vision_cfg": {
        "image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8,
    },
    "text_cfg": {
        "context_length": 16, "vocab_size": 49408, "width": 24, "heads": 3, "layers": 2,
    },
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def names(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("configs")
    for name in (PLAIN, QUICK):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(CONFIG | {"quick_gelu": name == QUICK}))
        open_clip.add_model_config(path)


def stock(name: str) -> Any:
    torch.manual_seed(0)
    return open_clip.create_model(name, pretrained=None, load_weights=False).eval()


def load(name: str, path: Path) -> Any:
    return load_model("encoder", f"open_clip:{name}={path}", device=CPU, dtype=torch.float32)


def saved(path: Path, model: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path)
    return path


def as_openai(path: Path, model: Any) -> Path:
    state = {key: value.half() for key, value in model.state_dict().items()}
    torch.save(state | {key: torch.tensor(16) for key in OPENAI_BUFFERS}, path)
    return path


class Published(torch.nn.Module):
    """A model as OpenAI publishes it: traced, half precision, with numbers as buffers."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.visual, self.transformer = model.visual, model.transformer
        self.token_embedding, self.ln_final = model.token_embedding, model.ln_final
        for name in ("positional_embedding", "text_projection", "logit_scale"):
            self.register_parameter(name, getattr(model, name))
        for name in OPENAI_BUFFERS:
            self.register_buffer(name, torch.tensor(16))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.visual(pixels)


def published(path: Path, model: Any) -> Path:
    with torch.no_grad():
        pixels = torch.zeros(1, 3, 32, 32)
        torch.jit.trace(Published(model), pixels, check_trace=False).save(str(path))
    return path


def test_a_torchscript_file_is_read_as_its_own_state(tmp_path: Path) -> None:
    from fiftyone_capviz.models.loading import load_state_dict

    path = published(tmp_path / "tiny.pt", stock(QUICK))
    found = load_state_dict(path)
    expected = torch.jit.load(str(path)).state_dict()
    assert set(expected) <= set(found)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype


def test_openais_own_file_is_a_model(tmp_path: Path) -> None:
    model = stock(QUICK)
    encoder = load(QUICK, published(tmp_path / "tiny.pt", model))
    images = [picture(0), picture(1)]
    with torch.no_grad():
        expected = model.encode_image(encoder.preprocess(images), normalize=True)
    assert torch.allclose(encoder.encode_images(images), expected, atol=1e-5)
    assert encoder.notes == ()


@pytest.mark.parametrize("write", [published, as_openai])
def test_openais_weights_need_quickgelu(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / "tiny.pt", stock(QUICK))
    with pytest.raises(CheckpointError, match="need QuickGELU") as caught:
        load(PLAIN, path)
    assert f"open_clip:{QUICK}={path}" in str(caught.value)
    assert load(QUICK, path).notes == ()


@pytest.mark.parametrize("quick", [True, False])
def test_the_configuration_beside_the_weights_is_believed(tmp_path: Path, quick: bool) -> None:
    right, wrong = (QUICK, PLAIN) if quick else (PLAIN, QUICK)
    path = saved(tmp_path / "open_clip_model.safetensors", stock(right))
    config = {"model_cfg": CONFIG | ({"quick_gelu": True} if quick else {})}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    assert load(right, path).notes == ()
    with pytest.raises(CheckpointError, match=f"open_clip:{right}="):
        load(wrong, path)


@pytest.mark.parametrize(
    "place",
    ["vit_b_32-quickgelu-laion400m_e32-46683a32.safetensors", "x-quickgelu/model.safetensors"],
)
def test_names_are_believed(tmp_path: Path, place: str) -> None:
    path = saved(tmp_path / place, stock(QUICK))
    with pytest.raises(CheckpointError, match="need QuickGELU"):
        load(PLAIN, path)


def test_published_names_are_known(tmp_path: Path) -> None:
    model = stock(QUICK)
    path = tmp_path / "ViT-B-32.pt"
    torch.save(model.state_dict(), path)
    with pytest.raises(CheckpointError, match="publishes a file of that name"):
        load(PLAIN, path)


def test_what_nothing_tells_is_said(tmp_path: Path) -> None:
    path = saved(tmp_path / "weights.safetensors", stock(PLAIN))
    (note,) = load(PLAIN, path).notes
    assert f"{PLAIN} computes with GELU" in note
    assert QUICK in note
    assert f"{QUICK} computes with QuickGELU" in load(QUICK, path).notes[0]


def test_an_archive_that_names_more_than_tensors_is_refused(tmp_path: Path) -> None:
    import pickle
    import zipfile

    from fiftyone_capviz.models.torchscript import load_torchscript

    class Evil:
        def __reduce__(self) -> Any:
            return (print, ("run",))

    path = tmp_path / "evil.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("evil/data.pkl", pickle.dumps(Evil(), protocol=2))
        archive.writestr("evil/constants.pkl", b"")
        archive.writestr("evil/code/x.py", b"")
    with pytest.raises(CheckpointError, match="it names"):
        load_torchscript(path)

"""Checkpoints: found, checked, read; and every way in which one can be bad."""

from __future__ import annotations

import http.server
import json
import os
import pickle
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from fiftyone_capviz.errors import CheckpointError, OfflineError, UnknownModelError
from fiftyone_capviz.models import hub, loading
from fiftyone_capviz.models.blip.captioner import BlipCaptioner, load_captioner
from fiftyone_capviz.models.blip.matcher import load_matcher
from fiftyone_capviz.models.hub import fetch_snapshot
from fiftyone_capviz.models.loading import find_checkpoint, fingerprint, load_state_dict
from fiftyone_capviz.scenes.architectures import save_random
from tests.worlds.blip_checkpoints import CPU, save_small

NAME = "someone/some-blip"


def load(folder: Path, *, kind: str = "captioner") -> object:
    loaders = {"captioner": load_captioner, "matcher": load_matcher}
    return loaders[kind](find_checkpoint(str(folder)), device=CPU, dtype=torch.float32)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small("captioner", tmp_path_factory.mktemp("saved") / "captioner")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(saved, tmp_path / "copy"))


class TestGoodFolders:
    def test_every_weight_is_the_stored_one(self, folder: Path) -> None:
        captioner = load(folder)
        assert isinstance(captioner, BlipCaptioner)
        state = captioner.model.state_dict()
        for name, stored in load_file(folder / "model.safetensors").items():
            assert torch.equal(state[name], stored)
        tied = captioner.model.text_decoder
        assert tied.get_output_embeddings().weight is tied.get_input_embeddings().weight
        assert not captioner.model.training
        assert not any(p.requires_grad for p in captioner.model.parameters())

    def test_a_plain_pickle_of_tensors_is_read(self, folder: Path) -> None:
        state = load_file(folder / "model.safetensors")
        # As old checkpoints hold it: with the buffer that is rebuilt now.
        state["text_decoder.bert.embeddings.position_ids"] = torch.arange(40)[None]
        torch.save(state, folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
        captioner = load(folder)
        assert isinstance(captioner, BlipCaptioner)
        assert torch.equal(captioner.model.state_dict()["vision_model.embeddings.class_embedding"],
                           state["vision_model.embeddings.class_embedding"])  # fmt: skip

    def test_shards_are_put_together(self, folder: Path) -> None:
        state = load_file(folder / "model.safetensors")
        names = sorted(state)
        parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
        for part, held in parts.items():
            save_file({n: state[n] for n in held}, folder / part)
        index = {"weight_map": {n: part for part, held in parts.items() for n in held}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        (folder / "model.safetensors").unlink()
        assert load_state_dict(folder).keys() == state.keys()
        load(folder)

    def test_the_random_numbers_of_the_caller_are_left_alone(self, folder: Path) -> None:
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        load(folder)
        assert torch.equal(torch.rand(3), expected)

    def test_loading_is_silent(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        load(folder)
        out, err = capfd.readouterr()
        assert out == err == ""

    def test_the_bundled_layout_takes_the_same_path(self, tmp_path: Path) -> None:
        load(save_random("captioner", tmp_path / "c"))
        load(save_random("matcher", tmp_path / "m"), kind="matcher")


class TestFingerprint:
    def test_equal_folders_have_equal_digests(self, saved: Path, folder: Path) -> None:
        assert fingerprint(saved) == fingerprint(folder)
        assert len(fingerprint(folder)) == 12
        assert find_checkpoint(str(folder)).revision == fingerprint(folder)

    def test_weights_configuration_and_words_count(self, folder: Path) -> None:
        seen = {fingerprint(folder)}
        state = load_file(folder / "model.safetensors")
        state["vision_model.embeddings.class_embedding"] += 1
        save_file(state, folder / "model.safetensors")
        seen.add(fingerprint(folder))
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"capviz_attribution_layer": 0}))
        seen.add(fingerprint(folder))
        with (folder / "vocab.txt").open("a") as file:
            file.write("more\n")
        seen.add(fingerprint(folder))
        assert len(seen) == 4

    def test_a_file_is_read_once(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = fingerprint(folder)

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("read again")

        monkeypatch.setattr(Path, "open", refuse)
        assert fingerprint(folder) == first


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch capviz-was-here",)


class TestBadFolders:
    def test_a_pickle_with_code_is_refused_and_not_run(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (folder / "model.safetensors").unlink()
        torch.save({"weight": torch.zeros(1), "extra": Code()}, folder / "pytorch_model.bin")
        with pytest.raises(CheckpointError, match="safetensors"):
            load(folder)
        with (folder / "pytorch_model.bin").open("wb") as file:
            pickle.dump(Code(), file)
        with pytest.raises(CheckpointError, match="safetensors"):
            load(folder)
        assert not (tmp_path / "capviz-was-here").exists()

    @pytest.mark.parametrize("content", [b"", b"version https://git-lfs", b"\xff" * 5000])
    @pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
    def test_damaged_weights(self, folder: Path, name: str, content: bytes) -> None:
        (folder / "model.safetensors").unlink()
        (folder / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=name):
            load(folder)

    def test_truncated_weights(self, folder: Path) -> None:
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(CheckpointError, match="Fetch it again"):
            load(folder)

    @pytest.mark.parametrize(
        ("change", "rule"),
        [("missing", "lack weights"), ("unexpected", "does not have"), ("reshaped", "shape")],
    )
    def test_weights_that_do_not_fit(self, folder: Path, change: str, rule: str) -> None:
        path = folder / "model.safetensors"
        state = load_file(path)
        name = "vision_model.encoder.layers.1.mlp.fc1.bias"
        if change == "missing":
            del state[name]
        elif change == "unexpected":
            state["vision_model.encoder.layers.9.mlp.fc1.bias"] = state[name].clone()
        else:
            state[name] = torch.zeros(7)
        save_file(state, path)
        with pytest.raises(CheckpointError, match=rule):
            load(folder)

    def test_another_architecture(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=r"ConditionalGeneration checkpoint.*blip-itm"):
            load(folder, kind="matcher")
        clip = save_random("clip", tmp_path / "clip")
        with pytest.raises(CheckpointError, match="is a CLIPModel checkpoint"):
            load(clip)

    @pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
    def test_missing_files(self, folder: Path, missing: str) -> None:
        (folder / missing).unlink()
        with pytest.raises(CheckpointError, match=missing):
            load(folder)

    def test_missing_tokenizer_and_image_processor(self, folder: Path) -> None:
        (folder / "vocab.txt").unlink()
        load(folder)  # tokenizer.json is enough
        (folder / "tokenizer.json").unlink()
        with pytest.raises(CheckpointError, match="no tokenizer"):
            load(folder)
        (folder / "preprocessor_config.json").unlink()
        shutil.copy(folder / "config.json", folder / "tokenizer.json")
        with pytest.raises(CheckpointError, match="tokenizer"):
            load(folder)

    def test_missing_image_processor(self, folder: Path) -> None:
        (folder / "preprocessor_config.json").unlink()
        with pytest.raises(CheckpointError, match="no image processor"):
            load(folder)

    @pytest.mark.parametrize("content", ["{", "[]", '{"model_type": 5}', "\x00"])
    def test_config_that_is_none(self, folder: Path, content: str) -> None:
        (folder / "config.json").write_text(content)
        with pytest.raises(CheckpointError):
            load(folder)

    def test_config_that_makes_no_model(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        config["text_config"]["num_attention_heads"] = "many"
        (folder / "config.json").write_text(json.dumps(config))
        with pytest.raises(CheckpointError):
            load(folder)

    def test_image_processor_of_another_size(self, folder: Path) -> None:
        path = folder / "preprocessor_config.json"
        config = json.loads(path.read_text())
        path.write_text(json.dumps(config | {"size": {"height": 48, "width": 48}}))
        with pytest.raises(CheckpointError, match="48x48"):
            load(folder)

    @pytest.mark.parametrize("layer", [-1, 3, "6", True])
    def test_attribution_layer_that_is_none(self, folder: Path, layer: object) -> None:
        config = json.loads((folder / "config.json").read_text())
        config["capviz_attribution_layer"] = layer
        (folder / "config.json").write_text(json.dumps(config))
        with pytest.raises(CheckpointError, match="capviz_attribution_layer"):
            load(folder)


class TestNames:
    @pytest.mark.parametrize("spec", ["no-such", "./no/such", "/no/such", "a/b/c", "", "~/x y"])
    def test_neither_folder_nor_hub_name(self, spec: str) -> None:
        with pytest.raises(UnknownModelError, match="none of"):
            find_checkpoint(spec)

    def test_a_file_is_no_folder(self, saved: Path) -> None:
        with pytest.raises(CheckpointError, match="is a file"):
            find_checkpoint(str(saved / "model.safetensors"))


@pytest.fixture
def empty_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hub-cache"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


class FakeHub(http.server.BaseHTTPRequestHandler):
    """As much of the hub's protocol as a public model needs."""

    folder: Path
    commit = "0123456789abcdef0123456789abcdef01234567"
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.asked.append(self.path)
        path = self.path.split("?")[0]
        if path.startswith(f"/api/models/{NAME}/tree/"):
            tree = [
                {"type": "file", "path": p.name, "size": p.stat().st_size, "oid": "0"}
                for p in self.folder.iterdir()
            ]
            self._send(200, json.dumps(tree).encode(), body=body)
        elif path.startswith(f"/api/models/{NAME}"):
            files = [{"rfilename": p.name} for p in self.folder.iterdir()]
            info = {"id": NAME, "sha": self.commit, "siblings": files, "tags": [], "private": False}
            self._send(200, json.dumps(info).encode(), body=body)
        elif path.startswith(f"/{NAME}/resolve/") and (self.folder / Path(path).name).is_file():
            self._send(200, (self.folder / Path(path).name).read_bytes(), body=body)
        else:
            self._send(404, b"{}", body=body, error="RepoNotFound")

    def _send(self, status: int, content: bytes, *, body: bool, error: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hash(content)}"')
        self.send_header("X-Repo-Commit", self.commit)
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def fake_hub(folder: Path) -> Iterator[str]:
    FakeHub.folder, FakeHub.asked = folder, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class TestHub:
    def test_a_model_is_fetched_once_and_then_found(
        self, fake_hub: str, folder: Path, empty_hub_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        torch.save({}, folder / "pytorch_model.bin")  # safetensors are there: not fetched
        files = loading.WEIGHT_FILES
        fetched, commit = fetch_snapshot(NAME, weight_files=files, endpoint=fake_hub)
        assert commit == FakeHub.commit
        assert (fetched / "model.safetensors").is_file()
        assert not (fetched / "pytorch_model.bin").exists()
        FakeHub.asked.clear()
        monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
        checkpoint = find_checkpoint(NAME)
        assert checkpoint.revision == FakeHub.commit
        assert FakeHub.asked == []
        load_captioner(checkpoint, device=CPU, dtype=torch.float32)

    def test_a_half_fetched_model_is_fetched_again(
        self, fake_hub: str, empty_hub_cache: Path
    ) -> None:
        files = loading.WEIGHT_FILES
        fetched, _ = fetch_snapshot(NAME, weight_files=files, endpoint=fake_hub)
        (fetched / "model.safetensors").unlink()
        fetch_snapshot(NAME, weight_files=files, endpoint=fake_hub)
        assert (fetched / "model.safetensors").is_file()

    def test_a_name_that_the_hub_does_not_know(self, fake_hub: str, empty_hub_cache: Path) -> None:
        with pytest.raises(UnknownModelError, match="someone/other"):
            fetch_snapshot("someone/other", weight_files=("x",), endpoint=fake_hub)

    def test_no_network_fails_fast_and_names_two_ways_on(self, empty_hub_cache: Path) -> None:
        began = time.monotonic()
        with pytest.raises(OfflineError, match=rf"'{NAME}'.*local folder.*'scenes'"):
            fetch_snapshot(NAME, weight_files=("x",), endpoint="http://127.0.0.1:9")
        assert time.monotonic() - began < 20

    def test_offline_mode(self, empty_hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
        with pytest.raises(OfflineError, match="HF_HUB_OFFLINE"):
            find_checkpoint(NAME)

"""The model cache: loads once, forgets the least recently used, keeps what it has on failure."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import torch

from fiftyone_capviz.errors import InputError, ModelError, UnknownModelError
from fiftyone_capviz.models.cache import ModelCache, model_bytes
from fiftyone_capviz.models.devices import choose_device, choose_dtype
from tests.worlds.blip_checkpoints import save_small


class Model:
    """A thousand weights."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.model = torch.nn.Linear(1000, 1, bias=False, dtype=dtype)


class Loads:
    """Counts what is loaded."""

    def __init__(self) -> None:
        self.specs: list[str] = []

    def __call__(self, kind: str, spec: str, *, device: torch.device, dtype: torch.dtype) -> Model:
        time.sleep(0.02)
        if spec == "bad":
            raise UnknownModelError("no such model")
        self.specs.append(spec)
        return Model(dtype)


def get(cache: ModelCache, spec: str, dtype: str = "float32") -> object:
    return cache.get("captioner", spec, device="cpu", dtype=dtype)


def test_a_model_is_loaded_once_per_kind_spec_device_and_precision() -> None:
    loads = Loads()
    cache = ModelCache(load=loads)
    first = get(cache, "a")
    assert get(cache, "a") is first
    assert get(cache, "a", "bfloat16") is not first
    assert cache.get("matcher", "a", device="cpu", dtype="float32") is not first
    assert loads.specs == ["a", "a", "a"]
    assert cache.total_bytes == 4000 + 2000 + 4000


def test_auto_names_the_same_model_as_what_it_stands_for() -> None:
    loads = Loads()
    cache = ModelCache(load=loads)
    device = choose_device("auto")
    dtype = str(choose_dtype("auto", device=device)).removeprefix("torch.")
    assert cache.get("captioner", "a") is cache.get(
        "captioner", "a", device=str(device), dtype=dtype
    )


def test_the_least_recently_used_model_leaves_first() -> None:
    loads = Loads()
    cache = ModelCache(8000, load=loads)
    for spec in ("a", "b", "a", "c"):
        get(cache, spec)
    assert len(cache) == 2
    get(cache, "a")
    assert loads.specs == ["a", "b", "c"]
    get(cache, "b")
    assert loads.specs == ["a", "b", "c", "b"]


def test_a_model_above_the_bound_is_kept_while_it_is_the_only_one() -> None:
    cache = ModelCache(10, load=Loads())
    assert get(cache, "a") is get(cache, "a")
    get(cache, "b")
    assert len(cache) == 1


def test_a_failed_load_leaves_the_cache_as_it_was() -> None:
    cache = ModelCache(load=Loads())
    first = get(cache, "a")
    with pytest.raises(ModelError):
        get(cache, "bad")
    assert get(cache, "a") is first
    assert len(cache) == 1


def test_clear_forgets_everything() -> None:
    loads = Loads()
    cache = ModelCache(load=loads)
    get(cache, "a")
    cache.clear()
    assert (len(cache), cache.total_bytes) == (0, 0)
    get(cache, "a")
    assert loads.specs == ["a", "a"]


def test_threads_share_one_load() -> None:
    loads = Loads()
    cache = ModelCache(load=loads)
    threads = [threading.Thread(target=get, args=(cache, "a")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads.specs == ["a"]


def test_use_keeps_other_threads_away_until_it_ends() -> None:
    cache = ModelCache(load=Loads())
    order: list[str] = []

    def other() -> None:
        with cache.use("captioner", "a", device="cpu"):
            order.append("other")

    with cache.use("captioner", "a", device="cpu") as model, cache.lock:  # re-entrant
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.1)
        order.append("first")
        assert model is cache.get("captioner", "a", device="cpu")
    thread.join()
    assert order == ["first", "other"]


def test_a_real_model_goes_through(tmp_path: Path) -> None:
    folder = save_small("captioner", tmp_path)
    cache = ModelCache()
    model = cache.get("captioner", str(folder), device="cpu", dtype="float64")
    assert model.dtype == torch.float64
    assert cache.total_bytes == model_bytes(model) > 0
    assert model_bytes(object()) == 0


def test_devices_and_precisions_that_are_none() -> None:
    with pytest.raises(InputError, match="'abacus'"):
        choose_device("abacus")
    with pytest.raises(InputError, match="no device 'cuda:99'"):
        choose_device("cuda:99")
    with pytest.raises(InputError, match="int8"):
        choose_dtype("int8", device=torch.device("cpu"))
    assert choose_dtype("auto", device=torch.device("cpu")) == torch.float32

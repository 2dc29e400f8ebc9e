"""A small random captioner and matcher, and transformers' own of the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BlipForConditionalGeneration, BlipForImageTextRetrieval

from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.blip.matcher import BlipMatcher
from tests.worlds.blip_checkpoints import save_small, small_captioner, small_matcher


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("blip")
    return {kind: save_small(kind, root / kind) for kind in ("captioner", "matcher")}


@pytest.fixture(scope="module")
def captioner(folders: dict[str, Path]) -> BlipCaptioner:
    return small_captioner(folders["captioner"])


@pytest.fixture(scope="module")
def matcher(folders: dict[str, Path]) -> BlipMatcher:
    return small_matcher(folders["matcher"])


@pytest.fixture(scope="module")
def plain_captioner(folders: dict[str, Path]) -> BlipForConditionalGeneration:
    """transformers' own, with nothing of ours in it."""
    model = BlipForConditionalGeneration.from_pretrained(
        str(folders["captioner"]), dtype=torch.float64
    )
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def plain_matcher(folders: dict[str, Path]) -> BlipForImageTextRetrieval:
    model = BlipForImageTextRetrieval.from_pretrained(str(folders["matcher"]), dtype=torch.float64)
    return model.eval().requires_grad_(False)

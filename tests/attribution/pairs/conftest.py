"""Small dual encoders of every kind, in both precisions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.worlds.dual_encoders import KINDS, load_small


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, torch.dtype], Any]:
    return {
        (kind, dtype): load_small(kind, tmp_path_factory.mktemp(kind), dtype=dtype)
        for kind in KINDS
        for dtype in (torch.float32, torch.float64)
    }

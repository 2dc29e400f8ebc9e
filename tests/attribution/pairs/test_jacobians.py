"""Derivatives of whole towers: in chunks of bounded memory, stoppable, with a price told before."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from fiftyone_capviz.attribution.pairs import jacobians
from fiftyone_capviz.attribution.pairs.cost import factor_seconds, pair_seconds
from fiftyone_capviz.attribution.pairs.jacobians import (
    integrated_change,
    vectors_by_jvp,
    vectors_by_vjp,
)
from fiftyone_capviz.attribution.pairs.quadrature import quadrature_rule
from fiftyone_capviz.attribution.pairs.second_order import directed_factors, token_factors
from fiftyone_capviz.attribution.pairs.stopping import stoppable
from fiftyone_capviz.errors import StoppedError
from tests.worlds.dual_encoders import sides_of


@pytest.mark.parametrize("differentiate", [vectors_by_vjp, vectors_by_jvp])
def test_chunks_change_nothing(
    encoders: dict[Any, Any], differentiate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, image = sides_of(encoders["clip", torch.float64], 1)
    points, weights = (torch.as_tensor(v) for v in quadrature_rule(5))
    whole = differentiate(image, points=points, weights=weights)
    for graph, chunk in ((1, 1), (1, 3), (2, 2), (5, 7)):
        one = jacobians.block_bytes(image)
        monkeypatch.setattr(jacobians, "GRAPH_BYTES", graph * one * image.depth)
        monkeypatch.setattr(jacobians, "CHUNK_BYTES", chunk * one)
        parts = differentiate(image, points=points, weights=weights)
        assert torch.allclose(parts, whole, atol=1e-12)


def test_the_sum_of_the_vectors_is_known_without_them(encoders: dict[Any, Any]) -> None:
    points, weights = (torch.as_tensor(v) for v in quadrature_rule(3))
    for side in sides_of(encoders["siglip", torch.float64], 1):
        found = integrated_change(side, points=points, weights=weights)
        vectors = vectors_by_vjp(side, points=points, weights=weights)
        assert torch.allclose(found, vectors.sum(0), atol=1e-12)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_nodes() -> None:
    """Six layers of width 256: 32 nodes at once held 1.6 GB."""
    code = """
import resource, sys, torch
from functools import partial
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection
from fiftyone_capviz.attribution.pairs.jacobians import CHUNK_BYTES, GRAPH_BYTES, vectors_by_vjp
from fiftyone_capviz.models.dual.sides import Tower
torch.set_num_threads(1)
config = CLIPVisionConfig(hidden_size=256, intermediate_size=1024, num_hidden_layers=6,
    num_attention_heads=4, image_size=224, patch_size=16, projection_dim=64)
model = CLIPVisionModelWithProjection(config).eval().requires_grad_(False)
vision = model.vision_model
blocks = [partial(layer, attention_mask=None) for layer in vision.encoder.layers]
head = lambda tokens, pooled: model.visual_projection(vision.post_layernorm(tokens[:, pooled]))
hidden, nothing = torch.randn(1, 197, 256), torch.zeros(197, 256)
side = Tower(blocks, head, None, has_cls=True).sides(hidden, nothing, layer=0, pooled=0)[0]
nodes, asked = torch.linspace(0, 1, 32), torch.eye(64)[:2]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
vectors_by_vjp(side, points=nodes[:1], weights=nodes[:1], directions=asked)
before = peak()
vectors_by_vjp(side, points=nodes, weights=nodes, directions=asked)
print((peak() - before) / (GRAPH_BYTES + CHUNK_BYTES))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240
    )
    assert float(done.stdout.split()[-1]) < 1.2


def test_a_caller_can_stop_between_chunks(
    encoders: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    text, image = sides_of(encoders["clip", torch.float32], 0)
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 20

    monkeypatch.setattr(jacobians, "CHUNK_BYTES", 1)
    with stoppable(stop), pytest.raises(StoppedError, match="stopped on request"):
        token_factors(image, nodes=8, method="vjp", tolerance=None)
    assert len(asked) == 21
    towards = token_factors(text, nodes=2, tolerance=None)
    with stoppable(lambda: True), pytest.raises(StoppedError):
        directed_factors(image, towards, nodes=8)
    token_factors(image, nodes=1, tolerance=None)  # outside, nothing stops it
    assert len(asked) == 21


def test_seconds_are_told_before(encoders: dict[Any, Any]) -> None:
    encoder = encoders["clip", torch.float32]
    last, first = (pair_seconds(encoder, layer=layer) for layer in (None, 0))
    assert 0 < last < first
    assert pair_seconds(encoder, layer=0, nodes=80) > 3 * first
    image, text = factor_seconds(encoder, layer=0)
    assert image > 0
    assert text > 0

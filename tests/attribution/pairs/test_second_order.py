"""Second-order attributions against a naive reference, and against what they must sum to."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from fiftyone_capviz.attribution.pairs import quadrature as refinement
from fiftyone_capviz.attribution.pairs.quadrature import quadrature_rule
from fiftyone_capviz.attribution.pairs.second_order import (
    attribute_pair,
    directed_factors,
    token_factors,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.dual.sides import Side
from tests.worlds.dual_encoders import KINDS, load_small, sides_of


def naive_matrix(first: Side, second: Side, nodes: int, quadrature: Any) -> torch.Tensor:
    """Equation 10 as it stands: whole Jacobians, one backward pass per dimension and node."""
    points, weights = quadrature_rule(nodes, quadrature)
    jacobians = []
    for side in (first, second):
        rows: Any = 0
        for point, weight in zip(points, weights, strict=True):
            at = side.reference + float(point) * (side.hidden - side.reference)
            at = at.detach()[None].requires_grad_()
            out = side.tail(at)[0]
            gradients = [torch.autograd.grad(v, at, retain_graph=True)[0][0] for v in out]
            rows = rows + float(weight) * torch.stack(gradients)
        jacobians.append(rows)  # dimensions tokens hidden
    delta = [side.hidden - side.reference for side in (first, second)]
    whole = torch.einsum("id,kid,kje,je->ij", delta[0], *jacobians, delta[1])
    return whole / (first.norm * second.norm)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", [None, 0])
def test_factors_give_the_naive_matrix_by_every_way(
    encoders: dict[Any, Any], kind: str, layer: int | None
) -> None:
    text, image = sides_of(encoders[kind, torch.float64], layer)
    naive = naive_matrix(text, image, 2, "right")
    columns = naive[:, int(image.has_cls) :]
    for method in ("auto", "vjp", "jvp"):
        pair = attribute_pair(
            *(token_factors(s, nodes=2, quadrature="right", method=method) for s in (text, image))
        )
        # Eager attention, which BLIP's text side has, takes its softmax in float32.
        assert torch.allclose(pair.matrix, columns, rtol=1e-5, atol=1e-7), method
        assert pair.total == pytest.approx(float(naive.sum()), rel=1e-5, abs=1e-7)
        if image.has_cls:
            assert torch.allclose(pair.cls, naive[:, 0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_the_closed_form_equals_automatic_differentiation(
    encoders: dict[Any, Any], kind: str
) -> None:
    for side in sides_of(encoders[kind, torch.float32]):
        if side.closed is None:
            assert kind == "blip"  # BERT is post-norm
            continue
        closed = token_factors(side, method="closed", tolerance=None).vectors
        slow = token_factors(side, method="vjp", tolerance=None).vectors
        assert (closed - slow).abs().max() < 1e-5 * slow.abs().max()


@pytest.mark.parametrize("kind", KINDS)
def test_gauss_legendre_is_complete(encoders: dict[Any, Any], kind: str) -> None:
    # BLIP's text side has eager attention, whose softmax is float32 even in double.
    double = (torch.float64, 20, 1e-6 if kind == "blip" else 1e-8)
    for dtype, nodes, bound in (double, (torch.float32, 8, 1e-3)):
        factors = [
            token_factors(side, nodes=nodes, tolerance=None)
            for side in sides_of(encoders[kind, dtype])
        ]
        pair = attribute_pair(*factors)
        assert pair.relative_error < bound
        # Also in float32, whose sums of some dozen products differ in the sixth digit.
        assert pair.score == pytest.approx(float(factors[0].unit @ factors[1].unit), rel=1e-5)


def test_the_sum_is_the_change_of_both_embeddings(encoders: dict[Any, Any]) -> None:
    encoder = encoders["clip", torch.float64]
    text, image = sides_of(encoder)
    changes = [s.tail(torch.stack([s.hidden, s.reference])) for s in (text, image)]
    exact = [(c[0] - c[1]) / c[0].norm() for c in changes]
    pair = attribute_pair(token_factors(text, nodes=20), token_factors(image, nodes=20))
    assert pair.exact == pytest.approx(float(exact[0] @ exact[1]), rel=1e-9)
    assert pair.total == pytest.approx(pair.exact, rel=1e-7)
    assert float(pair.matrix.sum() + pair.cls.sum()) == pytest.approx(pair.total)


def test_more_nodes_are_taken_until_the_tolerance_holds(encoders: dict[Any, Any]) -> None:
    for side in sides_of(encoders["clip", torch.float64]):
        coarse = token_factors(side, nodes=1, tolerance=None)
        fine = token_factors(side, nodes=1, tolerance=1e-4)

        def missed(factors: Any) -> float:
            return float((factors.vectors.sum(0) - factors.change).norm() / factors.change.norm())

        assert missed(coarse) > 1e-4 > missed(fine)


@pytest.mark.parametrize("layer", [0, 1])
def test_one_pair_at_an_early_layer_needs_only_directions(
    encoders: dict[Any, Any], layer: int
) -> None:
    text, image = sides_of(encoders["clip", torch.float64], layer)
    towards = token_factors(text, nodes=4)
    factors = directed_factors(image, towards, nodes=4, tolerance=None)
    quick = factors.attribution()
    slow = attribute_pair(towards, token_factors(image, nodes=4, tolerance=None))
    assert factors.second.vectors.shape[1] < image.embedding.shape[0]
    assert torch.allclose(quick.matrix, slow.matrix, atol=1e-12)
    assert quick.total == pytest.approx(slow.total)
    assert quick.exact == pytest.approx(slow.exact)
    coarse, fine = (
        directed_factors(image, towards, nodes=1, tolerance=bound).attribution()
        for bound in (None, 1e-4)
    )
    assert coarse.relative_error > 1e-4 > fine.relative_error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", [0, 1, None])
@pytest.mark.parametrize("method", ["auto", "vjp"])
def test_every_way_refines_to_the_tolerance(
    encoders: dict[Any, Any], kind: str, layer: int | None, method: Any
) -> None:
    for side in sides_of(encoders[kind, torch.float64], layer):
        coarse, fine = (
            token_factors(side, nodes=1, method=method, tolerance=bound) for bound in (None, 1e-3)
        )
        missed = [
            float((f.vectors.sum(0) - f.change).norm() / f.change.norm()) for f in (coarse, fine)
        ]
        assert missed[1] <= 1e-3 < missed[0]


def test_a_finer_quadrature_has_a_price_limit(
    encoders: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, image = sides_of(encoders["clip", torch.float64], 0)
    asked = token_factors(image, nodes=1, tolerance=None)
    monkeypatch.setattr(refinement, "REFINED_OPERATIONS", 0)
    limited = token_factors(image, nodes=1, tolerance=1e-6)
    assert torch.equal(limited.vectors, asked.vectors)


def test_quadrature_rules_integrate_polynomials() -> None:
    points, weights = quadrature_rule(5)
    for power in range(10):
        assert float(weights @ points**power) == pytest.approx(1 / (power + 1), rel=1e-12)
    for nodes in (1, 10, 49, 98, 103):
        points, weights = quadrature_rule(nodes, "right")
        assert len(points) == nodes
        assert points[-1] == 1
        assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"nodes": 0}, "nodes must be at least 1"),
        ({"quadrature": "simpson"}, "quadrature must be one of"),
        ({"method": "magic"}, "method must be one of"),
    ],
)
def test_wrong_choices_are_refused(
    encoders: dict[Any, Any], choice: dict[str, Any], message: str
) -> None:
    text, _ = sides_of(encoders["clip", torch.float32])
    with pytest.raises(InputError, match=message):
        token_factors(text, **choice)


def test_there_is_no_closed_form_before_the_last_block(encoders: dict[Any, Any]) -> None:
    text, _ = sides_of(encoders["clip", torch.float32], 0)
    with pytest.raises(InputError, match="closed form"):
        token_factors(text, method="closed")


@pytest.mark.parametrize("layer", [-1, 3, True])
def test_a_layer_that_is_not_there_is_refused(encoders: dict[Any, Any], layer: int) -> None:
    with pytest.raises(InputError, match="layer must be from 0 to 2"):
        sides_of(encoders["clip", torch.float32], layer)


def test_float16_on_the_cpu_is_refused(tmp_path: Path) -> None:
    encoder = load_small("clip", tmp_path, dtype=torch.float16)
    with pytest.raises(InputError, match="float16 needs a GPU"):
        encoder.image_side(torch.zeros(1, 3, 32, 32))


def test_the_model_is_left_as_it_was(encoders: dict[Any, Any]) -> None:
    encoder = encoders["clip", torch.float32]
    before = {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}
    fast = torch.backends.mha.get_fastpath_enabled()
    for side in sides_of(encoder, 1):
        token_factors(side, nodes=2)
    broken = dataclasses.replace(side, rest=lambda tokens: tokens[:, :, :0])
    with pytest.raises(RuntimeError):
        token_factors(broken, method="vjp")
    assert torch.backends.mha.get_fastpath_enabled() == fast
    assert all(p.grad is None and not p.requires_grad for p in encoder.model.parameters())
    assert all(torch.equal(before[k], v) for k, v in encoder.model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in encoder.model.modules())

"""Second-order attributions of a dual encoder, factored (arXiv 2408.14153).

The score is a product of two embeddings, g(a) . h(b) / (|g(a)| |h(b)|). How much of it comes from
token i of a together with token j of b is equation 10 of the paper,

    A_ij = delta_i J_g^T J_h delta_j / (|g(a)| |h(b)|),

with Jacobians integrated from a reference to the input. The Jacobians need never be formed: with
u_i = J_g delta_i, one vector per token, A is the product of two small matrices, and each side can
be computed once and kept. Summed over all tokens, the image's CLS included, A is

    (g(a) - g(reference)) . (h(b) - h(reference)) / (|g(a)| |h(b)|),

the text's reference being pooled where the caption is; what the quadrature misses of it is the
completeness error.

Formulas: docs/methods.md, sections 4.1, 4.2, 4.6, 4.9.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch

from fiftyone_capviz.attribution.pairs.jacobians import vectors_by_jvp, vectors_by_vjp
from fiftyone_capviz.attribution.pairs.quadrature import (
    Quadrature,
    chosen_nodes,
    closed_vectors,
    rule_of,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.dual.sides import Side

JacobianMethod = Literal["auto", "closed", "vjp", "jvp"]

TOLERANCE = 1e-3


@dataclass(frozen=True)
class Factors:
    """One side of a pair, as one vector per token; sides of one model and layer combine freely.

    Attributes:
        vectors: u_i over the length of the side's embedding, "tokens dimensions".
        change: [g(a) - g(reference)] over the same length, exact, "dimensions"; what `vectors`
            sum to but for the quadrature's error.
        unit: the side's embedding, of length 1, "dimensions".
        has_cls: whether token 0 is an image's CLS, which is no patch.
    """

    vectors: torch.Tensor
    change: torch.Tensor
    unit: torch.Tensor
    has_cls: bool

    def cpu(self) -> Factors:
        """In main memory, for a cache."""
        return Factors(self.vectors.cpu(), self.change.cpu(), self.unit.cpu(), self.has_cls)


@dataclass(frozen=True)
class PairFactors:
    """Both sides of one pair, to be multiplied with each other.

    Factors of `directed_factors` are in a basis of that pair and combine with no other side.

    Attributes:
        first: of a text (or image), whose tokens become rows.
        second: of an image (or text), whose tokens become columns.
    """

    first: Factors
    second: Factors

    def attribution(self) -> PairAttribution:
        """The pair's attribution."""
        return attribute_pair(self.first, self.second)


@dataclass(frozen=True)
class PairAttribution:
    """What each token of one side has to do with each of the other.

    Attributes:
        matrix: signed, "tokens patches": a text's tokens, special ones included, and an image's
            patches without CLS (for two texts "tokens tokens", for two images "patches patches").
        cls: the column of the second side's CLS, "tokens"; zeros where it has none.
        score: cosine of the two embeddings.
        total: sum of all attributions, CLS included.
        exact: what they must sum to.
        absolute: sum of their absolute values.
    """

    matrix: torch.Tensor
    cls: torch.Tensor
    score: float
    total: float
    exact: float
    absolute: float

    def cpu(self) -> PairAttribution:
        """In main memory."""
        return replace(self, matrix=self.matrix.cpu(), cls=self.cls.cpu())

    @property
    def completeness_error(self) -> float:
        """How far the attributions are from summing to what they must."""
        return abs(self.total - self.exact)

    @property
    def relative_error(self) -> float:
        """The completeness error over the sum of |A|."""
        return self.completeness_error / self.absolute if self.absolute else 0.0


def token_factors(
    side: Side,
    *,
    nodes: int = 8,
    quadrature: Quadrature = "gauss",
    method: JacobianMethod = "auto",
    tolerance: float | None = TOLERANCE,
) -> Factors:
    """The vectors of one side's tokens.

    Args:
        side: from an encoder's `image_side` or `text_side`.
        nodes: points of the quadrature, to begin with.
        quadrature: "gauss" or "right", see `quadrature_rule`.
        method: "closed" is exact and fast, and stands for the last block only; "vjp" and "jvp"
            differentiate automatically; "auto" takes the fastest.
        tolerance: "gauss" takes more nodes, up to 64, until what the vectors miss of the change
            of the embedding is at most this share of it, or until more would cost over
            `refinement.REFINED_OPERATIONS`; None keeps to `nodes`.

    Raises:
        InputError: a closed form where there is none, or an unknown choice.
        StoppedError: a `stoppable` caller asked for it.
    """
    if method not in get_args(JacobianMethod):
        raise InputError(
            f"method must be one of {', '.join(get_args(JacobianMethod))}; got {method!r}."
        )
    if method == "closed" and side.closed is None:
        raise InputError(
            "The closed form stands for a last block that pools one token; this layer or model "
            "has another shape. Choose method 'auto'."
        )
    wide = torch.promote_types(side.hidden.dtype, torch.float32)
    whole, moved = _ends(side, wide)
    kept = tolerance if quadrature == "gauss" else None
    if side.closed is not None and method in ("auto", "closed"):
        vectors = closed_vectors(side, moved, wide, nodes, quadrature, kept)
        return _over_length(side, vectors, whole, moved)
    forward = method == "jvp" or (method == "auto" and len(side.hidden) < len(side.embedding))
    passes = len(side.hidden) if forward else len(side.embedding)
    nodes = chosen_nodes(side, moved, nodes, kept, passes=passes)
    points, weights = rule_of(side, nodes, quadrature, side.hidden.dtype)
    differentiate = vectors_by_jvp if forward else vectors_by_vjp
    found = differentiate(side, points=points, weights=weights).to(wide)
    return _over_length(side, found, whole, moved)


def directed_factors(
    side: Side,
    towards: Factors,
    *,
    nodes: int = 8,
    quadrature: Quadrature = "gauss",
    tolerance: float | None = TOLERANCE,
) -> PairFactors:
    """Factors of both sides of one pair, where one side has no closed form.

    Attribution needs the vectors of this side only along those of the other, so that one backward
    pass per token of the other side replaces one per dimension of the embedding.

    Args:
        side: differentiated.
        towards: the other side's factors, with fewer tokens than dimensions.
        nodes, quadrature, tolerance: as for `token_factors`; of the change of the embedding, the
            part along the other side's vectors counts.

    Returns:
        The other side's factors, then this side's, in an orthonormal basis of the other's vectors;
        they give the same attributions.
    """
    wide = towards.vectors.dtype
    basis = torch.linalg.qr(towards.vectors.T)[0].T
    whole, moved = _ends(side, wide)
    kept = tolerance if quadrature == "gauss" else None
    nodes = chosen_nodes(side, moved, nodes, kept, passes=len(basis), basis=basis)
    points, weights = rule_of(side, nodes, quadrature, side.hidden.dtype)
    vectors = vectors_by_vjp(side, points=points, weights=weights, directions=basis).to(wide)
    turned = replace(towards, vectors=towards.vectors @ basis.T)
    return PairFactors(turned, _over_length(side, vectors, whole, moved))


@torch.no_grad()
def _ends(side: Side, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """The embedding, not normalised, and its change from the reference."""
    ends = side.tail(torch.stack([side.hidden, side.reference])).to(dtype)
    return ends[0], ends[0] - ends[1]


def _over_length(
    side: Side, vectors: torch.Tensor, whole: torch.Tensor, moved: torch.Tensor
) -> Factors:
    norm = whole.norm()
    return Factors(vectors / norm, moved / norm, whole / norm, side.has_cls)


def attribute_pair(first: Factors, second: Factors) -> PairAttribution:
    """Attribution of a text (or image) and an image (or text).

    Args:
        first: "tokens dimensions"; an image's CLS row is left out of the matrix.
        second: of the same encoder, at the layer of its side.
    """
    whole = first.vectors @ second.vectors.T
    cls_columns = int(second.has_cls)
    rows = whole[int(first.has_cls) :]
    return PairAttribution(
        matrix=rows[:, cls_columns:],
        cls=rows[:, 0] if cls_columns else rows[:, :0].sum(1),
        score=float(first.unit @ second.unit),
        total=float(whole.sum()),
        exact=float(first.change @ second.change),
        absolute=float(whole.abs().sum()),
    )

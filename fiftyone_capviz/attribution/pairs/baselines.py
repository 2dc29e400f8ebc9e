"""The rivals that arXiv 2408.14153 compares second-order attributions with.

ICAM is second-order attribution with the zero tensor as reference and one node at the input
itself: interaction CAM. ITSM compares tokens with patches by cosine, after the model's own last
norm and projection, each token as if it alone were pooled: of the output tokens (ITSM-O), or of
those that enter the attributed block (ITSM-H). ILIME perturbs both inputs, see
`interaction_lime`.

Formulas: docs/methods.md, sections 4.13, 4.14.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn import functional

from fiftyone_capviz.attribution.pairs.second_order import Factors, token_factors
from fiftyone_capviz.models.dual.sides import Side


def icam_side(side: Side) -> Side:
    """The side with the zero tensor as its reference."""
    return replace(side, reference=torch.zeros_like(side.reference))


def icam_factors(side: Side) -> Factors:
    """Gradient times input, per token; nothing that they must sum to."""
    factors = token_factors(icam_side(side), nodes=1, quadrature="right")
    return replace(factors, change=torch.full_like(factors.change, torch.nan))


@torch.no_grad()
def itsm_factors(side: Side, *, output: bool) -> Factors:
    """Unit vectors of tokens; nothing that they must sum to.

    Args:
        side: of either kind.
        output: of the last block's output tokens; otherwise of those at the side's layer.
    """
    tokens = side.rest(side.hidden[None])[0] if output else side.hidden
    wide = torch.promote_types(side.hidden.dtype, torch.float32)
    vectors = functional.normalize(side.project(tokens).to(wide), dim=-1)
    unit = functional.normalize(side.embedding.to(wide), dim=0)
    return Factors(vectors, torch.full_like(unit, torch.nan), unit, side.has_cls)

"""ILIME: a bilinear surrogate of the score under perturbations of both inputs.

Of each sample a random part of the patches is painted with the image's mean, and a random part of
the text's tokens is replaced by the filler. The surrogate z_text^T W z_image + c is fitted to the
cosines by weighted ridge regression. arXiv 2408.14153 fits it by gradient descent; the minimum is
had in closed form, through the samples' Gram matrix, so that W may be larger than their number.

Formulas: docs/methods.md, section 4.15.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.linalg import solve

from fiftyone_capviz.attribution.pairs.stopping import check_stop
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.models.interfaces import DualEncoder
from fiftyone_capviz.models.word_pieces import TokenBatch
from fiftyone_capviz.records import FloatArray

SAMPLES = 1000
KEEP = 0.7
RIDGE = 1e-3
"""Of the mean squared error, as the paper's weight decay."""


def lime_matrix(
    encoder: DualEncoder,
    pixels: torch.Tensor,
    tokens: TokenBatch,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    batch: int = 50,
    grid: Grid | None = None,
) -> FloatArray:
    """Interaction weights of one text and one image.

    Args:
        encoder: the model.
        pixels: "1 3 size size", preprocessed.
        tokens: one text.
        samples: perturbed pairs.
        seed: of the perturbations.
        batch: pairs per forward pass.
        grid: of the image; None takes the one that all images of the model have.

    Returns:
        Float64 "pieces patches"; 0 for special tokens, which are never replaced.
    """
    if samples < 2:
        raise InputError(f"samples must be at least 2; got {samples}.")
    if encoder.dtype == torch.float16 and encoder.device.type == "cpu":
        raise InputError("float16 needs a GPU; this model is on the CPU. Load it with float32.")
    chosen = grid or encoder.grid
    if chosen is None:
        raise InputError("The patch grid of this model differs from image to image; give it.")
    rng = np.random.default_rng(seed)
    length = int(tokens.mask[0].sum())
    open_places = [i for i, (a, b) in enumerate(tokens.offsets[0][:length]) if b > a]
    shown = rng.random((samples, chosen.patches)) < KEEP
    said = np.ones((samples, length), dtype=bool)
    said[:, open_places] = rng.random((samples, len(open_places))) < KEEP
    image, text = _vectors(encoder, pixels, tokens, shown.reshape(-1, *chosen), said, batch)
    whole_image, whole_text = encoder.encode_pixels(pixels), encoder.encode_tokens(tokens)
    scores = (image * text).sum(-1).double().cpu().numpy()
    near = ((image @ whole_image[0]) + (text @ whole_text[0])).double().cpu().numpy() / 2
    fitted = bilinear_ridge(
        said[:, open_places] / math.sqrt(max(1, len(open_places))),
        shown / math.sqrt(chosen.patches),
        scores,
        weights=near.clip(min=1e-3),
        ridge=RIDGE,
    )
    matrix = np.zeros((len(tokens.offsets[0]), chosen.patches))
    matrix[open_places] = fitted
    return matrix


def bilinear_ridge(
    rows: FloatArray, columns: FloatArray, target: FloatArray, *, weights: FloatArray, ridge: float
) -> FloatArray:
    """W and c that minimise mean(weights (rows W columns + c - target)^2) + ridge |W|^2.

    With K the Gram matrix of the samples' outer products, W = rows^T diag(a) columns, where
    (K + samples ridge diag(1 / weights)) a + c = target and sum(a) = 0.

    Args:
        rows: "samples r".
        columns: "samples c".
        target: "samples".
        weights: positive, "samples".
        ridge: of W; c is free.

    Returns:
        W, "r c".
    """
    count = len(target)
    system = np.zeros((count + 1, count + 1))
    system[:count, :count] = (rows @ rows.T) * (columns @ columns.T)
    system[np.arange(count), np.arange(count)] += count * ridge / weights
    system[:count, count] = system[count, :count] = 1
    solution = solve(system, np.append(target, 0.0), assume_a="symmetric")[:count]
    fitted: FloatArray = (rows * solution[:, None]).T @ columns
    return fitted


def _vectors(
    encoder: DualEncoder,
    pixels: torch.Tensor,
    tokens: TokenBatch,
    shown: np.ndarray,
    said: np.ndarray,
    batch: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors of the perturbed inputs, "samples dimensions" both."""
    length = said.shape[1]
    mean = pixels.mean((2, 3), keepdim=True)
    ids = tokens.ids[:, :length].cpu()
    images, texts = [], []
    for start in range(0, len(shown), batch):
        check_stop()
        part = slice(start, start + batch)
        mask = _to_pixels(torch.as_tensor(shown[part])[:, None], pixels.shape[2:])
        images.append(encoder.encode_pixels(torch.where(mask, pixels, mean)))
        kept = torch.as_tensor(said[part])
        replaced = torch.where(kept, ids, torch.full_like(ids, encoder.filler))
        whole = torch.ones_like(replaced)
        offsets = (tokens.offsets[0][:length],) * len(replaced)
        texts.append(encoder.encode_tokens(TokenBatch(replaced, whole, offsets)))
    return torch.cat(images), torch.cat(texts)


def _to_pixels(mask: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Each patch's value on its pixels; a margin that no patch reads takes its neighbour's."""
    height, width = (pixels // count for pixels, count in zip(size, mask.shape[2:], strict=True))
    wide = mask.repeat_interleave(height, 2).repeat_interleave(width, 3)
    below, beside = size[0] - wide.shape[2], size[1] - wide.shape[3]
    padded = torch.nn.functional.pad(wide.float(), (0, beside, 0, below), mode="replicate")
    return padded.bool()

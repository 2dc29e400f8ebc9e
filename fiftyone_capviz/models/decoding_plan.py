"""Steering inside a decoder: scaled features, weighted attention, contrasted words.

Formulas: docs/methods.md, sections 5.3 to 5.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import LogitsProcessor

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import Grid

if TYPE_CHECKING:
    from fiftyone_capviz.records import Steering


@dataclass(frozen=True)
class DecodingPlan:
    """What the decoder is given for a batch of steered images.

    Rows 0..images-1 are the images; each image steered by contrast has a second row, after these,
    in which the chosen patches are hidden.

    Attributes:
        features: Float "images tokens hidden", scaled where the steering says so.
        rows: for each decoder row, the image it decodes.
        bias: Float "rows 1 1 tokens" to add to the cross-attention logits, or None.
        contrast: (row, row with the patches hidden, alpha) of each image steered by contrast.
    """

    features: torch.Tensor
    rows: tuple[int, ...]
    bias: torch.Tensor | None
    contrast: tuple[tuple[int, int, float], ...]

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.features)

    @property
    def doubled(self) -> bool:
        """Whether some image has a second row."""
        return len(self.rows) > self.images


def plan_decoding(
    features: torch.Tensor, steerings: Sequence[Steering | None] | None, *, grid: Grid | None
) -> DecodingPlan:
    """Turn the steering of each image into features, attention bias and contrast rows.

    - "scale" (seed paper): patch features times their weight.
    - "logits": the log of the weight on the patch's cross-attention logits; weight 5 acts like
      five copies of the patch, weight 0 removes it.
    - "contrast": (1 + alpha) log p(word) - alpha log p(word | patches hidden), with patches hidden
      to the degree to which their weight is the largest.

    Args:
        features: Float "images 1+patches hidden".
        steerings: one per image, None where nothing is steered.
        grid: rows and columns of every image; None where they differ: then each table of weights
            must be of its image's grid, and what lies beyond it is padding.

    Raises:
        InputError: weights of another grid than the model's.
    """
    rows = list(range(len(features)))
    chosen = [
        (i, s) for i, s in enumerate(steerings or ()) if s is not None and s.weights is not None
    ]
    if steerings is not None and len(steerings) != len(features):
        raise InputError(
            f"steering needs one entry per image; got {len(steerings)} for {len(features)} images."
        )
    biases: dict[int, torch.Tensor] = {}
    contrast: list[tuple[int, int, float]] = []
    scales: dict[int, torch.Tensor] = {}
    for image, steering in chosen:
        weights = np.asarray(steering.weights, dtype=np.float64)
        if (grid is not None and weights.shape != grid) or weights.size >= features.shape[1]:
            known = "grid" if grid is None else f"grid {tuple(grid)}"
            raise InputError(
                f"Patch weights must have the model's {known}; got {weights.shape}. Recompute them "
                "from the mask."
            )
        if steering.method == "scale":
            scales[image] = _with_class_token(weights, features)
        elif steering.method == "logits":
            biases[image] = _log_weights(weights, features)
        elif steering.alpha != 0 and weights.max() > 1:
            degree = np.log(np.maximum(weights, 1.0)) / np.log(weights.max())
            contrast.append((image, len(rows), steering.alpha))
            biases[len(rows)] = _log_weights(1.0 - degree, features)
            rows.append(image)
    if scales:
        features = features.clone()
        for image, scale in scales.items():
            features[image] *= scale[:, None]
    bias = None
    if biases:
        bias = torch.zeros(
            len(rows), 1, 1, features.shape[1], device=features.device, dtype=features.dtype
        )
        for row, values in biases.items():
            bias[row, 0, 0] = values
    return DecodingPlan(features, tuple(rows), bias, tuple(contrast))


def _with_class_token(weights: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(_by_token(weights, like), device=like.device, dtype=like.dtype)


def _by_token(weights: np.ndarray, like: torch.Tensor) -> np.ndarray:
    """A table as weights of the image tokens: 1 for CLS and for padding."""
    flat = np.ones(like.shape[1])
    flat[1 : 1 + weights.size] = weights.ravel()
    return flat


def _log_weights(weights: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    # The lowest finite number instead of -inf: a row must never become nan. CLS stays at 0.
    logs = np.log(np.maximum(_by_token(weights, like), 1e-300))
    bias = torch.as_tensor(logs, device=like.device, dtype=torch.float64).to(like.dtype)
    removed = torch.as_tensor(logs < -600, device=like.device)
    return bias.masked_fill(removed, torch.finfo(like.dtype).min)


class ContrastProcessor(LogitsProcessor):
    """Mixes the rows of an image with and without its chosen patches, and keeps them in step."""

    def __init__(self, contrast: Sequence[tuple[int, int, float]], *, num_beams: int) -> None:
        self._contrast = contrast
        self._num_beams = num_beams

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores in which both rows of a pair hold the same mixture."""
        mixed = scores.clone()
        for row, hidden_row, alpha in self._contrast:
            here, there = (
                slice(r * self._num_beams, (r + 1) * self._num_beams) for r in (row, hidden_row)
            )
            mixture = contrast_scores(scores[here], scores[there], alpha=alpha)
            mixed[here] = mixture
            mixed[there] = mixture
        return mixed


def contrast_scores(full: torch.Tensor, hidden: torch.Tensor, *, alpha: float) -> torch.Tensor:
    """(1 + alpha) log p(full) - alpha log p(hidden), normalised.

    Args:
        full: logits or log-probabilities "... vocabulary"; -inf stays -inf.
        hidden: the same with the chosen patches hidden.
        alpha: strength; 0 gives log p(full).
    """
    first, second = full.log_softmax(-1), hidden.log_softmax(-1)
    mixture = (1 + alpha) * first - alpha * second
    return mixture.masked_fill(torch.isneginf(full), -torch.inf).log_softmax(-1)

"""BLIP as a matcher: transformers' ``BlipForImageTextRetrieval``.

Formulas: docs/methods.md, section 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import BlipConfig, BlipForImageTextRetrieval
from transformers.models.blip.modeling_blip_text import BlipTextSelfAttention

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.blip.model import BlipModel
from fiftyone_capviz.models.interfaces import matches_of
from fiftyone_capviz.models.loading import Checkpoint
from fiftyone_capviz.models.word_pieces import TokenBatch, WordPieces
from fiftyone_capviz.records import FloatArray, Match


def load_matcher(
    checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype
) -> BlipMatcher:
    """Load a BLIP matcher; see `BlipModel.load`."""
    return BlipMatcher.load(checkpoint, device=device, dtype=dtype)


class BlipMatcher(BlipModel):
    """Scores image-text pairs with BLIP's matching head."""

    model_class = BlipForImageTextRetrieval

    def __init__(
        self, checkpoint: Checkpoint, *, model: Any, config: BlipConfig, text: WordPieces
    ) -> None:
        super().__init__(checkpoint, model=model, config=config, text=text)
        # A default that Grad-CAM says nothing at is none.
        self.default_layer = min(self.default_layer, max(0, self.gradient_layers - 1))

    @property
    def cross_attentions(self) -> list[BlipTextSelfAttention]:
        """The cross-attention of each layer."""
        return [layer.crossattention.self for layer in self.model.text_encoder.encoder.layer]

    @property
    def gradient_layers(self) -> int:
        """All but the last: of its rows only the first one's reaches the head."""
        return self.layer_count - 1

    def tokens(self, texts: Sequence[str], *, use_enc: bool = True) -> TokenBatch:
        """Texts as the matching head takes them.

        Args:
            texts: any strings; what is longer than the model takes is cut, and counted in `cut`.
            use_enc: begin with [ENC], as in BLIP's training and in LAVIS; otherwise with [CLS],
                as in salesforce/BLIP's demo and in transformers. Scores differ.
        """
        first = self.text.enc if use_enc else None
        return self.text.batch(texts, first=first, device=self.device)

    def match_logits(self, features: torch.Tensor, tokens: TokenBatch) -> torch.Tensor:
        """The head's two logits, no match and match: "images 2"; with gradient if asked for."""
        hidden = self.model.text_encoder(
            tokens.ids, attention_mask=tokens.mask, encoder_hidden_states=features
        ).last_hidden_state
        logits: torch.Tensor = self.model.itm_head(hidden[:, 0])
        return logits

    @torch.no_grad()
    def score(
        self, features: torch.Tensor, texts: Sequence[str], *, use_enc: bool = True
    ) -> list[Match]:
        """Match of each image with its text.

        Args:
            features: "images 1+patches hidden".
            texts: one per image.
            use_enc: see `tokens`.
        """
        if isinstance(texts, str) or len(texts) != len(features):
            raise InputError(f"texts needs one string per image ({len(features)}); got {texts!r}.")
        if not len(texts):
            return []
        tokens = self.tokens(texts, use_enc=use_enc)
        return matches_of(self.match_logits(features, tokens), cut=tokens.cut)

    @torch.no_grad()
    def similarity(self, features: torch.Tensor, texts: Sequence[str]) -> FloatArray:
        """Cosine of every image with every text by the contrastive (ITC) head.

        Returns:
            Float32 "images texts", -1..1.
        """
        tokens = self.text.batch(texts, device=self.device)
        hidden = self.model.text_encoder(tokens.ids, attention_mask=tokens.mask).last_hidden_state
        image = functional.normalize(self.model.vision_proj(features[:, 0]), dim=-1)
        text = functional.normalize(self.model.text_proj(hidden[:, 0]), dim=-1)
        found: FloatArray = (image @ text.T).float().cpu().numpy().astype(np.float32)
        return found

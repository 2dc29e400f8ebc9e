"""BLIP's text decoder over prepared images: decoding, one step, and teacher forcing.

Formulas: docs/methods.md, section 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import BlipTextLMHeadModel, GenerationConfig, LogitsProcessorList
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.models.blip.modeling_blip_text import BlipTextLayer, BlipTextSelfAttention

from fiftyone_capviz.models.blip.attention import attention_bias
from fiftyone_capviz.models.decoding_plan import ContrastProcessor, DecodingPlan, contrast_scores
from fiftyone_capviz.models.word_pieces import WordPieces, pad_left, pad_right
from fiftyone_capviz.records import FloatArray

KeysValues = list[tuple[torch.Tensor, torch.Tensor]]
"""Per layer: keys and values of the image tokens, Float "images heads tokens head_size"."""


class SharedCrossCache(DynamicCache):
    """Keys and values of the image; all beams of an image share them, so no order matters."""

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        """Nothing to do: beams only change places within their image."""


def project_image(
    attentions: Sequence[BlipTextSelfAttention], features: torch.Tensor
) -> KeysValues:
    """Keys and values of the image tokens for every cross-attention layer.

    transformers computes them once per *beam*; they are the largest part of the decoder's work.

    Args:
        attentions: the cross-attention of each layer.
        features: Float "images tokens hidden".
    """
    projected = []
    for attention in attentions:
        shape = (*features.shape[:-1], attention.num_attention_heads, attention.attention_head_size)
        projected.append(
            (
                attention.key(features).view(shape).transpose(1, 2),
                attention.value(features).view(shape).transpose(1, 2),
            )
        )
    return projected


def decoder_cache(projected: KeysValues, *, repeats: int = 1) -> EncoderDecoderCache:
    """A cache whose image part is filled; each image's rows are repeated for its beams."""
    cross = SharedCrossCache()
    for layer, (keys, values) in enumerate(projected):
        if repeats > 1:
            keys, values = (t.repeat_interleave(repeats, 0) for t in (keys, values))
        cross.update(keys, values, layer)
    return EncoderDecoderCache(DynamicCache(), cross)


class BlipDecoder:
    """Runs the text decoder with the image's keys and values computed once.

    Attributes:
        model: transformers' text decoder with its language head.
        text: tokenizer and token ids.
    """

    def __init__(self, model: BlipTextLMHeadModel, text: WordPieces) -> None:
        self.model = model
        self.text = text

    @property
    def layers(self) -> list[BlipTextLayer]:
        """The decoder's layers, each with ``attention`` and ``crossattention``."""
        return list(self.model.bert.encoder.layer)

    @property
    def cross_attentions(self) -> list[BlipTextSelfAttention]:
        """The cross-attention of each layer."""
        return [layer.crossattention.self for layer in self.layers]

    def project(self, features: torch.Tensor) -> KeysValues:
        """Keys and values of the image tokens for every layer."""
        return project_image(self.cross_attentions, features)

    def decode(
        self,
        plan: DecodingPlan,
        starts: Sequence[list[int]],
        *,
        projected: KeysValues,
        num_beams: int,
        max_new_tokens: int,
        min_new_tokens: int,
    ) -> list[list[int]]:
        """Generate with greedy or beam search.

        Args:
            plan: how the images are steered.
            starts: prompt ids of each image.
            projected: keys and values of ``plan.features``.
            num_beams: 1 is greedy.
            max_new_tokens: after the prompt, at most.
            min_new_tokens: after the prompt, at least.

        Returns:
            For each image the new ids, the end token included where it was reached.
        """
        ids, mask = pad_left([starts[image] for image in plan.rows], self.text.pad)
        processors = LogitsProcessorList()
        if plan.contrast:
            processors.append(ContrastProcessor(plan.contrast, num_beams=num_beams))
        with attention_bias(self.cross_attentions, plan.bias):
            sequences = self.model.generate(
                input_ids=ids.to(self.model.device),
                attention_mask=mask.to(self.model.device),
                # The cache holds the image; the decoder only asks whether there is one.
                encoder_hidden_states=plan.features[list(plan.rows), :1],
                past_key_values=decoder_cache(rows_of(projected, plan), repeats=num_beams),
                logits_processor=processors,
                generation_config=GenerationConfig(
                    bos_token_id=self.text.bos,
                    eos_token_id=self.text.sep,
                    pad_token_id=self.text.pad,
                    num_beams=num_beams,
                    do_sample=False,
                    max_new_tokens=max_new_tokens,
                    min_new_tokens=min_new_tokens or None,
                ),
            )
        new = sequences[: plan.images, ids.shape[1] :].tolist()
        return [_until(row, self.text.sep) for row in new]

    @torch.no_grad()
    def greedy_step(
        self, feed: torch.Tensor, cache: EncoderDecoderCache, plan: DecodingPlan
    ) -> int:
        """Read ids "rows tokens" into the cache; returns the likeliest next id of the first row."""
        with attention_bias(self.cross_attentions, plan.bias):
            logits = self.model(
                feed,
                encoder_hidden_states=plan.features[list(plan.rows), :1],
                past_key_values=cache,
                use_cache=True,
            ).logits[:, -1]
        for row, hidden, alpha in plan.contrast:
            logits[row] = contrast_scores(logits[row], logits[hidden], alpha=alpha)
        return int(logits[0].argmax())

    def teacher_force(
        self, projected: KeysValues, rows: Sequence[Sequence[int]], *, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """Log-probabilities of the next token after every prefix: "rows tokens vocabulary"."""
        ids, mask = pad_right(rows, self.text.pad)
        with attention_bias(self.cross_attentions, bias):
            logits = self.model(
                ids.to(self.model.device),
                attention_mask=mask.to(self.model.device),
                encoder_hidden_states=torch.empty(
                    len(rows),
                    1,
                    self.model.config.hidden_size,
                    device=self.model.device,
                    dtype=self.model.dtype,
                ),
                past_key_values=decoder_cache(projected),
                use_cache=True,
            ).logits
        return (logits if self.model.dtype == torch.float64 else logits.float()).log_softmax(-1)

    def likelihoods(
        self, projected: KeysValues, starts: Sequence[list[int]], rests: Sequence[list[int]]
    ) -> FloatArray:
        """Mean log-probability of the tokens after each start, Float64 "images"; nan if none."""
        rows = [start + rest for start, rest in zip(starts, rests, strict=True)]
        scores = self.teacher_force(projected, rows, bias=None)
        ids, mask = pad_right(rows, self.text.pad)
        picked = scores[:, :-1].gather(-1, ids[:, 1:, None].to(self.model.device))[..., 0].cpu()
        place = torch.arange(1, ids.shape[1])
        first = torch.tensor([len(start) for start in starts])
        counted = (place[None] >= first[:, None]) & mask[:, 1:].bool()
        total = torch.where(counted, picked, 0).sum(1).double()
        return (total / counted.sum(1)).numpy()  # 0 / 0 is nan: nothing was written


def rows_of(projected: KeysValues, plan: DecodingPlan) -> KeysValues:
    """Keys and values of each decoder row, from those of each image."""
    if not plan.doubled:
        return projected
    rows = list(plan.rows)
    return [(keys[rows], values[rows]) for keys, values in projected]


def _until(ids: list[int], end: int) -> list[int]:
    return ids[: ids.index(end) + 1] if end in ids else ids

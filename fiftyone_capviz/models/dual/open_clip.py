"""open_clip's dual encoders: a model name of that package and a file of weights.

The package is an extra (``pip install open_clip_torch``) and is imported when such a model is
loaded. Vision transformers with a causal text transformer are supported; for those that pool CLS,
and the end of the text, the closed form holds. What a model gives is compared with its own
``encode_*`` at loading, and where tokens stand in a text is found here: its tokenizer does not say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import nn
from torch.nn import functional

from fiftyone_capviz.errors import CheckpointError, InputError, UnknownModelError
from fiftyone_capviz.geometry import Grid, PixelTransform, center_crop, squash
from fiftyone_capviz.models.dual.open_clip_activation import OPENAI_BUFFERS, check_activation
from fiftyone_capviz.models.dual.sides import Affine, LastBlock, Norm, Tower, causal_mask
from fiftyone_capviz.models.dual.tower import TowerEncoder
from fiftyone_capviz.models.loading import Checkpoint, fingerprint, load_state_dict
from fiftyone_capviz.models.word_pieces import TokenBatch

MODEL_TYPE = "open_clip"
_SPEC = re.compile(rf"{MODEL_TYPE}:(?P<name>[^=]+)=(?P<path>.+)")


def locate_open_clip(spec: str) -> Checkpoint | None:
    """The file of "open_clip:NAME=PATH"; None for a spec that begins in another way.

    Raises:
        UnknownModelError: no path, or no file there.
    """
    if not spec.startswith(f"{MODEL_TYPE}:"):
        return None
    found = _SPEC.fullmatch(spec)
    if found is None:
        raise UnknownModelError(
            f"{spec!r} needs its weights: give open_clip:NAME=PATH, e.g. "
            "open_clip:ViT-B-16=open_clip_model.safetensors."
        )
    path = Path(found["path"]).expanduser()
    if not path.is_file():
        raise UnknownModelError(f"No weights at {str(path)!r}. Check the path after '='.")
    config = {"model_type": MODEL_TYPE, "name": found["name"]}
    return Checkpoint(spec, path.resolve(), config, fingerprint(path))


def load_open_clip(
    checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype
) -> OpenClipEncoder:
    """Build the named architecture with every weight from the file.

    Raises:
        CheckpointError: the package is missing, does not know the name, or the weights do not fit
            or were trained with another activation.
    """
    open_clip = import_open_clip()
    name = str(checkpoint.config["name"])
    if open_clip.get_model_config(name) is None:
        raise CheckpointError(
            f"open_clip knows no model {name!r}. Its names are those of "
            "open_clip.list_models(), such as ViT-B-32."
        )
    state = load_state_dict(checkpoint.folder)
    state = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    notes = check_activation(open_clip, name, checkpoint.folder, state.keys())
    model = open_clip.create_model(name, pretrained=None, load_weights=False)
    for key in ("attn_mask", *OPENAI_BUFFERS):
        state.pop(key, None)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(
            f"The weights of {checkpoint.spec!r} do not fit open_clip's {name}: "
            f"{str(error).splitlines()[1].strip():.200} Give the name that they were saved from."
        ) from error
    encoder = OpenClipEncoder(
        model,
        tokenizer=open_clip.get_tokenizer(name),
        spec=checkpoint.spec,
        revision=checkpoint.revision,
        device=device,
        dtype=dtype,
    )
    encoder.notes = notes
    return encoder


def import_open_clip() -> Any:
    """The package.

    Raises:
        CheckpointError: it is not installed.
    """
    try:
        import open_clip
    except ImportError as error:
        raise CheckpointError(
            "Models of open_clip need that package, which is not installed. Run "
            "`pip install open_clip_torch`, or use a model of transformers."
        ) from error
    return open_clip


class OpenClipEncoder(TowerEncoder):
    """A frozen model of open_clip.

    Attributes:
        model: in eval mode.
    """

    causal_text = True
    filler = 0

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any,
        spec: str,
        revision: str,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.spec, self.revision, self.device, self.dtype = spec, revision, device, dtype
        self.model: Any = model.to(device, dtype).eval()
        self.model.requires_grad_(False)
        self._tokenizer = tokenizer
        self._text = getattr(model, "text", model)
        require_support(self.model, self._text, spec)
        if not hasattr(tokenizer, "byte_decoder"):
            raise CheckpointError(
                f"The tokenizer of {spec!r} does not tell where its tokens stand in the text. Use "
                "a model with open_clip's own tokenizer, or the model's version for transformers."
            )
        visual = model.visual
        self.grid = Grid(*map(int, visual.grid_size))
        self._image_size = int(visual.image_size[0])
        require_own_outputs(self, self.model)

    @cached_property
    def image_tower(self) -> Tower:
        """Pre-norm blocks, pooled as the model says."""
        visual = self.model.visual
        plain = visual.attn_pool is None and visual.pool_type == "tok"

        def head(tokens: torch.Tensor, pooled: int) -> torch.Tensor:
            if plain:
                return visual.ln_post(tokens[:, pooled]) @ visual.proj
            return visual._pool(tokens)[0] @ visual.proj

        blocks = list(visual.transformer.resblocks)
        last = _last_block_of(blocks[-1], visual.ln_post, visual.proj) if plain else None
        return Tower(blocks, head, last, has_cls=True)

    @cached_property
    def text_tower(self) -> Tower:
        """Pre-norm blocks with a causal mask; the end-of-text token is pooled."""
        text = self._text

        def head(tokens: torch.Tensor, pooled: int) -> torch.Tensor:
            return _project(text.text_projection, text.ln_final(tokens[:, pooled]))

        blocks = list(text.transformer.resblocks)
        last = _last_block_of(blocks[-1], text.ln_final, text.text_projection)
        return Tower([partial(_causal, block) for block in blocks], head, last, has_cls=False)

    def transform(self, width: int, height: int) -> PixelTransform:
        """What open_clip's own preprocessing does for this model."""
        if self._preprocessing.resize_mode == "squash":
            return squash(width, height, *self.grid)
        return center_crop(width, height, *self.grid, size=self._image_size)

    def preprocess(self, images: Sequence[Image]) -> torch.Tensor:
        """Pixels "images 3 size size", normalised, on the CPU."""
        if not len(images):
            raise InputError("There must be one image or more; got none.")
        return torch.stack([self._to_pixels(image) for image in images])

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts as padded token ids; what is over the limit is cut and counted in `cut`."""
        if isinstance(texts, str) or not len(texts):
            raise InputError(f"texts needs a string or more in a list; got {texts!r:.60}.")
        limit = int(self._text.context_length)
        pieces = [self._tokenizer.encode(text) for text in texts]
        ids = self._tokenizer(list(texts), context_length=limit)
        offsets = []
        for text, own in zip(texts, pieces, strict=True):
            spans = [(0, 0), *token_spans(self._tokenizer, text, own)][: limit - 1]
            offsets.append((*spans, *[(0, 0)] * (limit - len(spans))))
        lengths = torch.tensor([min(limit, len(own) + 2) for own in pieces])
        mask = (torch.arange(limit)[None] < lengths[:, None]).long()
        width = int(lengths.max())
        return TokenBatch(
            ids[:, :width],
            mask[:, :width],
            tuple(row[:width] for row in offsets),
            cut=tuple(max(0, len(own) + 2 - limit) for own in pieces),
        )

    def embed_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "images tokens hidden"."""
        embedded: torch.Tensor = self.model.visual._embeds(pixels)
        return embedded

    def embed_ids(self, ids: torch.Tensor) -> torch.Tensor:
        """Tokens that enter the first block: "texts tokens hidden"."""
        text = self._text
        places = text.positional_embedding[: ids.shape[1]]
        return text.token_embedding(ids).to(self.dtype) + places.to(self.dtype)

    def pooled_positions(self, tokens: TokenBatch) -> list[int]:
        """The end-of-text token: the largest id."""
        return tokens.ids.argmax(-1).tolist()

    def reference_ids(self, length: int) -> torch.Tensor:
        """Beginning, one filler, end, then fillers (arXiv 2408.14153, and its package)."""
        whole = torch.full((max(length, 3),), self.filler)
        whole[0], whole[2] = self._tokenizer.sot_token_id, self._tokenizer.eot_token_id
        return whole[:length]

    @cached_property
    def _preprocessing(self) -> Any:
        open_clip = import_open_clip()
        stated = {**open_clip.get_model_preprocess_cfg(self.model), "size": self._image_size}
        return open_clip.transform.PreprocessCfg(**stated)

    @cached_property
    def _to_pixels(self) -> Any:
        return import_open_clip().transform.image_transform_v2(self._preprocessing, is_train=False)


def _last_block_of(block: Any, norm: nn.LayerNorm, projection: Any) -> Any:
    """A maker of the closed form's weights; None where the block is of another shape."""
    if type(block).__name__ != "ResidualAttentionBlock":
        return None
    return partial(_last_block, block, norm, projection)


def _last_block(block: Any, norm: nn.LayerNorm, projection: Any) -> LastBlock:
    attention: Any = block.attn
    stacked = Affine(attention.in_proj_weight, attention.in_proj_bias)
    query, key, value = stacked.split(3)
    is_linear = isinstance(projection, nn.Linear)
    return LastBlock(
        norm1=Norm.of(block.ln_1),
        query=query,
        key=key,
        value=value,
        out=Affine.of(attention.out_proj, scale=getattr(block.ls_1, "gamma", None)),
        norm2=Norm.of(block.ln_2),
        up=Affine.of(block.mlp.c_fc),
        activation=block.mlp.gelu,
        down=Affine.of(block.mlp.c_proj, scale=getattr(block.ls_2, "gamma", None)),
        heads=attention.num_heads,
        norm3=Norm.of(norm),
        projection=Affine.of(projection) if is_linear else Affine(projection.T),
    )


def _project(projection: Any, pooled: torch.Tensor) -> torch.Tensor:
    return projection(pooled) if isinstance(projection, nn.Linear) else pooled @ projection


def _causal(block: Any, tokens: torch.Tensor) -> torch.Tensor:
    return block(tokens, attn_mask=causal_mask(tokens)[0, 0])


_TOLERANCE, _HALF_TOLERANCE = 1e-3, 0.05
"""Distance of unit vectors: more than a precision loses, less than another architecture."""


def require_support(model: Any, text: Any, spec: str) -> None:
    """Raise CheckpointError unless both sides are transformers whose tokens can be attributed."""
    visual = model.visual
    pooling = getattr(text, "pool_type", None) or getattr(text, "text_pool_type", None)
    grid = getattr(visual, "grid_size", (1, 2))
    if not hasattr(visual, "transformer") or not hasattr(text, "transformer"):
        raise CheckpointError(
            f"Both sides of a dual encoder must be transformers here; {spec!r} has another vision "
            "or text model. Use a ViT of open_clip, or a model of transformers."
        )
    if getattr(text, "cls_emb", None) is not None:
        raise CheckpointError(
            f"The text side must pool its end token; {spec!r} appends a token of its own and pools "
            "that (CoCa). Use a CLIP of open_clip, or a model of transformers."
        )
    if pooling != "argmax" or getattr(text, "attn_mask", None) is None:
        raise CheckpointError(
            f"The text side must be causal and pool its end token; {spec!r} pools {pooling!r}. "
            "Use a CLIP of open_clip, or the model's version for transformers."
        )
    if visual.proj is None or text.text_projection is None:
        raise CheckpointError(
            f"A dual encoder needs a projection head on both sides; {spec!r} has none. Use a "
            "checkpoint with its projection."
        )
    if grid[0] != grid[1]:
        raise CheckpointError(
            f"Images must be square; {spec!r} has a grid of {tuple(grid)}. Use another model."
        )


@torch.no_grad()
def require_own_outputs(encoder: TowerEncoder, model: Any) -> None:
    """Raise CheckpointError unless both sides give what the model itself gives.

    An architecture that is built of the same parts in another way is found out by this.

    Args:
        encoder: ours.
        model: of open_clip.
    """
    edge, limit = int(model.visual.image_size[0]), int(model.context_length)
    noise = torch.randn(1, 3, edge, edge, generator=torch.Generator().manual_seed(0))
    batch = encoder.tokens(["a photo of a dog"])
    ids = functional.pad(batch.ids, (0, limit - batch.ids.shape[1])).to(encoder.device)
    pixels = noise.to(encoder.device, encoder.dtype)
    pairs = {
        "images": (encoder.encode_pixels(noise), model.encode_image(pixels, normalize=True)),
        "texts": (encoder.encode_tokens(batch), model.encode_text(ids, normalize=True)),
    }
    half = encoder.dtype in (torch.float16, torch.bfloat16)
    for side, (ours, own) in pairs.items():
        away = float((ours.double() - own.double()).norm())
        if not away < (_HALF_TOLERANCE if half else _TOLERANCE):
            raise CheckpointError(
                f"{encoder.spec!r} turns {side} into vectors in a way that is not known here: they "
                f"are {away:.2g} away from the model's own. Use a CLIP of open_clip, or a model of "
                "transformers."
            )


_WORD_END = "</w>"


def token_spans(tokenizer: Any, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Character spans of byte-pair tokens, found by reading the text along with them.

    Args:
        tokenizer: an ``open_clip.SimpleTokenizer``.
        text: what was encoded, as the user wrote it.
        ids: its tokens, without special ones.

    Returns:
        One span per token; (0, 0) for one that the tokenizer's cleaning put there (an HTML entity
        that was resolved, an encoding that was mended).
    """
    content, owners = _bytes_of(text)
    spans: list[tuple[int, int]] = []
    cursor, word = 0, []
    for token in ids:
        piece = tokenizer.decoder[token]
        word.append(_raw(tokenizer, piece.removesuffix(_WORD_END)))
        if not piece.endswith(_WORD_END):
            continue
        start = content.find(b"".join(word), cursor)
        for part in word:
            if start < 0 or not part:
                spans.append((0, 0))
                continue
            spans.append((owners[start], owners[start + len(part) - 1] + 1))
            start += len(part)
            cursor = start
        word = []
    return spans


def _bytes_of(text: str) -> tuple[bytes, list[int]]:
    """The lower-cased text in UTF-8, and of each byte the character it comes from."""
    content, owners = bytearray(), []
    for index, character in enumerate(text):
        encoded = character.lower().encode("utf-8", errors="replace")
        content += encoded
        owners += [index] * len(encoded)
    return bytes(content), owners


def _raw(tokenizer: Any, piece: str) -> bytes:
    return bytes(tokenizer.byte_decoder[character] for character in piece)

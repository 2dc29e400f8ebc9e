"""Tokenizers and image processors of dual encoders, as transformers stores them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL.Image import Image
from PIL.Image import new as new_image

from fiftyone_capviz.errors import CheckpointError, InputError
from fiftyone_capviz.geometry import Grid, PixelTransform, center_crop, squash
from fiftyone_capviz.models.loading import Checkpoint, require_file
from fiftyone_capviz.models.word_pieces import TokenBatch


def load_tokenizer(checkpoint: Checkpoint, tokenizer_class: Any) -> Any:
    """The checkpoint's tokenizer.

    Raises:
        CheckpointError: none, an unreadable one, or one that cannot say where its tokens stand.
    """
    names = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model")
    require_file(checkpoint, names, purpose="tokenizer")
    try:
        tokenizer = tokenizer_class.from_pretrained(str(checkpoint.folder), local_files_only=True)
    except ImportError as error:
        raise CheckpointError(
            f"The tokenizer of {checkpoint.spec!r} needs a package that is not installed "
            f"({' '.join(str(error).split()):.120}). Install it, or copy the tokenizer.json of "
            "the model's hub repository into the folder."
        ) from error
    except Exception as error:
        raise CheckpointError(
            f"The tokenizer of {checkpoint.spec!r} cannot be read ({error}). Fetch the "
            "checkpoint again."
        ) from error
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"The tokenizer of {checkpoint.spec!r}, a {type(tokenizer).__name__}, does not tell "
            "where its tokens stand in the text; a fast one is needed. Copy the tokenizer.json of "
            "the model's hub repository into the folder."
        )
    return tokenizer


def load_processor(checkpoint: Checkpoint, processor_class: Any, *, size: int) -> Any:
    """The checkpoint's image processor.

    Args:
        checkpoint: with its files.
        processor_class: of transformers.
        size: pixels per side that the model reads.

    Raises:
        CheckpointError: none, an unreadable one, or one that does not make squares of that size
            from what is inside the image.
    """
    names = ("preprocessor_config.json", "processor_config.json")
    require_file(checkpoint, names, purpose="image processor")
    try:
        processor = processor_class.from_pretrained(str(checkpoint.folder), local_files_only=True)
    except Exception as error:
        raise CheckpointError(
            f"The image processor of {checkpoint.spec!r} cannot be read ({error}). Fetch the "
            "checkpoint again."
        ) from error
    _require_squares(processor, checkpoint.spec, size)
    return processor


def _require_squares(processor: Any, spec: str, size: int) -> None:
    """Raise CheckpointError unless a wide and a tall image come out as the model reads them."""
    for width, height in ((3 * size, size), (size, 3 * size)):
        probe = new_image("RGB", (width, height))
        found = tuple(preprocess(processor, [probe]).shape[2:])
        left, top, right, bottom = processor_transform(
            processor, width, height, grid=Grid(1, 1)
        ).crop
        inside = left >= 0 and top >= 0 and right <= width and bottom <= height
        if found != (size, size) or not inside:
            raise CheckpointError(
                f"The image processor of {spec!r} must make squares of {size} pixels from what is "
                f"inside the image; of {width} x {height} pixels it takes {left:.0f}, {top:.0f} to "
                f"{right:.0f}, {bottom:.0f} and makes {found[1]} x {found[0]}. Correct size and "
                "crop_size in preprocessor_config.json."
            )


def processor_transform(processor: Any, width: int, height: int, *, grid: Grid) -> PixelTransform:
    """The part of an image that a processor shows: its middle (CLIP), or all of it, squashed.

    Raises:
        CheckpointError: a processor that does neither.
    """
    size, cropped = processor.size, getattr(processor, "do_center_crop", False)
    if not cropped and size.get("height") and size.get("height") == size.get("width"):
        return squash(width, height, *grid)
    edge = size.get("shortest_edge")
    if not cropped or edge is None:
        raise CheckpointError(
            "An image processor must squash to a square, or scale the short side and crop the "
            f"centre; this one has size {dict(size)}. Use another checkpoint."
        )
    return center_crop(width, height, *grid, size=edge, crop=processor.crop_size["height"])


def preprocess(processor: Any, images: Sequence[Image]) -> torch.Tensor:
    """Pixels "images 3 size size", on the CPU."""
    if not len(images):
        raise InputError("There must be one image or more; got none.")
    pixels: torch.Tensor = processor(images=list(images), return_tensors="pt")["pixel_values"]
    return pixels


def token_batch(
    tokenizer: Any, texts: Sequence[str], *, limit: int, fill: bool = False
) -> TokenBatch:
    """Texts as token ids, padded on the right, cut at the limit.

    Args:
        tokenizer: a fast one.
        texts: any strings, the empty one included.
        limit: the longest sequence, special tokens included.
        fill: pad to the limit, as for models that read their padding; then no token is masked.
    """
    if isinstance(texts, str) or not len(texts):
        raise InputError(f"texts needs a string or more in a list; got {texts!r:.60}.")
    encoded = tokenizer(
        list(texts),
        padding="max_length" if fill else True,
        truncation=True,
        max_length=limit,
        return_attention_mask=True,
        return_offsets_mapping=True,
        padding_side="right",
        return_tensors="pt",
    )
    whole = tokenizer(list(texts), return_attention_mask=False, verbose=False)["input_ids"]
    mask = encoded["attention_mask"]
    offsets = tuple(
        tuple((int(start), int(end)) for start, end in row)
        for row in encoded["offset_mapping"].tolist()
    )
    return TokenBatch(
        encoded["input_ids"],
        torch.ones_like(mask) if fill else mask,
        offsets,
        cut=tuple(max(0, len(ids) - limit) for ids in whole),
    )

"""Which block of the text side belongs to a block of the image side, where towers differ in depth.

Both towers' first blocks belong together, and both their last; in between the share of the way
counts: ViT-L/14's 24 blocks against 12 pair 23 with 11, 12 with 6, and 0 with 0. A vision
transformer's attention pooling head (SigLIP) counts as its last block: after it, as after the
text's last block, one vector is left. SigLIP's 12 blocks and head against 12 text blocks therefore
pair 12 with 11, 11 with 10, and 0 with 0.

Formulas: docs/methods.md, section 4.10.
"""

from __future__ import annotations

from fiftyone_capviz.models.interfaces import DualEncoder


def side_layers(
    encoder: DualEncoder,
    layer: int | None,
    text_layer: int | None,
    *,
    differentiates: bool = True,
) -> tuple[int, int]:
    """Zero-based blocks of both sides.

    Args:
        encoder: loaded.
        layer: of the image side; None is the encoder's default.
        text_layer: of the text side; None is the encoder's default, or where it has none the one
            that belongs to the image's.
        differentiates: False for methods that compare the tokens of two layers, which must belong
            to each other whatever the encoder's default.
    """
    first = encoder.default_layer if layer is None else layer
    if text_layer is None and differentiates:
        text_layer = encoder.default_text_layer
    if text_layer is None:
        text_layer = paired_layer(first, encoder.image_layers, encoder.text_layers)
    return first, text_layer


def paired_layer(layer: int, count: int, other: int) -> int:
    """The block of a tower of `other` blocks that belongs to block `layer` of `count`."""
    if count == 1:
        return other - 1
    return (2 * layer * (other - 1) + count - 1) // (2 * (count - 1))

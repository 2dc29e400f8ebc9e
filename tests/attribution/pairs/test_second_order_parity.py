"""The same numbers as the exclip package, on an open_clip model with the same random weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fiftyone_capviz.attribution.pairs.second_order import attribute_pair, token_factors

CPU = torch.device("cpu")
CAPTION = "a red cat's hat on Ümläut 5 dogs"


@pytest.fixture(scope="module")
def model() -> Any:
    """A ViT and a text transformer of open_clip with its real vocabulary."""
    clip = pytest.importorskip("open_clip.model", reason="open_clip is not installed")
    torch.manual_seed(0)
    vision = {
        "image_size": 32,
        "layers": 3,
        "width": 32,
        "head_width": 8,
        "patch_size": 8,
        "mlp_ratio": 2.0,
    }
    text = {"context_length": 16, "vocab_size": 49408, "width": 24, "heads": 3, "layers": 3}
    return clip.CLIP(embed_dim=24, vision_cfg=vision, text_cfg=text).eval()


def encoder_of(model: Any, dtype: torch.dtype) -> Any:
    import open_clip

    from fiftyone_capviz.models.dual.open_clip import OpenClipEncoder

    return OpenClipEncoder(
        model,
        tokenizer=open_clip.SimpleTokenizer(context_length=16),
        spec="random",
        revision="",
        device=CPU,
        dtype=dtype,
    )


@pytest.mark.parametrize("layer", [2, 1, 0])
def test_parity_at_its_own_nodes_and_quadrature(model: Any, layer: int) -> None:
    exclip = pytest.importorskip("exclip", reason="exclip is not installed")
    image = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    encoder = encoder_of(model, torch.float32)
    tokens = encoder.tokens([CAPTION])
    text_side = encoder.text_side(tokens, layer=layer)[0]
    image_side = encoder.image_side(image, layer=layer)[0]
    ours = attribute_pair(
        *(token_factors(s, nodes=10, quadrature="right") for s in (text_side, image_side))
    )
    model.requires_grad_(True)
    explainer = exclip.OpenClipExplainer(model, image_dim=32, text_seq_len=16, device=CPU)
    text = torch.nn.functional.pad(tokens.ids, (0, 16 - tokens.ids.shape[1]))
    try:
        theirs = explainer.explain(text, image, text_layer=layer, image_layer=layer, N=10)
    finally:
        explainer.reset_attribution()
        model.requires_grad_(False)
    assert theirs.shape == (len(ours.matrix), 4, 4)
    assert (theirs.flatten(1) - ours.matrix).abs().max() < 1e-5
    assert theirs.abs().max() > 1e-4


def test_the_embeddings_are_those_of_open_clip(model: Any) -> None:
    encoder = encoder_of(model, torch.float32)
    image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    texts = [CAPTION, "a dog"]
    with torch.no_grad():
        expected = model.encode_image(image, normalize=True)
        said = model.encode_text(encoder._tokenizer(texts), normalize=True)
    assert torch.allclose(encoder.encode_pixels(image), expected, atol=1e-6)
    assert torch.allclose(encoder.encode_texts(texts), said, atol=1e-6)


def test_completeness_in_double(model: Any) -> None:
    import copy

    encoder = encoder_of(copy.deepcopy(model), torch.float64)
    image = torch.randn(
        1, 3, 32, 32, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    sides = encoder.text_side(encoder.tokens([CAPTION]))[0], encoder.image_side(image)[0]
    pair = attribute_pair(*(token_factors(s, nodes=20, tolerance=None) for s in sides))
    assert pair.relative_error < 1e-8


def test_tokens_know_where_they_stand(model: Any) -> None:
    encoder = encoder_of(model, torch.float32)
    (spans,) = encoder.tokens([CAPTION]).offsets
    assert spans[0] == spans[-1] == (0, 0)
    pieces = [CAPTION[a:b] for a, b in spans[1:-1]]
    assert pieces[:7] == ["a", "red", "cat", "'s", "hat", "on", "Ü"]
    assert "".join(pieces) == CAPTION.replace(" ", "")
    (mended,) = encoder.tokens(["salt &amp; pepper"]).offsets
    assert ["salt &amp; pepper"[a:b] for a, b in mended[1:-1]] == ["salt", "&", "pepper"]
    cut = encoder.tokens(["dog " * 20])
    assert cut.cut == (6,)
    assert cut.ids.shape == (1, 16)

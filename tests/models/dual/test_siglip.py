"""SigLIP against transformers' own, and its tokenizer as the slow class would read a text."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import SiglipModel

from fiftyone_capviz.attribution.pairs.explain import explain_pair
from fiftyone_capviz.errors import CheckpointError
from tests.worlds.dual_encoders import load_encoder, load_small, save_siglip, save_unigram
from tests.worlds.pictures import picture

TEXTS = ["a man in a red shirt", "a gray wolf in the snow", "sunglasses"]
IMAGES = [picture(0), picture(1, width=50, height=40)]

UNTIDY_TEXTS = [
    "A man in a Red hat.",
    "  Its   a  well-known DOG!  ",
    "dog's hat, \t a\nman",
    "CAFÉ",
    "\u2581a \u2581 dog",
    "...",
    "",
]


def canonical(text: str) -> str:
    """What big_vision's `canonicalize_text` makes of a text."""
    text = text.lower().replace("\u2581", " ").translate(str.maketrans("", "", string.punctuation))
    return re.sub(r"\s+", " ", text).strip()


@pytest.fixture(scope="module")
def vocabulary(folder: Path) -> list[str]:
    return json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = save_siglip(tmp_path_factory.mktemp("siglip"))
    save_unigram(made)
    return made


@pytest.mark.parametrize("text", UNTIDY_TEXTS)
def test_pieces_spell_the_canonical_text_and_end_with_the_end_token(
    folder: Path, vocabulary: list[Any], text: str
) -> None:
    batch = load_encoder(folder).tokens([text])
    ids = batch.ids[0].tolist()
    end = ids.index(1)
    assert ids[end:] == [1] * (16 - end)  # the end token is the padding too
    assert batch.mask.all()  # which the model reads
    spelled = "".join(vocabulary[i][0] for i in ids[:end]).replace("\u2581", " ").strip()
    assert spelled == canonical(text)
    assert not any(b > a for a, b in batch.offsets[0][end:])


@pytest.mark.parametrize("text", UNTIDY_TEXTS)
def test_each_piece_stands_where_its_letters_are(folder: Path, text: str) -> None:
    encoder = load_encoder(folder)
    batch = encoder.tokens([text])
    spans = [(a, b) for a, b in batch.offsets[0] if b > a]
    assert spans == sorted(spans)
    covered = {i for a, b in spans for i in range(a, b)}
    letters = {i for i, c in enumerate(text) if c.isalnum()}
    assert letters <= covered
    assert not any(text[a].isspace() or text[b - 1].isspace() for a, b in spans)


def test_case_and_punctuation_change_nothing(folder: Path) -> None:
    encoder = load_encoder(folder)
    texts = ["a man in a red hat", " A MAN, in a (red)  hat!!"]
    ids = encoder.tokens(texts).ids
    assert torch.equal(ids[0], ids[1])
    plain, loud = encoder.encode_texts(texts)
    # Two rows of one float32 batch may be multiplied in blocks of unlike size.
    assert torch.allclose(plain, loud, atol=1e-6)
    assert not torch.allclose(plain, encoder.encode_texts(["a man in a red dog"])[0])


def test_words_of_the_users_text_are_explained(folder: Path) -> None:
    text = "A Red hat, a DOG."
    found = explain_pair(load_encoder(folder), picture(), text)
    assert found.words.words == ("red", "hat", "dog")
    assert (np.abs(found.word_maps).sum(axis=(1, 2)) > 0).all()
    assert [text[a:b] for a, b in found.pieces if b > a][:4] == ["A", "Red", "hat", "a"]
    assert found.relative_error < 1e-3


def test_what_is_over_the_limit_is_cut_and_still_ends(folder: Path) -> None:
    batch = load_encoder(folder).tokens(["dog " * 20])
    assert batch.ids[0].tolist()[-1] == 1
    assert batch.cut == (5,)


def test_without_tokenizer_json_the_remedy_is_that_file(folder: Path, tmp_path: Path) -> None:
    save_siglip(tmp_path)
    save_unigram(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"spiece\.model\. Copy tokenizer\.json"):
        load_encoder(tmp_path)


def test_a_tokenizer_without_its_end_token_is_refused(tmp_path: Path) -> None:
    save_siglip(tmp_path)
    save_unigram(tmp_path, eos_token=None)
    with pytest.raises(CheckpointError, match="must name eos_token and pad_token"):
        load_encoder(tmp_path)


def test_siglip_is_the_stock_model(tmp_path: Path) -> None:
    encoder = load_small("siglip", tmp_path)
    stock = SiglipModel.from_pretrained(tmp_path).eval()
    tokens = encoder.tokens(TEXTS)
    with torch.no_grad():
        out = stock(input_ids=tokens.ids, pixel_values=encoder.preprocess(IMAGES))
    assert torch.allclose(encoder.encode_images(IMAGES), out.image_embeds, atol=1e-6)
    assert torch.allclose(encoder.encode_texts(TEXTS), out.text_embeds, atol=1e-6)
    assert encoder.transform(400, 200).crop == (0, 0, 400, 200)  # squashed
    assert encoder.image_layers == encoder.text_layers + 1  # the pooling head

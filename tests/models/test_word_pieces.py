"""A checkpoint's own token ids, and rows of tokens padded on either side."""

from __future__ import annotations

from collections.abc import Sequence

from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.word_pieces import pad_left, pad_right


def test_token_ids_are_the_checkpoints_own(captioner: BlipCaptioner) -> None:
    vocabulary = captioner.text.tokenizer.get_vocab()
    text = captioner.text
    assert [text.bos, text.enc, text.sep, text.pad] == [
        vocabulary[name] for name in ("[DEC]", "[ENC]", "[SEP]", "[PAD]")
    ]
    assert text.read([text.bos, vocabulary["red"], vocabulary["car"], text.sep]) == "red car"


def test_padding_sides() -> None:
    rows: Sequence[Sequence[int]] = [[1, 2, 3], [4]]
    ids, mask = pad_left(rows, 9)
    assert (ids.tolist(), mask.tolist()) == ([[1, 2, 3], [9, 9, 4]], [[1, 1, 1], [0, 0, 1]])
    ids, mask = pad_right(rows, 9)
    assert (ids.tolist(), mask.tolist()) == ([[1, 2, 3], [4, 9, 9]], [[1, 1, 1], [1, 0, 0]])

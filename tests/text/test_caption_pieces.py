"""Captions cut into pieces: words in order, and what a caption gained and lost."""

from __future__ import annotations

from fiftyone_capviz.text.caption_pieces import compare_captions, pair_words


def test_words_are_those_of_the_caption_in_order() -> None:
    caption = "A dog, the dog's ball & a dog"
    words = pair_words(caption)
    assert [caption[one.start : one.end] for one in words] == [one.text for one in words]
    assert [one.text for one in words if one.content] == ["dog", "dog", "ball", "dog"]
    assert pair_words(" … ") == ()


def test_what_a_caption_gained_and_lost() -> None:
    change = compare_captions("the men wear <b>red</b> hats", "a man in a blue shirt")
    assert "".join(piece.text for piece in change.pieces) == "the men wear <b>red</b> hats"
    marked = [piece.text for piece in change.pieces if piece.is_new]
    assert "hats" in marked
    assert "men" not in marked
    assert set(change.lost) >= {"blue", "shirt"}
    assert compare_captions("", None).pieces == ()
    same = compare_captions("a man", "a man")
    assert [piece.is_new for piece in same.pieces] == [False]

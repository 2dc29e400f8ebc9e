"""The curves of the paper against slow references, on scenes and the bundled CLIP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.pair_curves import scene_pair
from fiftyone_capviz.attribution.pairs.explain import explain_pair
from fiftyone_capviz.attribution.pairs.layer_pairs import side_layers
from fiftyone_capviz.attribution.pairs.references import sides_with_references
from fiftyone_capviz.curation.evaluation.pair_curves import (
    LabelledPair,
    completeness_curve,
    cross_attribution,
    distributions,
    grounding_by_layer,
    grounding_by_reference,
    perturbation_curves,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.regions import patch_shares
from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.tables import KINDS

FIRST, COUNT = 741_000_000, 6


@pytest.fixture(scope="module")
def encoder() -> Any:
    return load_model("encoder", "scenes", dtype="float32")


@pytest.fixture(scope="module")
def pairs() -> list[LabelledPair]:
    return [scene_pair(FIRST + i) for i in range(COUNT)]


def test_more_nodes_miss_less_and_gauss_misses_least(encoder: Any, pairs: Any) -> None:
    curves = completeness_curve(encoder, pairs[:2], nodes=(1, 4, 16, 64))
    gauss, right = ([one["median"] for one in curves[rule]] for rule in ("gauss", "right"))
    assert [one["nodes"] for one in curves["gauss"]] == [1, 4, 16, 64]
    assert right == sorted(right, reverse=True)
    # The sum at the right ends errs by 1 / N.
    assert right[2] / right[3] == pytest.approx(4, rel=0.5)
    assert gauss[2] < right[3] / 10


def test_own_and_cross_are_sums_of_the_products_own_maps(encoder: Any, pairs: Any) -> None:
    """Against `explain_pair` and the shares of patches, a word and a thing at a time."""
    rows = cross_attribution(encoder, pairs[:1])
    slow: dict[tuple[str, str], list[float]] = {}
    for pair in pairs[:1]:
        found = explain_pair(encoder, pair.image, pair.caption)
        shares = patch_shares(pair.masks, found.transform)
        for place, word in enumerate(found.words.words):
            for label, share in zip(pair.labels, shares, strict=True):
                total = float((found.word_maps[place] * share).sum())
                slow.setdefault((word, label), []).append(total)
    assert rows
    assert any(row["word"] == row["thing"] for row in rows)
    for row in rows:
        expected = slow[row["word"], row["thing"]]
        assert row["n"] == len(expected)
        assert row["mean"] == pytest.approx(np.mean(expected), abs=1e-4)


def test_distributions_count_every_named_thing_once(encoder: Any, pairs: Any) -> None:
    spread = distributions(encoder, pairs[:1], labels=KINDS)
    rows = cross_attribution(encoder, pairs[:1])
    own = sum(row["n"] for row in rows if row["word"] == row["thing"])
    assert spread["own"]["n"] == own
    assert spread["cross"]["n"] == sum(row["n"] for row in rows) - own
    assert 0 < spread["delta_score"]["n"] == spread["delta_attribution"]["n"] <= 1
    quantiles = list(spread["own"]["quantiles"].values())
    assert quantiles == sorted(quantiles)
    assert spread["delta_score"]["quantiles"]["0.5"] < 0, "a false word lowers the score"


def test_grounding_by_reference_and_layer_share_the_default(encoder: Any, pairs: Any) -> None:
    last = encoder.image_layers - 1  # in closed form, so that sixteen are quick
    rows = grounding_by_reference(encoder, pairs[:2], layer=last)
    assert len(rows) == len({(row["image"], row["text"]) for row in rows}) == 16
    default = next(row for row in rows if (row["image"], row["text"]) == ("grey", "fillers"))
    layers = grounding_by_layer(encoder, pairs[:2])
    assert [row["layer"] for row in layers] == list(range(encoder.image_layers))
    assert layers[last]["text_layer"] == side_layers(encoder, last, None)[1]
    assert layers[last]["pga"] == default["pga"]
    assert {row["pga"]["n"] for row in [*rows, *layers]} == {default["pga"]["n"]}


def test_the_path_of_insertion_ends_where_that_of_deletion_begins(encoder: Any, pairs: Any) -> None:
    curves = perturbation_curves(encoder, pairs[:2], steps=4)
    assert set(curves) == {"cii", "cid", "cti", "ctd"}
    cosines = [
        float((encoder.encode_images([one.image]) @ encoder.encode_texts([one.caption]).T)[0, 0])
        for one in pairs[:2]
    ]
    for insertion, deletion in (("cii", "cid"), ("cti", "ctd")):
        for method in ("second_order", "random"):
            assert curves[insertion][method][-1] == pytest.approx(np.mean(cosines), abs=1e-5)
            assert curves[deletion][method][0] == pytest.approx(np.mean(cosines), abs=1e-5)
    assert np.mean(curves["cii"]["second_order"]) > np.mean(curves["cii"]["random"])


def test_references_are_what_they_say(encoder: Any, pairs: Any) -> None:
    image, caption = [pairs[0].image], [pairs[0].caption]
    own = encoder.image_side(encoder.preprocess(image), layer=0)[0]
    said = encoder.text_side(encoder.tokens(caption), layer=0)[0]
    ((text, seen),) = sides_with_references(encoder, image, caption, layer=0, text_layer=0)
    assert np.allclose(seen.reference, own.reference)
    assert np.allclose(text.reference, said.reference)
    for name in ("empty", "padding", "masked"):
        ((other, _),) = sides_with_references(
            encoder, image, caption, text_reference=name, layer=0, text_layer=0
        )
        assert other.reference.shape == text.reference.shape
        assert not np.allclose(other.reference, text.reference)
    for name in ("black", "blurred", "noise"):
        ((_, other),) = sides_with_references(
            encoder, image, caption, image_reference=name, layer=0, text_layer=0
        )
        assert not np.allclose(other.reference, seen.reference)
    with pytest.raises(InputError, match="image_reference must be one of grey"):
        sides_with_references(encoder, image, caption, image_reference="white")

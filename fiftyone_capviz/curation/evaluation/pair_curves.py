"""Curves of arXiv 2408.14153, each an evaluation of its own, on pictures with labelled things.

Insertion and deletion along their path; what the quadrature misses by its nodes; grounding by
reference and by layer; how attributions are spread; which label's word meets which label's thing.

Formulas: docs/methods.md, section 7.19.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fiftyone_capviz.evaluation.discrimination import swap_object
from fiftyone_capviz.evaluation.faithfulness import (
    STEPS,
    blank_patches,
    cut_words,
    perturbation_curve,
)
from fiftyone_capviz.evaluation.grounding import Grounding, ground
from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.records import BoolArray, CaptionWords, FloatArray
from fiftyone_capviz.text.words import caption_words

if TYPE_CHECKING:
    from fiftyone_capviz.attribution.pairs.quadrature import Quadrature
    from fiftyone_capviz.models.dual.tower import TowerEncoder

NODES = tuple(range(1, 101))
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class LabelledPair:
    """An image, its caption, and the masks of its labelled things.

    Attributes:
        image: upright RGB.
        caption: names some of the labels.
        labels: of the things.
        masks: bool "things height width".
    """

    image: Image.Image
    caption: str
    labels: tuple[str, ...]
    masks: BoolArray


@dataclass(frozen=True)
class Found:
    """One pair's maps beside its things.

    Attributes:
        maps: of the words, "words rows columns".
        named: thing and the words that name it, of those that count.
        sums: attribution of each word on each thing, "words things".
        grounding: of the named things.
    """

    maps: FloatArray
    named: list[tuple[int, tuple[int, ...]]]
    sums: FloatArray
    grounding: Grounding | None


def completeness_curve(
    encoder: TowerEncoder, pairs: Sequence[LabelledPair], *, nodes: Sequence[int] = NODES
) -> dict[str, list[dict[str, float]]]:
    """By rule and number of nodes the median and largest relative completeness error.

    At the last block of both sides, whose closed form makes every number of nodes cheap.
    """
    from fiftyone_capviz.attribution.pairs.references import sides_with_references
    from fiftyone_capviz.attribution.pairs.second_order import attribute_pair, token_factors

    sides = sides_with_references(encoder, *_inputs(pairs))
    rules: tuple[Quadrature, ...] = ("gauss", "right")
    curves: dict[str, list[dict[str, float]]] = {}
    for rule in rules:
        curves[rule] = []
        for count in nodes:
            factors = partial(token_factors, nodes=count, quadrature=rule, tolerance=None)
            made = [attribute_pair(factors(text), factors(image)) for text, image in sides]
            errors = [one.relative_error for one in made]
            point = {"nodes": count, "median": np.median(errors), "largest": np.max(errors)}
            curves[rule].append({name: float(value) for name, value in point.items()})
    return curves


def grounding_by_reference(
    encoder: TowerEncoder, pairs: Sequence[LabelledPair], *, layer: int | None = None, seed: int = 0
) -> list[dict[str, Any]]:
    """A row for each image reference with each text reference; texts that it cannot have, without.

    Args:
        encoder: made of two towers.
        pairs: to ground.
        layer: of the image; None is the encoder's default, with its text layer.
        seed: of the noise.
    """
    from fiftyone_capviz.attribution.pairs.references import IMAGE_REFERENCES, TEXT_REFERENCES

    layers = _layers(encoder, layer)
    texts = [name for name in TEXT_REFERENCES if name != "masked" or encoder.mask_id is not None]
    rows = []
    for seen in IMAGE_REFERENCES:
        for said in texts:
            found = _measured(encoder, pairs, layers, references=(seen, said), seed=seed)
            rows.append({"image": seen, "text": said, **_figures(found)})
    return rows


def grounding_by_layer(
    encoder: TowerEncoder, pairs: Sequence[LabelledPair]
) -> list[dict[str, Any]]:
    """A row for each block of the image side, counted from 0, with the text block that belongs."""
    rows = []
    for layer in range(encoder.image_layers):
        layers = _layers(encoder, layer)
        found = _measured(encoder, pairs, layers)
        rows.append({"layer": layers[0], "text_layer": layers[1], **_figures(found)})
    return rows


def distributions(
    encoder: TowerEncoder, pairs: Sequence[LabelledPair], *, labels: Sequence[str], seed: int = 0
) -> dict[str, dict[str, Any]]:
    """How attributions are spread: quantiles, share above 0, and number.

    "own": of a word on the thing it names; "cross": on a thing that it does not name. One named
    word is swapped for a label that the image does not have: "delta_score" is what the cosine
    changes, "delta_attribution" what the thing's attribution does.

    Args:
        encoder: made of two towers.
        pairs: to measure.
        labels: to draw swapped words from.
        seed: of the draws.
    """
    layers = _layers(encoder)
    found = _measured(encoder, pairs, layers)
    own = [_sum_of(one, words, thing) for one in found for thing, words in one.named]
    cross = [
        _sum_of(one, words, other)
        for one, pair in zip(found, pairs, strict=True)
        for thing, words in one.named
        for other in _others(pair, thing)
    ]
    changes = [
        change
        for i, (one, pair) in enumerate(zip(found, pairs, strict=True))
        for change in _swapped(encoder, one, pair, labels, np.random.default_rng([seed, i]), layers)
    ]
    score, attribution = (np.array([each[k] for each in changes]) for k in (0, 1))
    spread = {"own": own, "cross": cross, "delta_score": score, "delta_attribution": attribution}
    return {name: _spread(np.asarray(values, dtype=float)) for name, values in spread.items()}


def cross_attribution(encoder: TowerEncoder, pairs: Sequence[LabelledPair]) -> list[dict[str, Any]]:
    """For each pair of labels the mean attribution of the one's word on the other's thing."""
    layers = _layers(encoder)
    sums: dict[tuple[str, str], list[float]] = defaultdict(list)
    for one, pair in zip(_measured(encoder, pairs, layers), pairs, strict=True):
        for thing, words in one.named:
            for other in (thing, *_others(pair, thing)):
                key = pair.labels[thing], pair.labels[other]
                sums[key].append(_sum_of(one, words, other))
    return [
        {
            "word": word,
            "thing": thing,
            "mean": float(np.mean(values)),
            "negative": float(np.mean(np.array(values) < 0)),
            "n": len(values),
        }
        for (word, thing), values in sorted(sums.items())
    ]


def perturbation_curves(
    encoder: TowerEncoder, pairs: Sequence[LabelledPair], *, steps: int = STEPS, seed: int = 0
) -> dict[str, dict[str, list[float]]]:
    """Mean cosine along conditional insertion and deletion, of patches and of words.

    Args:
        encoder: made of two towers.
        pairs: to perturb.
        steps: of each path; the fractions of a short text are interpolated.
        seed: of the map by lot that stands beside second order.

    Returns:
        "cii", "cid", "cti", "ctd" -> "fractions", and the cosines of "second_order" and "random".
    """
    layers = _layers(encoder)
    fractions = np.linspace(0, 1, steps + 1)
    paths: dict[tuple[str, str], list[FloatArray]] = defaultdict(list)
    for i, (one, pair) in enumerate(zip(_measured(encoder, pairs, layers), pairs, strict=True)):
        blind = np.random.default_rng([seed, i]).random(one.maps.shape)
        for method, maps in (("second_order", one.maps.astype(float)), ("random", blind)):
            for name, (at, cosines) in _paths(encoder, pair, maps, steps).items():
                paths[name, method].append(np.interp(fractions, at, cosines))
    curves: dict[str, dict[str, list[float]]] = {}
    for (name, method), found in paths.items():
        curve = curves.setdefault(name, {"fractions": fractions.tolist()})
        curve[method] = np.mean(found, axis=0).tolist()
    return curves


def _paths(
    encoder: TowerEncoder, pair: LabelledPair, maps: FloatArray, steps: int
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Fractions and cosines along each path of one pair."""
    words = caption_words(pair.caption)
    transform = encoder.transform(*pair.image.size)
    whole_text, whole_image = (
        encoder.encode_texts([pair.caption]),
        encoder.encode_images([pair.image]),
    )
    found = {}
    for insertion, patches, texts in ((True, "cii", "cti"), (False, "cid", "ctd")):
        curve = perturbation_curve(maps.sum(axis=0), insertion=insertion, steps=steps)
        images = [
            blank_patches(pair.image, transform, kept.reshape(transform.grid))
            for kept in curve.kept
        ]
        cosines = (encoder.encode_images(images) @ whole_text.T)[:, 0].cpu().numpy()
        found[patches] = (np.asarray(curve.fractions), np.asarray(cosines, dtype=float))
        curve = perturbation_curve(maps.sum(axis=(1, 2)), insertion=insertion, steps=steps)
        cut = [cut_words(pair.caption, words, kept) for kept in curve.kept]
        cosines = (encoder.encode_texts(cut) @ whole_image.T)[:, 0].cpu().numpy()
        found[texts] = (np.asarray(curve.fractions), np.asarray(cosines, dtype=float))
    return found


def _layers(encoder: TowerEncoder, layer: int | None = None) -> tuple[int, int]:
    from fiftyone_capviz.attribution.pairs.layer_pairs import side_layers

    return side_layers(encoder, layer, None)


def _inputs(pairs: Sequence[LabelledPair]) -> tuple[list[Image.Image], list[str]]:
    return [one.image for one in pairs], [one.caption for one in pairs]


def _measured(
    encoder: TowerEncoder,
    pairs: Sequence[LabelledPair],
    layers: tuple[int, int],
    *,
    references: tuple[str, str] = ("grey", "fillers"),
    seed: int = 0,
) -> list[Found]:
    """Second-order maps of every pair, pair by pair: one pair's derivatives fit into memory."""
    from fiftyone_capviz.attribution.pairs.explain import attribute_sides
    from fiftyone_capviz.attribution.pairs.references import sides_with_references
    from fiftyone_capviz.attribution.words.alignment import word_rows

    found = []
    for pair in pairs:
        ((text, image),) = sides_with_references(
            encoder, [pair.image], [pair.caption], image_reference=references[0],
            text_reference=references[1], layer=layers[0], text_layer=layers[1], seed=seed,
        )  # fmt: skip
        matrix = attribute_sides(text, image).matrix.numpy()
        tokens = encoder.tokens([pair.caption])
        words = caption_words(pair.caption)
        transform = encoder.transform(*pair.image.size)
        rows = word_rows(words, tokens.offsets[0][: len(matrix)])
        maps = (rows @ matrix).reshape(len(rows), *transform.grid)
        found.append(_found(pair, words, maps, GridRegions.of(pair.masks, transform)))
    return found


def _found(
    pair: LabelledPair, words: CaptionWords, maps: FloatArray, regions: GridRegions
) -> Found:
    named = [
        (thing, tuple(chosen))
        for thing, chosen in Vocabulary(pair.labels)
        .name_regions(pair.caption, words, pair.labels)
        .pairs
        if regions.counted[thing]
    ]
    sums = np.einsum("wrc,trc->wt", maps, regions.shares)
    others = [_others(pair, thing) for thing, _ in named]
    grounding = ground(maps[None], named, regions, others=others) if named else None
    return Found(maps, named, sums, grounding)


def _others(pair: LabelledPair, thing: int) -> list[int]:
    return [i for i, label in enumerate(pair.labels) if label != pair.labels[thing]]


def _sum_of(found: Found, words: Sequence[int], thing: int) -> float:
    return float(found.sums[list(words), thing].sum())


def _figures(found: Sequence[Found]) -> dict[str, Any]:
    """Point game, energy and signs of all named things, with intervals over images."""
    groups = [i for i, one in enumerate(found) for _ in one.named]
    parts = [one.grounding for one in found if one.grounding is not None]
    if not parts:
        return {"pga": None, "pge": None, "own_positive": None, "cross_negative": None}
    all_pairs, intervals = Grounding.joined(parts), GroupIntervals(groups)
    signs = all_pairs.cross_negative[0], all_pairs.cross_count[0]
    return {
        "pga": intervals.share(all_pairs.hit[0]).to_dict(),
        "pga_lenient": intervals.share(all_pairs.lenient[0]).to_dict(),
        "pge": intervals.median(all_pairs.energy[0]).to_dict(),
        "own_positive": intervals.share(all_pairs.own[0] > 0).to_dict(),
        "cross_negative": intervals.ratio(*signs).to_dict(),
    }


def _swapped(
    encoder: TowerEncoder,
    found: Found,
    pair: LabelledPair,
    labels: Sequence[str],
    rng: np.random.Generator,
    layers: tuple[int, int],
) -> list[tuple[float, float]]:
    """What one swapped word changes in the cosine and in its thing's attribution; at most one."""
    single = [(thing, words[0]) for thing, words in found.named if len(words) == 1]
    if not single:
        return []
    thing, word = single[int(rng.integers(len(single)))]
    swap = swap_object(
        pair.caption, caption_words(pair.caption), word, labels=labels,
        absent_from=pair.labels, rng=rng,
    )  # fmt: skip
    if swap is None:
        return []
    false = _measured(encoder, [replace(pair, caption=swap.text)], layers)[0]
    new = [i for i, each in enumerate(caption_words(swap.text).words) if each in swap.new.split()]
    if not new:
        return []
    said = encoder.encode_texts([pair.caption, swap.text]) @ encoder.encode_images([pair.image]).T
    return [(float(said[1, 0] - said[0, 0]), _sum_of(false, new, thing) - found.sums[word, thing])]


def _spread(values: FloatArray) -> dict[str, Any]:
    if not len(values):
        return {"n": 0, "positive": None, "quantiles": {}}
    return {
        "n": len(values),
        "positive": float((values > 0).mean()),
        "quantiles": {f"{q:g}": float(np.quantile(values, q)) for q in QUANTILES},
    }

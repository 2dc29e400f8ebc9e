"""The models of an evaluation, each as maps of all its variants and as a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from PIL.Image import Image

from fiftyone_capviz.curation.inference.loaded_models import (
    load_captioner,
    load_matcher,
    model_cache,
)
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.models.attention_shape import require_gradient
from fiftyone_capviz.records import BoolArray, CaptionWords, FloatArray
from fiftyone_capviz.settings.analysis import GRADCAM
from fiftyone_capviz.settings.evaluation import BLIP_METHODS, EvaluationOptions
from fiftyone_capviz.settings.pairs import LAYERED_METHODS

if TYPE_CHECKING:
    import torch

    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import Captioner, Matcher
    from fiftyone_capviz.settings.pairs import PairMethod


"""Methods of a dual encoder that stand for one layer."""


@dataclass(frozen=True, eq=False)
class CaptionVariants:
    """All maps of one caption.

    Attributes:
        maps: float32 "variants words rows columns".
        transform: of the image to the grid.
        error: completeness error over the sum of |A|; nan for methods without one.
    """

    maps: FloatArray
    transform: PixelTransform
    error: float = float("nan")

    @property
    def unread(self) -> BoolArray:
        """Words that the model never saw, beyond its token limit: no variant says anything."""
        found: BoolArray = np.abs(self.maps).max(axis=(0, 2, 3), initial=0) == 0
        return found


class MapSource(Protocol):
    """A model that attributes, and scores what it attributes."""

    name: str
    variants: list[Variant]
    score_name: str
    revision: str
    batch_size: int

    def maps(
        self, images: Sequence[Image], texts: Sequence[str], words: Sequence[CaptionWords]
    ) -> list[CaptionVariants]:
        """Maps of every caption's words."""
        ...

    def default(self, method: str) -> Variant:
        """The variant of a method that the product uses by default."""
        ...

    def score(self, images: Sequence[Image], texts: Sequence[str]) -> FloatArray:
        """How well image and text fit, pair by pair."""
        ...


class BlipSource:
    """A BLIP matcher or captioner: Grad-CAM and cross-attention by layer and head."""

    def __init__(self, name: str, model: Matcher | Captioner, options: EvaluationOptions) -> None:
        from fiftyone_capviz.models.interfaces import caption_attention, match_attention

        self.name = name
        self.score_name = {"itm": "match probability", "lm": "log-likelihood per token"}[name]
        self.revision, self.batch_size = model.revision, options.batch_size or 16
        self._model, self._clamp, self._heads = model, options.clamp, options.heads
        seen = match_attention(model) if name == "itm" else caption_attention(model)
        self._attention = seen
        heads = range(seen.head_count) if options.heads else ()
        self.variants = [
            Variant(name, method, layer, head)
            for method in BLIP_METHODS
            for layer in range(seen.layer_count)
            for head in (None, *heads)
        ]

    def maps(
        self, images: Sequence[Image], texts: Sequence[str], words: Sequence[CaptionWords]
    ) -> list[CaptionVariants]:
        """Maps of every layer and head, from one forward and one backward pass."""
        from fiftyone_capviz.attribution.words.methods import all_method_maps

        places = [self._model.transform(*image.size) for image in images]
        by_method = all_method_maps(
            self._attention,
            self._features(images),
            captions=texts,
            words=words,
            grids=[place.grid for place in places],
            methods=BLIP_METHODS,
            clamp=self._clamp,
            per_head=self._heads,
        )
        found = []
        for i, place in enumerate(places):
            parts = [_with_mean(by_method[method][i], self._heads) for method in BLIP_METHODS]
            # A word that was not read is one whose maps are all zero; see `unread`.
            found.append(CaptionVariants(np.nan_to_num(np.concatenate(parts)), place))
        return found

    def default(self, method: str) -> Variant:
        """The model's default layer, the mean of the heads."""
        return Variant(self.name, method, self._attention.default_layer, None)

    def require_gradient(self, variant: Variant) -> None:
        """Refuse a variant whose maps are all zero.

        Raises:
            InputError: naming the layer below.
        """
        from fiftyone_capviz.models.interfaces import shape_of

        if variant.method == GRADCAM:
            require_gradient(self._model.spec, variant.layer, shape_of(self._attention))

    def score(self, images: Sequence[Image], texts: Sequence[str]) -> FloatArray:
        """Match probability, or mean log-probability per token."""
        from fiftyone_capviz.models.interfaces import Matcher

        features = self._features(images)
        if isinstance(self._model, Matcher):
            return np.array([m.probability for m in self._model.score(features, list(texts))])
        model: Captioner = self._model
        prompts = [model.default_prompt] * len(texts)
        # Where a text has no word left, its end is all there is to predict.
        return np.asarray(model.log_likelihood(features, list(texts), prompts=prompts), float)

    def _features(self, images: Sequence[Image]) -> torch.Tensor:
        """Of every image; one that is there several times is encoded once."""
        import torch

        distinct = list({id(image): image for image in images}.values())
        place = {id(image): i for i, image in enumerate(distinct)}
        encoded = torch.cat(
            [
                self._model.encode(self._model.preprocess(distinct[i : i + self.batch_size]))
                for i in range(0, len(distinct), self.batch_size)
            ]
        )
        return encoded[torch.tensor([place[id(image)] for image in images])]


def _with_mean(maps: FloatArray, heads: bool) -> FloatArray:
    """All maps of one caption, the mean of each layer first.

    Args:
        maps: "layers heads words rows columns".
        heads: keep the heads beside their mean.

    Returns:
        "variants words rows columns".
    """
    mean = maps.mean(axis=1, keepdims=True)
    stacked = np.concatenate([mean, maps], axis=1) if heads else mean
    # Not -1: a caption without a content word has no maps to divide by.
    return stacked.reshape(stacked.shape[0] * stacked.shape[1], *stacked.shape[2:])


class DualSource:
    """A dual encoder: second-order attributions and the paper's baselines."""

    score_name = "cosine"

    def __init__(self, encoder: Any, options: EvaluationOptions) -> None:
        self.name = "dual"
        self.revision, self.batch_size = encoder.revision, options.batch_size or 8
        self._encoder = encoder
        self._default = int(encoder.default_layer)
        every = range(int(encoder.image_layers))
        self.variants = []
        for method in options.dual_methods:
            layers = set(every) if options.dual_layers == "all" else {self._default}
            if (options.shown_source, options.shown_method) == ("dual", method):
                layers |= {layer for layer in every if layer == options.shown_layer}
            chosen = sorted(layers) if method in LAYERED_METHODS else [None]
            self.variants += [Variant("dual", method, layer) for layer in chosen]

    def maps(
        self, images: Sequence[Image], texts: Sequence[str], words: Sequence[CaptionWords]
    ) -> list[CaptionVariants]:
        """Maps of every method, one pass of the model per method and layer."""
        from fiftyone_capviz.attribution.pairs.explain import explain_pairs

        by_variant = [
            explain_pairs(
                self._encoder,
                images,
                texts,
                method=cast("PairMethod", each.method),
                layer=each.layer,
            )
            for each in self.variants
        ]
        exact = next(
            (i for i, v in enumerate(self.variants) if v == self.default("second_order")), -1
        )
        found = []
        for i, named in enumerate(words):
            pairs = [explained[i] for explained in by_variant]
            maps = np.stack([_in_order(pair, named) for pair in pairs])
            error = pairs[exact].relative_error if exact >= 0 else float("nan")
            found.append(CaptionVariants(maps, pairs[0].transform, error))
        return found

    def default(self, method: str) -> Variant:
        """The encoder's default layer."""
        return Variant("dual", method, self._default if method in LAYERED_METHODS else None)

    def score(self, images: Sequence[Image], texts: Sequence[str]) -> FloatArray:
        """Cosines; equal images and equal texts are encoded once."""
        distinct = list({id(image): image for image in images}.values())
        place = {id(image): i for i, image in enumerate(distinct)}
        spoken = list(dict.fromkeys(texts))
        seen = self._encoder.encode_images(distinct).double().cpu().numpy()
        said = self._encoder.encode_texts(spoken).double().cpu().numpy()
        rows = np.array([place[id(image)] for image in images])
        columns = np.array([spoken.index(text) for text in texts])
        cosines: FloatArray = (seen[rows] * said[columns]).sum(axis=1)
        return cosines


def _in_order(pair: Any, words: CaptionWords) -> FloatArray:
    """The maps of these words, in their order; zeros for one that was cut off."""
    places = {w: i for i, w in enumerate(pair.words.words) if w not in pair.unread}
    blank = np.zeros(pair.word_maps.shape[1:], np.float32)
    rows = [pair.word_maps[places[w]] if w in places else blank for w in words.words]
    return np.stack(rows) if rows else np.zeros((0, *blank.shape), np.float32)


def load_sources(
    options: EvaluationOptions, cache: ModelCache | None = None
) -> tuple[list[MapSource], Captioner | None]:
    """The models that the options ask for; the captioner too where steering is measured.

    Raises:
        ModelError: one cannot be had.
        InputError: a layer or head for the fields that the model does not have.
    """
    analysis = options.model_options()
    wanted = set(options.sources)
    steering = "steering" in options.measures and options.steering_samples > 0
    captioner = load_captioner(analysis, cache) if "lm" in wanted or steering else None
    sources: list[MapSource] = []
    if "itm" in wanted:
        sources.append(BlipSource("itm", load_matcher(analysis, cache), options))
    if "lm" in wanted and captioner is not None:
        sources.append(BlipSource("lm", captioner, options))
    if "dual" in wanted:
        models = cache if cache is not None else model_cache()
        encoder = models.get("encoder", options.encoder, device=options.device, dtype=options.dtype)
        sources.append(DualSource(encoder, options))
    return sources, captioner if steering else None


def shown_variant(options: EvaluationOptions, sources: Sequence[MapSource]) -> Variant:
    """The variant whose scores go to the fields.

    Raises:
        InputError: the model has no such layer or head.
    """
    from fiftyone_capviz.errors import InputError

    source = next(each for each in sources if each.name == options.shown_source)
    variant = replace(source.default(options.shown_method), head=options.shown_head)
    if options.shown_layer is not None:
        variant = replace(variant, layer=options.shown_layer)
    if variant not in source.variants:
        layers = sorted({v.layer for v in source.variants if v.layer is not None})
        raise InputError(
            f"shown_layer and shown_head must be a layer and head that were measured; got "
            f"{variant.name}. Layers: {', '.join(map(str, layers)) or 'none to choose'}."
        )
    if isinstance(source, BlipSource):
        source.require_gradient(variant)
    return variant

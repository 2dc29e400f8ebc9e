"""The models of a run: which checkpoints, on which device, in which precision.

One :class:`~fiftyone_capviz.models.cache.ModelCache` serves the whole process. It lives in this
module, not in the plugin's ``__init__.py``, which FiftyOne executes anew for every request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fiftyone_capviz.errors import InputError, ModelError
from fiftyone_capviz.models.attention_shape import require_gradient
from fiftyone_capviz.settings.analysis import GRADCAM, MODEL_KINDS, AnalysisOptions, Stage
from fiftyone_capviz.settings.pairs import PairSettings

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import (
        CaptionAttention,
        Captioner,
        DualEncoder,
        ImageEncoder,
        MatchAttention,
        Matcher,
        Segmenter,
    )

# (largest input side in pixels, images per batch) on a CPU; a GPU takes GPU_FACTOR times as many.
CPU_BATCHES = ((160, 16), (256, 8), (10_000, 4))
GPU_FACTOR = 8
# Options that a mask generator takes; with min_area it need not make what would be dropped.
THRESHOLDS = ("points_per_side", "pred_iou_thresh", "stability_score_thresh", "min_area")


@dataclass(frozen=True)
class Setting:
    """Where a run computes: device and precision as torch names, and what the models are."""

    device: str
    precision: str
    revisions: dict[str, str]


@dataclass(frozen=True)
class LoadedModels:
    """The loaded models; None where no stage needs one."""

    captioner: Captioner | None
    matcher: Matcher | None
    segmenter: Segmenter | None
    encoder: DualEncoder | None
    batch_size: int

    def layer(self, options: AnalysisOptions) -> int | None:
        """The attribution layer of this run, the model's default resolved."""
        model = self.attributing(options)
        if options.layer is not None or model is None:
            return options.layer
        return model.default_layer

    def attributing(
        self, options: AnalysisOptions
    ) -> CaptionAttention | MatchAttention | DualEncoder | None:
        """The model that attributes words to patches.

        Raises:
            InputError: one that does not show its attention.
        """
        from fiftyone_capviz.models.interfaces import caption_attention, match_attention

        kind = options.stage_model("attribute")
        if kind == "encoder":
            return self.encoder
        if kind == "matcher":
            return None if self.matcher is None else match_attention(self.matcher)
        return None if self.captioner is None else caption_attention(self.captioner)


@lru_cache(maxsize=1)
def model_cache() -> ModelCache:
    """The cache of this process."""
    from fiftyone_capviz.models.cache import ModelCache

    return ModelCache()


def resolve_device(options: AnalysisOptions) -> str:
    """The device as torch writes it.

    Raises:
        InputError: if this machine has no such device.
    """
    from fiftyone_capviz.models.devices import choose_device

    return str(choose_device(options.device))


def resolve_precision(options: AnalysisOptions, device: str) -> str:
    """ "float32", "bfloat16" or "float16"."""
    import torch

    from fiftyone_capviz.models.devices import choose_dtype

    dtype = choose_dtype(options.dtype, device=torch.device(device))
    return str(dtype).removeprefix("torch.")


def model_kinds(options: AnalysisOptions, stages: Sequence[Stage]) -> tuple[str, ...]:
    """Which models these stages load: some of `MODEL_KINDS`."""
    kinds = {
        options.stage_model(stage)
        for stage in stages
        if stage != "map" and not (stage == "segment" and options.own_segments)
    }
    return tuple(kind for kind in MODEL_KINDS if kind in kinds)


def resolve_setting(options: AnalysisOptions, stages: Sequence[Stage]) -> Setting:
    """Device, precision and revisions; finds the checkpoints but loads no weights.

    Raises:
        InputError, ModelError: what cannot be had, and the remedy.
    """
    from fiftyone_capviz.models.registry import revision_of

    device = resolve_device(options)
    kinds = set(model_kinds(options, stages)) | ({"captioner"} if "map" in stages else set())
    revisions = {kind: revision_of(kind, getattr(options, kind)) for kind in sorted(kinds)}
    return Setting(device, resolve_precision(options, device), revisions)


def load_captioner(options: AnalysisOptions, cache: ModelCache | None = None) -> Captioner:
    """The captioner of these options, from the cache if it is there."""
    model: Captioner = _load("captioner", options, cache)
    return model


def load_matcher(options: AnalysisOptions, cache: ModelCache | None = None) -> Matcher:
    """The matcher of these options, from the cache if it is there."""
    model: Matcher = _load("matcher", options, cache)
    return model


def load_segmenter(options: AnalysisOptions, cache: ModelCache | None = None) -> Segmenter:
    """The segmenter of these options, with their thresholds, from the cache if it is there."""
    model: Segmenter = _load("segmenter", options, cache)
    return _with_thresholds(model, options)


def load_encoder(settings: PairSettings, cache: ModelCache | None = None) -> DualEncoder:
    """The dual encoder of these settings, from the cache if it is there."""
    model: DualEncoder = (cache if cache is not None else model_cache()).get(
        "encoder", settings.encoder, device=settings.device, dtype=settings.dtype
    )
    return model


def load_models(
    options: AnalysisOptions, stages: Sequence[Stage], cache: ModelCache | None = None
) -> LoadedModels:
    """Load what these stages need, and check what only the models know.

    Raises:
        ModelError: a model cannot be had.
        InputError: a layer or head that the model does not have.
    """
    kinds = model_kinds(options, stages)
    captioner = load_captioner(options, cache) if "captioner" in kinds else None
    matcher = load_matcher(options, cache) if "matcher" in kinds else None
    segmenter = load_segmenter(options, cache) if "segmenter" in kinds else None
    encoder = _load("encoder", options, cache) if "encoder" in kinds else None
    seeing: list[ImageEncoder | DualEncoder] = [
        each for each in (captioner, matcher, encoder) if each is not None
    ]
    size = automatic_batch_size(options, seeing)
    engines = LoadedModels(captioner, matcher, segmenter, encoder, size)
    if "attribute" in stages:
        _check_layer(options, engines.attributing(options))
    return engines


def automatic_batch_size(
    options: AnalysisOptions, encoders: Sequence[ImageEncoder | DualEncoder]
) -> int:
    """The batch size asked for, else one that suits the models' input size and the device."""
    if options.batch_size is not None:
        return options.batch_size
    side = 0
    for encoder in encoders:
        side = max(side, encoder.preprocess([_probe_image()]).shape[-1])
    size = next(count for largest, count in CPU_BATCHES if side <= largest)
    return size * GPU_FACTOR if resolve_device(options).startswith("cuda") else size


def share_preprocessing(first: ImageEncoder, second: ImageEncoder) -> bool:
    """Whether two models see the same pixels, tried on noise: then images are prepared once."""
    import torch

    ours, theirs = first.preprocess([_probe_image()]), second.preprocess([_probe_image()])
    return ours.shape == theirs.shape and bool(torch.equal(ours, theirs))


@contextmanager
def models_in_use(cache: ModelCache | None = None, *, wait: float | None = None) -> Iterator[None]:
    """Keep the models to one thread at a time: the App's server answers on several.

    Args:
        cache: of models; default the process's own.
        wait: seconds; an answer that a user waits for gives up after them. Default: no limit.

    Raises:
        ModelError: something else kept the models that long; an analysis keeps them to its end.
    """
    lock = (cache if cache is not None else model_cache()).lock
    if not lock.acquire(timeout=-1 if wait is None else wait):
        raise ModelError(
            f"The models were in use for {wait:.0f} seconds, probably by an analysis. Wait for its "
            "end, or stop it by the operator 'Stop analysis', and try again."
        )
    try:
        yield
    finally:
        lock.release()


def _load(kind: str, options: AnalysisOptions, cache: ModelCache | None) -> Any:
    return (cache if cache is not None else model_cache()).get(
        kind, getattr(options, kind), device=options.device, dtype=options.dtype
    )


def _with_thresholds(model: Segmenter, options: AnalysisOptions) -> Segmenter:
    """The same weights with this run's thresholds; a segmenter without any stays as it is."""
    tunable: Any = model
    if not hasattr(model, "with_options"):
        return model
    asked = {name: getattr(options, name) for name in THRESHOLDS}
    known = {item.name for item in fields(tunable.options)}
    changes = {k: value for k, value in asked.items() if k in known and value is not None}
    tuned: Segmenter = tunable.with_options(replace(tunable.options, **changes))
    return tuned


def _check_layer(
    options: AnalysisOptions, model: CaptionAttention | MatchAttention | DualEncoder | None
) -> None:
    from fiftyone_capviz.models.interfaces import DualEncoder, shape_of

    if model is None:
        return
    counts = (
        {"layer": model.image_layers}
        if isinstance(model, DualEncoder)
        else {"layer": model.layer_count, "head": model.head_count}
    )
    for name, count in counts.items():
        value = getattr(options, name)
        if value is not None and value >= count:
            raise InputError(
                f"{model.spec!r} has {count} {name}s, 0 to {count - 1}; got {name}={value}."
            )
    if (options.source, options.method) == ("itm", GRADCAM) and not isinstance(model, DualEncoder):
        require_gradient(model.spec, options.layer, shape_of(model))


@lru_cache(maxsize=1)
def _probe_image() -> PILImage:
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (61, 97, 3), dtype=np.uint8)
    return Image.fromarray(noise)

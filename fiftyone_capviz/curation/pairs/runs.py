"""Where explained pairs came from: one custom run per caption field, ``capviz_pairs_<caption>``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from fiftyone_capviz.curation.dataset.runs import (
    PAIRS,
    RunState,
    caption_names,
    installed_versions,
    is_of_kind,
    now,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.pairs import PAIR_METHODS, PairSettings

if TYPE_CHECKING:
    from fiftyone_capviz.models.interfaces import DualEncoder


@dataclass(frozen=True)
class PairRun:
    """What the custom run stores.

    Attributes:
        caption_field, caption_index: whose captions, and which of a list.
        encoder, revision: name and fingerprint of the checkpoint.
        method, nodes: how pairs were explained.
        layer, text_layer: zero-based blocks of both sides, defaults resolved.
        default_layer: of the image side, what no choice of a layer means.
        image_layers: how many there are.
        precision, device: what the encoder ran in and on.
        hash: of these settings, as the samples hold it.
        asked_device: "auto", or what was asked for.
        counts, seconds: of the last run that explained something.
        pace: hash and device asked for -> seconds per pair; of earlier settings too.
        earlier: hash -> description of other settings whose results samples still hold.
        state: how the last run ended.
    """

    caption_field: str
    encoder: str
    revision: str
    method: str
    layer: int
    text_layer: int
    nodes: int
    default_layer: int
    image_layers: int
    precision: str
    device: str
    hash: str
    asked_device: str = "auto"
    caption_index: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    pace: dict[str, float] = field(default_factory=dict)
    earlier: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=installed_versions)
    state: RunState = "running"
    started: str = field(default_factory=now)
    finished: str | None = None

    @property
    def description(self) -> str:
        """The settings in words."""
        nodes = f", {self.nodes} nodes" if self.method == "second_order" else ""
        return (
            f"{PAIR_METHODS[self.method]} at layer {self.layer} (text layer {self.text_layer})"
            f"{nodes}, {self.encoder} in {self.precision}"
        )

    @property
    def descriptions(self) -> dict[str, str]:
        """Hash -> settings in words, of this run and of earlier ones."""
        return {**self.earlier, self.hash: self.description}

    @property
    def pace_key(self) -> str:
        """Under which `pace` has this run's."""
        return pace_key(self.hash, self.asked_device)


def pair_run(
    settings: PairSettings,
    encoder: DualEncoder,
    *,
    caption_field: str,
    caption_index: int,
    last: PairRun | None,
) -> PairRun:
    """The run of these settings as it begins, with what is known from the last one."""
    from fiftyone_capviz.attribution.pairs.layer_pairs import side_layers

    layer, text_layer = side_layers(encoder, settings.layer, None)
    precision = str(encoder.dtype).removeprefix("torch.")
    settings_hash = settings.result_hash(encoder.revision, precision=precision, layer=layer)
    earlier = {} if last is None else last.descriptions
    return PairRun(
        caption_field=caption_field,
        caption_index=caption_index,
        encoder=settings.encoder,
        revision=encoder.revision,
        method=settings.method,
        layer=layer,
        text_layer=text_layer,
        nodes=settings.nodes,
        default_layer=encoder.default_layer,
        image_layers=encoder.image_layers,
        precision=precision,
        device=str(encoder.device),
        hash=settings_hash,
        asked_device=settings.device,
        pace={} if last is None else last.pace,
        earlier={key: told for key, told in earlier.items() if key != settings_hash},
    )


def expected_hash(settings: PairSettings, last: PairRun | None) -> str:
    """The hash of these settings, as far as the last run tells it without loading the encoder.

    Returns:
        "" where the last run had another encoder, so that every stored result counts as another's.
    """
    if last is None or last.encoder != settings.encoder:
        return ""
    layer = last.default_layer if settings.layer is None else settings.layer
    precision = last.precision if settings.dtype == "auto" else settings.dtype
    return settings.result_hash(last.revision, precision=precision, layer=layer)


def pace_key(settings_hash: str, device: str) -> str:
    """Under which `PairRun.pace` has the seconds per pair of these settings."""
    return f"{settings_hash} {device}"


def check_pair_run_key(dataset: fo.Dataset, caption_field: str) -> None:
    """Refuse a key that another kind of run has.

    Raises:
        InputError: another caption field's analysis has it.
    """
    key = caption_names(dataset, caption_field).pairs.run_key
    if dataset.has_run(key) and read_pair_run(dataset, caption_field) is None:
        raise InputError(
            f"The run {key!r} holds no explained pairs of {caption_field!r}, and would be "
            "replaced. Explain captions of another field, or rename this one."
        )


def read_pair_run(dataset: fo.Dataset, caption_field: str) -> PairRun | None:
    """The run of a caption field's explained pairs, None if there is none."""
    key = caption_names(dataset, caption_field).pairs.run_key
    if not is_of_kind(dataset, key, PAIRS):
        return None
    config: Any = dataset.get_run_info(key).config
    if config.caption_field != caption_field:
        return None
    stored = {one.name: getattr(config, one.name) for one in fields(PairRun)}
    for name in ("counts", "pace", "earlier", "versions"):
        stored[name] = dict(stored[name])
    return PairRun(**stored)


def write_pair_run(dataset: fo.Dataset, run: PairRun) -> None:
    """Store the run, replacing the earlier one."""
    key = caption_names(dataset, run.caption_field).pairs.run_key
    config = dataset.init_run(kind=PAIRS, **asdict(run))
    if dataset.has_run(key):
        dataset.update_run_config(key, config)
    else:
        dataset.register_run(key, config)


def delete_pair_run(dataset: fo.Dataset, caption_field: str) -> list[str]:
    """Remove the run, not the fields; its key, if there was one."""
    key = caption_names(dataset, caption_field).pairs.run_key
    if read_pair_run(dataset, caption_field) is None:
        return []
    dataset.delete_run(key)
    return [key]

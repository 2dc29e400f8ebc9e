"""Provenance: one custom run per caption field says where its results came from.

The record holds no dataset name and no dataset id, so it stays true in a clone and after a rename.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import fiftyone as fo

from fiftyone_capviz.curation.dataset.captions import is_there
from fiftyone_capviz.curation.dataset.names import CaptionFields, EvaluationFields
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import STAGE_OPTIONS, AnalysisOptions, Stage

PREFIX = "capviz_"
DEFAULT_CAPTION = AnalysisOptions.caption_field
EVALUATION, PAIRS = "evaluation", "pairs"
"""Kinds of runs beside the analysis, which has none."""
PACKAGES = ("fiftyone-capviz", "fiftyone", "torch", "transformers", "numpy")
RunState = Literal["running", "done", "stopped", "failed"]
Json = str | int | float | bool | None


@dataclass(frozen=True)
class RunRecord:
    """What the custom run ``capviz_<caption>`` stores.

    Attributes:
        revisions: model kind -> fingerprint of its checkpoint.
        precision, device: what the models ran in and on.
        layer: the attribution layer that was used, the model's default resolved.
        counts, seconds: of the last run that computed something.
        notes: what it did not read, did not see or cut, in sentences.
        pace: seconds per sample of each stage, of the last run in which it ran.
        state: how the last run ended.
        active: whether the attributes of the segments describe this caption field.
        map: what is known of the map: hash, and whether it is complete.
        segments_fields: every segments field that its runs have used.
        added_attributes: paths that they added inside labels of the user's.
        extra: room for other parts (steering recipes).
    """

    caption_field: str
    segments_field: str
    options: dict[str, Json] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    precision: str = ""
    device: str = ""
    batch_size: int | None = None
    layer: int | None = None
    stages: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    pace: dict[str, float] = field(default_factory=dict)
    state: RunState = "running"
    started: str = ""
    finished: str | None = None
    active: bool = False
    map: dict[str, Json] = field(default_factory=dict)
    segments_fields: list[str] = field(default_factory=list)
    added_attributes: list[str] = field(default_factory=list)
    extra: dict[str, object] = field(default_factory=dict)


def used_segments(record: RunRecord) -> list[str]:
    """Every segments field that a caption field's analyses have used."""
    return list(dict.fromkeys([*record.segments_fields, record.segments_field]))


def caption_names(dataset: fo.Dataset, caption_field: str) -> CaptionFields:
    """Names of a caption field's derived fields, with the prefix that its analysis has."""
    plain = CaptionFields(caption_field)
    for key in sorted(dataset.list_runs(), key=lambda one: one != plain.run_key):
        if key.startswith(PREFIX) and _analysed_field(dataset, key) == caption_field:
            options = getattr(_config(dataset, key), "options", None) or {}
            return CaptionFields(caption_field, str(options.get("derived_prefix") or ""))
    return plain


def with_prefix(dataset: fo.Dataset, options: AnalysisOptions) -> AnalysisOptions:
    """The options with the prefix that the caption field's analysis has.

    Raises:
        InputError: another prefix is asked for; a caption field has one.
    """
    if not _is_analysed(dataset, options.caption_field):
        return options
    names = caption_names(dataset, options.caption_field)
    if options.derived_prefix not in ("", names.stem):
        raise InputError(
            f"The derived fields of {names.caption!r} begin with {names.stem!r} already; got "
            f"derived_prefix={options.derived_prefix!r}. Leave it out, or delete that analysis "
            "first (delete_analysis)."
        )
    return replace(options, derived_prefix=names.prefix)


def _is_analysed(dataset: fo.Dataset, caption_field: str) -> bool:
    return caption_field in list_runs(dataset)


def _analysed_field(dataset: fo.Dataset, key: str) -> str | None:
    """The caption field of an analysis' run; None for a run of another kind."""
    config = _config(dataset, key)
    if getattr(config, "kind", None) is not None:  # an evaluation, not an analysis
        return None
    return str(getattr(config, "caption_field", key[len(PREFIX) :]))


def read_run(dataset: fo.Dataset, caption_field: str) -> RunRecord | None:
    """The record of a caption field's analysis, None if there is none."""
    key = caption_names(dataset, caption_field).run_key
    if not dataset.has_run(key) or _analysed_field(dataset, key) != caption_field:
        return None
    config = dataset.get_run_info(key).config
    known = {item.name for item in fields(RunRecord)}
    stored = {name: _plain(getattr(config, name)) for name in known if hasattr(config, name)}
    return replace(RunRecord(caption_field, stored.get("segments_field", "segments")), **stored)


def _plain(value: Any) -> Any:
    """Plain dicts and lists instead of the database layer's own, which cannot be copied."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def write_run(dataset: fo.Dataset, record: RunRecord) -> None:
    """Store the record, replacing the earlier one."""
    prefix = str(record.options.get("derived_prefix") or "")
    key = CaptionFields(record.caption_field, prefix).run_key
    config = dataset.init_run(**asdict(record))
    if dataset.has_run(key):
        dataset.update_run_config(key, config)
    else:
        dataset.register_run(key, config)


def delete_run(dataset: fo.Dataset, caption_field: str) -> None:
    """Remove the record, if there is one."""
    key = caption_names(dataset, caption_field).run_key
    if dataset.has_run(key) and _analysed_field(dataset, key) == caption_field:
        dataset.delete_run(key)


def list_runs(dataset: fo.Dataset) -> list[str]:
    """The caption fields that have been analysed."""
    keys = [key for key in dataset.list_runs() if key.startswith(PREFIX)]
    found = [_analysed_field(dataset, key) for key in keys]
    return [field for field in found if field is not None]


def caption_fields_of_runs(dataset: fo.Dataset) -> list[str]:
    """The caption fields that have been analysed, explained as pairs, or evaluated."""
    keys = [key for key in dataset.list_runs() if key.startswith(PREFIX)]
    found = [getattr(_config(dataset, key), "caption_field", None) for key in keys]
    return list(dict.fromkeys([*list_runs(dataset), *(str(one) for one in found if one)]))


def active_caption(dataset: fo.Dataset, segments_field: str) -> str | None:
    """The caption field that the attributes of these segments describe."""
    for name in list_runs(dataset):
        record = read_run(dataset, name)
        if record is not None and record.active and record.segments_field == segments_field:
            return name
    return None


def set_active_caption(dataset: fo.Dataset, segments_field: str, caption_field: str) -> None:
    """Note which caption field the attributes of these segments describe from now on."""
    for name in list_runs(dataset):
        record = read_run(dataset, name)
        if record is None:
            continue
        active = name == caption_field
        if record.active != active and (active or record.segments_field == segments_field):
            write_run(dataset, replace(record, active=active))


def installed_versions() -> dict[str, str]:
    """Versions of what the results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def what_differs(
    record: RunRecord | None,
    options: AnalysisOptions,
    stages: tuple[Stage, ...],
    *,
    revisions: Mapping[str, str],
    precision: str,
) -> dict[str, tuple[object, object]]:
    """Option or model -> (stored, asked), of what the stages depend on."""
    if record is None:
        return {}
    found: dict[str, tuple[object, object]] = {}
    asked = options.to_dict()
    for stage in stages:
        model = options.stage_model(stage)
        for name in (*STAGE_OPTIONS[stage], model):
            if name in record.options and record.options[name] != asked[name]:
                found[name] = (record.options[name], asked[name])
        stored = record.revisions.get(model)
        if stored and model not in found and stored != revisions.get(model):
            found[f"{model} weights"] = (stored, revisions.get(model))
    if record.precision and record.precision != precision:
        found["precision"] = (record.precision, precision)
    return found


def last_options(dataset: fo.Dataset, caption_field: str) -> AnalysisOptions | None:
    """The options of the last analysis of a caption field; None if it was never analysed.

    Who goes on with an analysis begins here, and differs in what comes on top:

    - `continued_options`, for work on captions that are there (steering, the panels): the plain
      defaults without an analysis, and the caption field must exist.
    - `called_options` of the operators: the same, changed by what the call names.
    - `form_defaults` of the operators: what a form of the App shows first. Where the field asked
      for was never analysed it is another one's analysis; what belongs to one run alone (existing,
      device, batch size) is not taken over.
    - `default_options` of an evaluation: models, index, clamp and variant of the analysis, where
      the evaluation measures these.
    """
    record = read_run(dataset, caption_field)
    if record is None:
        return None
    # Writing over a user's captions is a choice for one run.
    return replace(AnalysisOptions.from_dict(record.options), overwrite_captions=False)


def continued_options(
    dataset: fo.Dataset, caption_field: str | None, options: AnalysisOptions | None = None
) -> AnalysisOptions:
    """The options given, else those of the last analysis of this caption field.

    Raises:
        InputError: there is no such caption field, or an option cannot be used.
    """
    if options is None:
        options = last_options(dataset, caption_field or DEFAULT_CAPTION) or AnalysisOptions()
    if caption_field is not None:
        options = replace(options, caption_field=caption_field)
    options = with_prefix(dataset, options.validated())
    if not is_there(dataset, options.caption_field):
        analysed = ", ".join(map(repr, list_runs(dataset)))
        remedy = f"Name one that is analysed: {analysed}; or run" if analysed else "Run"
        raise InputError(
            f"Steering needs captions; {dataset.name!r} has no field {options.caption_field!r}. "
            f"{remedy} caption_images first."
        )
    return options


def list_evaluations(dataset: fo.Dataset, caption_field: str | None = None) -> list[str]:
    """Keys of the stored evaluations: all, or those of one caption field."""
    found = []
    for key in dataset.list_runs():
        if is_of_kind(dataset, key, EVALUATION) and caption_field in (
            None,
            _config(dataset, key).caption_field,
        ):
            found.append(key)
    return found


def written_paths(dataset: fo.Dataset, key: str) -> set[str]:
    """Fields of samples and attributes of regions that a stored evaluation wrote."""
    config = _config(dataset, key)
    plain = EvaluationFields(config.caption_field).paths  # an earlier version's, whatever the name
    return set(getattr(config, "fields", plain))


def is_of_kind(dataset: fo.Dataset, key: str, kind: str) -> bool:
    """Whether a run of this key is stored, and is one of `EVALUATION` or `PAIRS`."""
    return dataset.has_run(key) and getattr(_config(dataset, key), "kind", None) == kind


def now() -> str:
    """The time as runs store it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _config(dataset: fo.Dataset, key: str) -> Any:
    return dataset.get_run_info(key).config

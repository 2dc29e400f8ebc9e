"""Take an analysis out of a dataset without a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import fiftyone as fo
from pymongo import UpdateOne

from fiftyone_capviz.curation.app.workspace import remove_active_fields, remove_workspace
from fiftyone_capviz.curation.dataset.before import BEFORE as KEY
from fiftyone_capviz.curation.dataset.before import caption_paths, existed, segment_paths
from fiftyone_capviz.curation.dataset.captions import (
    CaptionPlaces,
    is_there,
    root_of,
    shown_path,
)
from fiftyone_capviz.curation.dataset.collection import root_dataset, sample_documents
from fiftyone_capviz.curation.dataset.documents import text_hash
from fiftyone_capviz.curation.dataset.kept_texts import emptied, last_of_theirs
from fiftyone_capviz.curation.dataset.names import (
    ERROR_FIELD,
    HEATMAP_FIELD,
    SIDEBAR_GROUP,
    CaptionFields,
    SegmentFields,
)
from fiftyone_capviz.curation.dataset.progress import UndividedReport
from fiftyone_capviz.curation.dataset.runs import (
    active_caption,
    caption_names,
    delete_run,
    list_evaluations,
    list_runs,
    read_run,
    written_paths,
)
from fiftyone_capviz.curation.dataset.samples import reload_samples
from fiftyone_capviz.curation.dataset.schema import remove_from_sidebar
from fiftyone_capviz.curation.dataset.store import forget_all
from fiftyone_capviz.curation.evaluation.storage import delete_evaluations
from fiftyone_capviz.curation.pairs.runs import delete_pair_run
from fiftyone_capviz.curation.segments.active import activate_captions


@dataclass
class DeleteReport(UndividedReport):
    """What :func:`delete_analysis` took away and what it left.

    Attributes:
        fields: deleted sample fields and attributes.
        runs: deleted custom and brain runs.
        views: deleted saved views and workspaces.
        kept: the user's own fields that were kept, with the reason.
    """

    fields: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        """A few lines for people."""
        lines = [
            f"Deleted {len(self.fields)} fields, {len(self.runs)} runs and {len(self.views)} saved "
            "views and workspaces."
        ]
        lines += [f"Kept {name!r}: {reason}" for name, reason in self.kept.items()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self)


def delete_analysis(
    dataset: fo.Dataset, caption_field: str = "caption", *, segments_field: str | None = None
) -> DeleteReport:
    """Remove all that analyses of a caption field stored on a dataset.

    Fields, schema, sidebar group, runs, map, workspace, saved views, colors and the plugin's state
    go. What the user brought stays: captions that we did not write or that were edited by hand
    since, segments of the user's own with their labels. Segments that another analysed caption
    field uses stay too, and describe that one from then on.

    Args:
        dataset: the dataset; never a view, since fields belong to all of it.
        caption_field: whose analysis.
        segments_field: default the one named in the provenance run.
    """
    dataset = root_dataset(dataset)
    report = DeleteReport()
    record = read_run(dataset, caption_field)
    if segments_field is None:
        segments_field = record.segments_field if record is not None else "segments"
    others = [name for name in list_runs(dataset) if name != caption_field]
    records = [read_run(dataset, name) for name in [*others, caption_field]]
    extras = [one.extra for one in records if one is not None]
    heirs = [n for n, r in zip(others, records, strict=False) if r and _uses(r, segments_field)]
    was_active = active_caption(dataset, segments_field) == caption_field

    index = 0 if record is None else int(record.options.get("caption_index") or 0)
    names = caption_names(dataset, caption_field)
    doomed = _caption_fields(dataset, names, extras, report, index)
    written = [written_paths(dataset, key) for key in list_evaluations(dataset, caption_field)]
    doomed += sorted({p for each in written for p in each if not existed(extras, p)} - {*doomed})
    if not heirs:
        doomed += _segment_fields(dataset, segments_field, extras, report)
    if not others:
        doomed += [name for name in (ERROR_FIELD, HEATMAP_FIELD) if not existed(extras, name)]
    runs, views = delete_evaluations(dataset, caption_field)
    runs += delete_pair_run(dataset, caption_field)
    # Last, since it knows the prefix of all names.
    _delete_runs(dataset, caption_field, None if heirs else segments_field, report)
    report.runs += runs
    report.views += views
    report.views += remove_workspace(
        dataset, caption_field=caption_field, segments_field=None if others else segments_field
    )
    shown = [path for path in doomed if "." not in path]
    if not others and not _had(extras, "active_fields"):
        shown += [shown_path(dataset, caption_field), segments_field]
    remove_active_fields(dataset, shown)
    remove_from_sidebar(dataset, doomed)
    _delete_fields(dataset, doomed, report)
    if not others:
        forget_all(dataset)
        _restore_sidebar(dataset)
    elif heirs and was_active:
        activate_captions(dataset, heirs[0], segments_field=segments_field)
    reload_samples(dataset)
    return report


def _uses(record: Any, segments_field: str) -> bool:
    return bool(record.segments_field == segments_field)


def _caption_fields(
    dataset: fo.Dataset,
    names: CaptionFields,
    extras: Sequence[Mapping[str, Any]],
    report: DeleteReport,
    index: int,
) -> list[str]:
    """Paths to delete; in a field that stays, what we wrote gives way to what was there before."""
    paths = [p for p in caption_paths(names)[1:] if not existed(extras, p)]
    if not is_there(dataset, names.caption):
        return paths
    found = _read_captions(dataset, names, index)
    if not found.theirs and not existed(extras, names.caption):
        return [names.caption, *paths]
    if found.updates:
        sample_documents(dataset).bulk_write(found.updates, ordered=False)
    reason = f"it holds {found.theirs} captions of your own" if found.theirs else _BEFORE
    report.kept[names.caption] = f"{reason}; {found.emptied} written by us were emptied."
    if found.restored:
        report.kept[names.caption] += f" {found.restored} that were written over are back."
    return paths


_BEFORE = "it was there before"


@dataclass
class _Captions:
    """Whose the captions of a dataset are.

    Attributes:
        theirs: those of the user's, and those that come back.
        emptied, restored: ours that give way to nothing, and to the user's.
        updates: that do it.
    """

    theirs: int = 0
    emptied: int = 0
    restored: int = 0
    updates: list[UpdateOne] = field(default_factory=list)


def _read_captions(dataset: fo.Dataset, names: CaptionFields, index: int) -> _Captions:
    found = _Captions()
    places = CaptionPlaces.of_dataset(dataset, names.caption, index)
    wanted = dict.fromkeys((root_of(names.caption), names.stages, names.previous), 1)
    for row in sample_documents(dataset).find({}, wanted):
        place, stages = places.of(row), row.get(names.stages) or {}
        if place is None or place.text is None:
            continue
        if stages.get("written") != text_hash(place.text):
            found.theirs += 1
            continue
        text = last_of_theirs(row.get(names.previous) or [])
        if text is not None:
            found.theirs, found.restored = found.theirs + 1, found.restored + 1
            update: dict[str, Any] = {"$set": {place.path: place.value(text)}}
        else:
            found.emptied += 1
            values, gone = emptied(names, stages)
            update = {key: part for key, part in (("$set", values), ("$unset", gone)) if part}
        found.updates.append(UpdateOne({"_id": row["_id"]}, update))
    return found


def _segment_fields(
    dataset: fo.Dataset,
    segments_field: str,
    extras: Sequence[Mapping[str, Any]],
    report: DeleteReport,
) -> list[str]:
    """Paths to delete; our segments are emptied and labels restored in a field that stays."""
    names = SegmentFields(segments_field)
    if not dataset.has_field(segments_field):
        return []
    paths = [p for p in segment_paths(segments_field)[1:] if not existed(extras, p)]
    present = {f"{names.detections}.0": {"$exists": True}}
    collection = sample_documents(dataset)
    theirs = collection.count_documents({**present, names.stage: None})
    if not theirs and not existed(extras, segments_field):
        return [segments_field, names.stage]
    emptied = collection.update_many(
        {names.stage: {"$ne": None}}, {"$set": {segments_field: None}}
    ).modified_count
    report.kept[segments_field] = (
        f"{theirs} samples hold segments of your own; {emptied} segmented by us were emptied."
    )
    return paths


def _delete_runs(
    dataset: fo.Dataset, caption_field: str, segments_field: str | None, report: DeleteReport
) -> None:
    key = caption_names(dataset, caption_field).run_key
    if read_run(dataset, caption_field) is not None:
        delete_run(dataset, caption_field)
        report.runs.append(key)
    if segments_field is not None:
        brain_key = SegmentFields(segments_field).map_key
        if dataset.has_brain_run(brain_key):
            dataset.delete_brain_run(brain_key)
            report.runs.append(brain_key)


def _delete_fields(dataset: fo.Dataset, paths: Sequence[str], report: DeleteReport) -> None:
    top = [path for path in paths if "." not in path and dataset.has_field(path)]
    nested = [
        path
        for path in paths
        if "." in path and path.split(".")[0] not in top and dataset.has_field(path)
    ]
    for chosen in (nested, top):
        if chosen:
            dataset.delete_sample_fields(chosen)
    report.fields += [*top, *nested]


def _had(extras: Sequence[Mapping[str, Any]], setting: str) -> bool:
    """Whether an App setting was made before the first analysis; True where nothing is known."""
    noted = [bool(one[KEY][setting]) for one in extras if KEY in one]
    return all(noted)


def _restore_sidebar(dataset: fo.Dataset) -> None:
    """What is left in our group goes back to where the App has it; its own groups if none are set.

    Fields of the user's own stood in our group during the analysis.
    """
    groups = dataset.app_config.sidebar_groups
    if not groups:
        return
    default = fo.DatasetAppConfig.default_sidebar_groups(dataset)
    left = [path for one in groups if one.name == SIDEBAR_GROUP for path in one.paths]
    kept = {one.name: one for one in groups if one.name != SIDEBAR_GROUP}
    for path in left:
        home = next((one for one in default if path in one.paths), default[-1])
        if home.name not in kept:
            kept[home.name] = fo.SidebarGroupDocument(name=home.name, paths=[])
        kept[home.name].paths = [*kept[home.name].paths, path]
    same = _by_name(list(kept.values())) == _by_name(default)
    dataset.app_config.sidebar_groups = None if same else list(kept.values())
    dataset.save()


def _by_name(groups: Sequence[Any]) -> dict[str, set[str]]:
    return {one.name: set(one.paths) for one in groups if one.paths}

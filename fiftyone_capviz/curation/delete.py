"""Take an analysis out of a dataset without a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import fiftyone as fo
from bson import ObjectId
from pymongo import UpdateOne

from fiftyone_capviz.curation.app.workspace import remove_active_fields, remove_workspace
from fiftyone_capviz.curation.dataset.before import (
    MARKED,
    caption_paths,
    notes_before,
    segment_paths,
    was_set,
)
from fiftyone_capviz.curation.dataset.collection import root_dataset, sample_documents
from fiftyone_capviz.curation.dataset.documents import chosen_text, text_hash
from fiftyone_capviz.curation.dataset.names import (
    ERROR_FIELD,
    HEATMAP_FIELD,
    SIDEBAR_GROUP,
    CaptionFields,
    SegmentFields,
)
from fiftyone_capviz.curation.dataset.ownership import Ownership, is_our_map, our_segments_fields
from fiftyone_capviz.curation.dataset.progress import UndividedReport
from fiftyone_capviz.curation.dataset.runs import (
    RunRecord,
    active_caption,
    delete_run,
    list_evaluations,
    list_runs,
    read_run,
    used_segments,
    written_paths,
)
from fiftyone_capviz.curation.dataset.samples import reload_samples
from fiftyone_capviz.curation.dataset.schema import remove_from_sidebar
from fiftyone_capviz.curation.dataset.store import forget_all
from fiftyone_capviz.curation.evaluation.storage import delete_evaluations
from fiftyone_capviz.curation.pairs.runs import delete_pair_run
from fiftyone_capviz.curation.segments.active import activate_captions
from fiftyone_capviz.settings.field_names import require_free_names


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
    require_free_names(caption_field=caption_field, segments_field=segments_field)
    dataset = root_dataset(dataset)
    report, owner = DeleteReport(), Ownership(dataset)
    record = read_run(dataset, caption_field)
    notes = notes_before(dataset)
    others = [name for name in list_runs(dataset) if name != caption_field]
    chosen, used = _segments(dataset, record, segments_field), _used_by(dataset, others, owner)
    segments_fields = [one for one in chosen if not used.get(one)]
    heirs = _heirs(dataset, caption_field, {one: used.get(one, []) for one in chosen}, owner)

    index = 0 if record is None else int(record.options.get("caption_index") or 0)
    doomed = _caption_fields(dataset, caption_field, owner, report, index)
    written = [written_paths(dataset, key) for key in list_evaluations(dataset, caption_field)]
    doomed += sorted({path for each in written for path in each} - {*doomed})
    for name in segments_fields:
        doomed += _segment_fields(dataset, name, owner, report)
    if not others:
        doomed += [ERROR_FIELD, HEATMAP_FIELD]
    doomed = [path for path in doomed if owner.is_ours(path)]
    _delete_runs(dataset, caption_field, segments_fields, report)
    runs, views = delete_evaluations(dataset, caption_field)
    report.runs += [*runs, *delete_pair_run(dataset, caption_field)]
    report.views += views
    report.views += remove_workspace(
        dataset,
        caption_field=caption_field,
        segments_fields=segments_fields,
        last=not others,
        had_colors=was_set(notes, "color_scheme") is True,
    )
    shown = [path for path in doomed if "." not in path]
    if was_set(notes, "active_fields") is False:
        shown += [caption_field, *segments_fields]
    remove_active_fields(dataset, shown)
    remove_from_sidebar(dataset, doomed)
    _delete_fields(dataset, doomed, report)
    if not others:
        forget_all(dataset)
        _restore_sidebar(dataset, notes)
    for name, heir in heirs.items():
        activate_captions(dataset, heir, segments_field=name)
    reload_samples(dataset)
    return report


def _segments(dataset: fo.Dataset, record: RunRecord | None, asked: str | None) -> list[str]:
    """The segments fields whose results go: without a record all that no other analysis uses."""
    if asked is not None:
        return [asked]
    return our_segments_fields(dataset) if record is None else used_segments(record)


def _used_by(dataset: fo.Dataset, others: Sequence[str], owner: Ownership) -> dict[str, list[str]]:
    """Segments field -> the other caption fields whose analyses use it."""
    found: dict[str, list[str]] = {}
    for name in others:
        record = read_run(dataset, name)
        if record is None:
            continue
        if owner.is_ours(CaptionFields(name).scores) or {"segment", "map"} & {*record.stages}:
            for one in used_segments(record):
                found.setdefault(one, []).append(name)
    return found


def _heirs(
    dataset: fo.Dataset, caption_field: str, used: Mapping[str, Sequence[str]], owner: Ownership
) -> dict[str, str]:
    """Segments field that this caption field describes -> the one that does from then on."""
    scored = {
        one: [name for name in names if owner.is_ours(CaptionFields(name).scores)]
        for one, names in used.items()
    }
    return {
        one: names[0]
        for one, names in scored.items()
        if names and active_caption(dataset, one) == caption_field
    }


def _caption_fields(
    dataset: fo.Dataset,
    caption_field: str,
    owner: Ownership,
    report: DeleteReport,
    index: int,
) -> list[str]:
    """Paths to delete; captions that we wrote into a field that stays are emptied."""
    names = CaptionFields(caption_field)
    paths = caption_paths(caption_field)[1:]
    if not dataset.has_field(caption_field):
        return paths
    ours, theirs = _whose_captions(dataset, names, owner, index)
    if not theirs and owner.is_ours(caption_field):
        return [caption_field, *paths]
    if not ours and not owner.is_ours(names.stages):
        return paths
    back = _put_back(dataset, names, owner, ours)
    emptied = [one for one in ours if one not in back]
    if emptied:
        sample_documents(dataset).update_many(
            {"_id": {"$in": emptied}}, {"$set": {caption_field: None}}
        )
    reason = f"it holds {theirs} captions of your own" if theirs else "it was there before"
    told = f"{reason}; {len(emptied)} written by us were emptied."
    if back:
        told += f" {len(back)} that we had replaced are back."
    report.kept[caption_field] = told
    return paths


def _put_back(
    dataset: fo.Dataset, names: CaptionFields, owner: Ownership, ours: Sequence[ObjectId]
) -> set[ObjectId]:
    """Bring back the last text of the user's that a caption of ours replaced, where there is one.

    An entry of `<caption>_previous` whose text is the one that we noted as written is ours.
    """
    if not owner.is_ours(names.previous):
        return set()
    found = sample_documents(dataset).find({"_id": {"$in": [*ours]}}, {names.previous: 1})
    updates = {}
    for row in found:
        for entry in reversed(row.get(names.previous) or ()):
            text = entry.get("caption")
            if isinstance(text, str) and entry.get("written") != text_hash(text):
                updates[row["_id"]] = UpdateOne(
                    {"_id": row["_id"]}, {"$set": {names.caption: text}}
                )
                break
    if updates:
        sample_documents(dataset).bulk_write([*updates.values()], ordered=False)
    return set(updates)


def _whose_captions(
    dataset: fo.Dataset, names: CaptionFields, owner: Ownership, index: int
) -> tuple[list[ObjectId], int]:
    """Ids of the samples whose caption we wrote, unchanged since; number of all the others."""
    known = owner.is_ours(names.stages)
    ours, theirs = [], 0
    # The documents: of a group the dataset would show one slice.
    for row in sample_documents(dataset).find({}, {names.caption: 1, names.stages: 1}):
        text = row.get(names.caption)
        if text is None:
            continue
        written = (row.get(names.stages) or {}).get("written") if known else None
        if written is not None and written == text_hash(chosen_text(text, index)):
            ours.append(row["_id"])
        else:
            theirs += 1
    return ours, theirs


def _segment_fields(
    dataset: fo.Dataset, segments_field: str, owner: Ownership, report: DeleteReport
) -> list[str]:
    """Paths to delete; our segments are emptied in a field that stays."""
    names = SegmentFields(segments_field)
    paths = segment_paths(segments_field)
    if not any(owner.is_ours(path) for path in paths):
        return []
    present = {f"{names.detections}.0": {"$exists": True}}
    collection = sample_documents(dataset)
    marked = owner.is_ours(names.stage)
    theirs = collection.count_documents({**present, **({names.stage: None} if marked else {})})
    if not theirs and owner.is_ours(segments_field):
        return [segments_field, names.stage]
    emptied = 0
    if marked:
        emptied = collection.update_many(
            {names.stage: {"$ne": None}}, {"$set": {segments_field: None}}
        ).modified_count
    report.kept[segments_field] = (
        f"{theirs} samples hold segments of your own; {emptied} segmented by us were emptied."
    )
    return paths[1:]


def _delete_runs(
    dataset: fo.Dataset, caption_field: str, segments_fields: Sequence[str], report: DeleteReport
) -> None:
    key = CaptionFields(caption_field).run_key
    maps = [name for name in segments_fields if is_our_map(dataset, name)]  # by our run, if need be
    if caption_field in list_runs(dataset):
        delete_run(dataset, caption_field)
        report.runs.append(key)
    for name in maps:
        dataset.delete_brain_run(SegmentFields(name).map_key)
        report.runs.append(SegmentFields(name).map_key)


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


def _restore_sidebar(dataset: fo.Dataset, notes: Sequence[Mapping[str, Any]]) -> None:
    """The App's own groups again, where none were set before the first analysis.

    Version 0.1.0 moved fields of the user's into our group: they go back to where the App has them.
    """
    groups = dataset.app_config.sidebar_groups
    if not groups:
        return
    default = fo.DatasetAppConfig.default_sidebar_groups(dataset)
    kept = {one.name: one for one in groups}
    if not all(note.get(MARKED) for note in notes):
        ours = kept.pop(SIDEBAR_GROUP, None)
        for path in [] if ours is None else ours.paths:
            home = next((one for one in default if path in one.paths), default[-1])
            if home.name not in kept:
                kept[home.name] = fo.SidebarGroupDocument(name=home.name, paths=[])
            kept[home.name].paths = [*kept[home.name].paths, path]
    same = _by_name(list(kept.values())) == _by_name(default)
    unset = same and was_set(notes, "sidebar") is not True
    dataset.app_config.sidebar_groups = None if unset else list(kept.values())
    dataset.save()


def _by_name(groups: Sequence[Any]) -> dict[str, set[str]]:
    return {one.name: set(one.paths) for one in groups if one.paths}

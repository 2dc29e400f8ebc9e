"""Take an analysis out of a dataset without a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import fiftyone as fo
from pymongo import UpdateOne

from fiftyone_capviz.curation.app.workspace import remove_active_fields, remove_workspace
from fiftyone_capviz.curation.dataset.before import (
    MARKED,
    caption_paths,
    notes_before,
    segment_paths,
    was_set,
)
from fiftyone_capviz.curation.dataset.captions import (
    CaptionPlaces,
    is_there,
    root_of,
    shown_path,
)
from fiftyone_capviz.curation.dataset.collection import root_dataset, sample_documents
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.documents import text_hash
from fiftyone_capviz.curation.dataset.kept_texts import emptied, last_of_theirs
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
    caption_names,
    delete_run,
    list_evaluations,
    list_runs,
    read_run,
    used_segments,
    written_paths,
)
from fiftyone_capviz.curation.dataset.samples import reload_samples
from fiftyone_capviz.curation.dataset.schema import remove_from_sidebar
from fiftyone_capviz.curation.dataset.stop_words import (
    STOP_WORDS_KEY,
    StopWords,
    write_stop_words,
)
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
        missing: what is not there, and what is; empty where an analysis was deleted.
    """

    fields: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    missing: str = ""

    def summary(self) -> str:
        """A few lines for people."""
        lines = [
            f"Deleted {len(self.fields)} fields, {len(self.runs)} runs and {len(self.views)} saved "
            "views and workspaces."
        ]
        lines += [f"Kept {name!r}: {reason}" for name, reason in self.kept.items()]
        lines += [self.missing] if self.missing else []
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self)


@database_errors()
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
    names = caption_names(dataset, caption_field)
    doomed = _caption_fields(dataset, names, owner, report, index)
    written = [written_paths(dataset, key) for key in list_evaluations(dataset, caption_field)]
    doomed += sorted({path for each in written for path in each} - {*doomed})
    for name in segments_fields:
        doomed += _segment_fields(dataset, name, owner, report)
    if not others:
        doomed += [ERROR_FIELD, HEATMAP_FIELD]
    doomed = [path for path in doomed if owner.is_ours(path)]
    runs, views = delete_evaluations(dataset, caption_field)
    runs += delete_pair_run(dataset, caption_field)
    # Last, since it knows the prefix of all names.
    _delete_runs(dataset, caption_field, segments_fields, report)
    report.runs += runs
    report.views += views
    report.views += remove_workspace(
        dataset,
        names,
        segments_fields=segments_fields,
        last=not others,
        had_colors=was_set(notes, "color_scheme") is True,
    )
    shown = [path for path in doomed if "." not in path]
    if was_set(notes, "active_fields") is False:
        shown += [shown_path(dataset, caption_field), *segments_fields]
    remove_active_fields(dataset, shown)
    remove_from_sidebar(dataset, doomed)
    _delete_fields(dataset, doomed, report)
    if not others:
        forget_all(dataset)
        if dataset.has_run(STOP_WORDS_KEY):
            write_stop_words(dataset, StopWords())
            report.runs.append(STOP_WORDS_KEY)
        _restore_sidebar(dataset, notes)
    for name, heir in heirs.items():
        activate_captions(dataset, heir, segments_field=name)
    reload_samples(dataset)
    if record is None and others:
        report.missing = (
            f"No analysis of {caption_field!r} is stored. Analysed: "
            f"{', '.join(map(repr, others))}; name one of them to delete it."
        )
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
        if owner.is_ours(caption_names(dataset, name).scores) or {"segment", "map"} & {
            *record.stages
        }:
            for one in used_segments(record):
                found.setdefault(one, []).append(name)
    return found


def _heirs(
    dataset: fo.Dataset, caption_field: str, used: Mapping[str, Sequence[str]], owner: Ownership
) -> dict[str, str]:
    """Segments field that this caption field describes -> the one that does from then on."""
    scored = {
        one: [name for name in names if owner.is_ours(caption_names(dataset, name).scores)]
        for one, names in used.items()
    }
    return {
        one: names[0]
        for one, names in scored.items()
        if names and active_caption(dataset, one) == caption_field
    }


def _caption_fields(
    dataset: fo.Dataset,
    names: CaptionFields,
    owner: Ownership,
    report: DeleteReport,
    index: int,
) -> list[str]:
    """Paths to delete; in a field that stays, what we wrote gives way to what was there before."""
    paths = caption_paths(names)[1:]
    if not is_there(dataset, names.caption):
        return paths
    found = _read_captions(dataset, names, index)
    if not found.theirs and owner.is_ours(names.caption):
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
    key = caption_names(dataset, caption_field).run_key
    maps = [name for name in segments_fields if is_our_map(dataset, name)]  # by our run, if need be
    if read_run(dataset, caption_field) is not None:
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

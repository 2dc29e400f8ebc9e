"""A dataset rich in what a user brings, and snapshots of all that the database holds of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.brain as fob
import numpy as np
from bson import json_util

from fiftyone_capviz.curation.dataset.store import STORE
from tests.worlds.random_world import draw_image

NOTES = ("a dog under a tree", "a man with a hat", "a woman and a dog", None)
CAPTIONS, SEVERAL = "note", "lines"
LABELS, SHAPES, PARTLY = "objects", "shapes", "partly"
CLOCKS = ("last_modified_at", "last_loaded_at", "last_deletion_at", "version")


def owned_dataset(folder: Path) -> Any:
    """Four images with captions, lists of captions, labels of each kind, and an App set up."""
    dataset = fo.Dataset()
    for i, note in enumerate(NOTES):
        sample = fo.Sample(
            filepath=str(draw_image(folder / f"{i}.png", seed=i)),
            tags=["mine", f"tag {i}"],
            metadata=fo.ImageMetadata(width=64, height=64, num_channels=3),
            weight=float(i),
            scene=fo.Classification(label="indoor", confidence=0.5),
            vector=np.arange(3.0) + i,
            facts={"camera": "A", "shots": [1, 2]},
        )
        if note is not None:
            sample[CAPTIONS] = note
            sample[SEVERAL] = [note, f"{note} again"]
            sample[LABELS] = fo.Detections(detections=_boxes(note))
            sample[SHAPES] = fo.Polylines(polylines=[_shape(note)])
        if i < 2:
            sample[PARTLY] = fo.Detections(detections=_boxes(note or "") if i else [])
        dataset.add_sample(sample, dynamic=False)
    dataset.add_dynamic_sample_fields(fields={f"{LABELS}.detections.iscrowd": fo.BooleanField()})
    dataset.add_sample_field("empty", fo.StringField, description="nothing yet", info={"by": "me"})
    _set_up_app(dataset)
    dataset.info = {"source": "my camera"}
    dataset.tags = ["holidays"]
    dataset.default_classes = ["dog", "man"]
    dataset.save()
    ids = [one for found in dataset.values(f"{LABELS}.detections.id") for one in found or ()]
    points = {one: np.array([float(i), 1.0]) for i, one in enumerate(ids)}
    fob.compute_visualization(
        dataset, patches_field=LABELS, points=points, brain_key="my_map", progress=False
    )
    dataset.register_run("my_run", dataset.init_run(note="mine"))
    return dataset


def _boxes(note: str) -> list[fo.Detection]:
    names = [word for word in ("dog", "man", "hat", "woman", "tree") if word in note.split()]
    return [
        fo.Detection(
            label=name,
            bounding_box=[0.1 + 0.4 * i, 0.1, 0.4, 0.6],
            mask=np.ones((6, 4), dtype=bool),
            tags=["checked"],
            iscrowd=False,
            hardness=0.25 * i,  # on no schema
        )
        for i, name in enumerate(names)
    ]


def _shape(note: str) -> fo.Polyline:
    points = [[(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)]]
    return fo.Polyline(label=note.split()[1], points=points, closed=True, filled=True)


def _set_up_app(dataset: Any) -> None:
    groups = fo.DatasetAppConfig.default_sidebar_groups(dataset)
    for group in groups:
        group.paths = [path for path in group.paths if path not in (CAPTIONS, LABELS)]
    mine = fo.SidebarGroupDocument(name="mine", paths=[CAPTIONS, LABELS], expanded=False)
    config = dataset.app_config
    config.sidebar_groups = [mine, *groups]
    config.active_fields = fo.ActiveFields(paths=["weight", LABELS])
    config.color_scheme = fo.ColorScheme(
        color_by="field", fields=[{"path": LABELS, "fieldColor": "#ff0000"}]
    )
    dataset.save()
    dataset.save_view("Least covered", dataset.match_tags("mine"), description="my own")
    dataset.save_workspace("Captions", fo.Space(children=[fo.Panel(type="Samples")]))


def snapshot(dataset: Any) -> dict[str, Any]:
    """All that the database holds of a dataset, but for clocks and for values of None.

    A field that is declared stands as None in some documents and not in others; it says the same.
    """
    dataset.reload()
    database, own = fo.core.odm.get_db_conn(), dataset._doc.id
    stored = database.datasets.find_one({"_id": own})
    beside = {
        name: list(database[name].find({"$or": [{"_dataset_id": own}, {"dataset_id": own}]}))
        for name in ("views", "workspaces", "runs")
    }
    kept = {"dataset_id": own, "store_name": {"$ne": STORE}}
    found = {
        "dataset": stored,
        "samples": list(dataset._sample_collection.find()),
        "stores": list(database["execution_store"].find(kept)),
        **beside,
    }
    plain: dict[str, Any] = _without_none(json.loads(json_util.dumps(found)))
    return plain


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: _without_none(v) for k, v in value.items() if k not in CLOCKS}
        return {k: v for k, v in kept.items() if v is not None and v != [] and v != {}}
    if isinstance(value, list):
        return [_without_none(each) for each in value]
    return value


def lost(before: Any, after: Any, path: str = "") -> list[str]:
    """What of an earlier snapshot a later one lacks or has otherwise; what was added is no loss.

    The items of a list may have got others between them, but none before another of theirs.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        found = [f"{path}.{k}: {v!r:.80} is gone" for k, v in before.items() if k not in after]
        for key in before.keys() & after.keys():
            found += lost(before[key], after[key], f"{path}.{key}")
        return found
    if isinstance(before, list) and isinstance(after, list):
        return _lost_items(before, after, path)
    return [] if before == after else [f"{path}: {before!r:.80} is now {after!r:.80}"]


def differences(before: Any, after: Any) -> list[str]:
    """What two snapshots have otherwise, told as what got lost and what came on top."""
    added = [f"on top: {one}" for one in lost(after, before)]
    found = [*lost(before, after), *added]
    assert bool(found) == (before != after)
    return found


def _lost_items(before: list[Any], after: list[Any], path: str) -> list[str]:
    place, found = 0, []
    for number, item in enumerate(before):
        rest = after[place:]
        same = next((i for i, other in enumerate(rest) if not lost(item, other)), None)
        if same is not None:
            place += same + 1
            continue
        twin = next((one for one in after if _name(one) == _name(item) is not None), None)
        told = f"{path}[{number}]"
        found += [f"{told}: {item!r:.80} is gone"] if twin is None else lost(item, twin, told)
        found += [] if twin is None or lost(item, twin, told) else [f"{told}: is elsewhere"]
    return found


def _name(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    named = item.get("_id") or item.get("name") or item.get("path")
    return json.dumps(named)

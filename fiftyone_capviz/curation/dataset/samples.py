"""Which samples a dataset, view or patches view means, and which of them are images to work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.collection import (
    dataset_of,
    is_grouped_dynamically,
    is_patches,
    kind_of_patches,
    reload_loaded_samples,
    root_dataset,
    sample_documents,
    ungrouped,
    view_stages,
)
from fiftyone_capviz.curation.dataset.database import view_errors
from fiftyone_capviz.curation.dataset.id_columns import id_columns
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.images import is_image_file


def sample_ids(collection: SampleCollection) -> list[str]:
    """Ids of the samples of a dataset, view or patches view, each once, in order.

    Of dynamic groups all samples, not only those that FiftyOne shows.
    """
    with view_errors():
        collection = ungrouped(collection)
        if is_patches(collection):
            return list(dict.fromkeys(collection.values("sample_id")))
        found = id_columns(collection, [{"$project": {"_id": 1}}], {"_id": "id"})
    return list(found["_id"].tolist())


def is_whole(collection: SampleCollection) -> bool:
    """Whether a dataset or view shows all samples of its dataset, as they are."""
    if root_dataset(collection).media_type == "group":  # one slice at a time is shown
        return False
    return not view_stages(collection)


def samples_of(collection: SampleCollection) -> Any:
    """The collection itself; for a patches view, the whole samples it was made from.

    A patches view lacks the samples' own fields. A view of dynamic groups shows one sample of
    each; all of them are meant.
    """
    collection = ungrouped(collection)
    if is_patches(collection):
        return root_dataset(collection).select(sample_ids(collection), ordered=True)
    return collection


def id_filter(dataset: fo.Dataset, ids: Sequence[str] | None) -> dict[str, Any]:
    """MongoDB filter for these samples; none where they are the whole dataset."""
    # All documents, not dataset.count(): that counts one slice of its groups.
    if ids is None or len(ids) == sample_documents(dataset).count_documents({}):
        return {}
    return {"_id": {"$in": [ObjectId(i) for i in ids]}}


def reload_samples(dataset: fo.Dataset, ids: Sequence[ObjectId] | None = None) -> None:
    """Let the sample objects that this process holds see what the database wrote.

    Args:
        dataset: of the samples.
        ids: which; all of them if None.
    """
    wanted = None if ids is None else [str(each) for each in ids]
    reload_loaded_samples(dataset, wanted)


IMAGE, GROUP, UNKNOWN = "image", "group", "unknown"
LOOKED_AT = 8
"""Files of an unknown kind of which one must be an image."""

_PARTS_AS_IMAGES = {
    "patches": "store each patch as an image of its own and analyse that folder: "
    "view.export(export_dir='patches', dataset_type=fo.types.ImageDirectory).",
    "frames": "make a dataset of the frames: dataset.to_frames(sample_frames=True).clone().",
    "clips": "make a dataset of their frames: view.to_frames(sample_frames=True).clone().",
}
"""Kind of view to how its parts become whole images."""


@dataclass(frozen=True)
class ImageSamples:
    """The samples of a run, in the order of the view.

    Attributes:
        dataset: the dataset they belong to.
        ids: the samples' ids.
        view: the collection, or of a grouped one its images.
        note: what was chosen on the user's behalf; empty if nothing was.
    """

    dataset: fo.Dataset
    ids: list[ObjectId]
    view: SampleCollection
    note: str = ""


def image_samples(collection: SampleCollection) -> ImageSamples:
    """The images of a dataset or view.

    Of a grouped dataset the active slice is used if it holds images, else its only image slice.

    Raises:
        InputError: no samples, videos or other media, patches or frames, or no single image slice.
    """
    dataset: fo.Dataset = dataset_of(collection)
    if kind := kind_of_patches(collection):
        raise InputError(
            f"A run needs whole images; this is a view of {kind}. Use the samples' own view, or "
            f"{_PARTS_AS_IMAGES[kind]}"
        )
    notes = []
    if is_grouped_dynamically(collection):
        collection = ungrouped(collection)
        notes.append("The view is grouped; all samples of its groups were taken.")
    media = collection.media_type
    if media == UNKNOWN and _begin_as_images(collection):
        media = IMAGE
    if media == GROUP:
        collection, note = _image_slice(collection)
        notes.append(note)
        media = IMAGE
    with view_errors():
        ids = list(collection.values("_id"))
    if not ids:
        raise InputError(
            "A run needs at least one sample; the view is empty. Clear a filter, or add samples."
        )
    if media != IMAGE:
        remedy = (
            "Make images of its frames first: dataset.to_frames(sample_frames=True).clone()."
            if media == "video"
            else "Choose a dataset of images."
        )
        raise InputError(f"A run needs images; this dataset holds {media!r} media. {remedy}")
    return ImageSamples(dataset, ids, collection, " ".join(notes))


def _begin_as_images(collection: SampleCollection) -> bool:
    """Whether files whose names tell FiftyOne nothing are images: without an extension, say.

    What kind a name stands for depends on the machine: WebP is known to those with a
    ``/etc/mime.types`` alone. A file that is none is told of its sample later.
    """
    with view_errors():
        return any(map(is_image_file, collection.limit(LOOKED_AT).values("filepath")))


def _image_slice(collection: SampleCollection) -> tuple[SampleCollection, str]:
    slices = dict(collection.group_media_types or {})
    images = [name for name, media in slices.items() if media == IMAGE] or [
        name
        for name, media in slices.items()
        if media == UNKNOWN and _begin_as_images(collection.select_group_slices(name))
    ]
    if not images:
        held = ", ".join(f"{name}: {media}" for name, media in slices.items()) or "nothing yet"
        raise InputError(
            f"A run needs images; the slices of this grouped dataset hold {held}. Add a slice of "
            "images, or choose a dataset of images."
        )
    active = collection.group_slice
    if active not in images and len(images) > 1:
        raise InputError(
            f"A run needs one image slice; the active slice {active!r} holds "
            f"{slices.get(active)!r}. Set group_slice to one of: {', '.join(images)}."
        )
    chosen = active if active in images else images[0]
    view = collection.select_group_slices(chosen)
    return view, f"The dataset is grouped; the images of slice {chosen!r} were used."

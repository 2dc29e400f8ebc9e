"""What a command works on: a dataset by name, or a folder of images that becomes one."""

from __future__ import annotations

import mimetypes
import os
from difflib import get_close_matches
from pathlib import Path

import fiftyone as fo

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.images import is_image_file


def plugins_folder() -> Path:
    """FiftyOne's plugins folder."""
    return Path(fo.config.plugins_dir)


def open_dataset(name: str) -> fo.Dataset:
    """The dataset of that name.

    Raises:
        InputError: there is none.
    """
    if fo.dataset_exists(name):
        return fo.load_dataset(name)
    names = fo.list_datasets()
    near = get_close_matches(name, names, n=3) or names[:5]
    remedy = f"Choose one of: {', '.join(near)}." if near else "There is no dataset yet."
    raise InputError(f"No dataset has the name {name!r}. {remedy}")


def open_target(target: str) -> fo.Dataset:
    """The dataset of that name, or the one that a folder of images becomes.

    A folder's dataset is persistent and named after the folder. If it is there already it is used
    again, and images that came into the folder since are added to it.

    Args:
        target: name of a dataset or path of a folder; a dataset of that name wins.

    Raises:
        InputError: neither, or a folder without images, or another dataset has the folder's name.
    """
    if fo.dataset_exists(target):
        return fo.load_dataset(target)
    folder = Path(target).expanduser()
    if not folder.is_dir():
        if os.sep in target:
            raise InputError(
                f"A path must be a folder of images; {target} is "
                f"{'a file' if folder.exists() else 'not there'}. Give its folder."
            )
        return open_dataset(target)
    return dataset_of_folder(folder.resolve())


def dataset_of_folder(folder: Path) -> fo.Dataset:
    """The dataset of a folder of images, made or brought up to date.

    Raises:
        InputError: no images, or another dataset has the folder's name.
    """
    images = find_images(folder)
    if not images:
        raise InputError(f"A folder must hold images; {folder} holds none. Give another folder.")
    name = folder.name
    if not fo.dataset_exists(name):
        dataset = fo.Dataset(name, persistent=True)
        known: set[str] = set()
    else:
        dataset = fo.load_dataset(name)
        known = set(dataset.values("filepath"))
        if not any(Path(path).is_relative_to(folder) for path in known):
            raise InputError(
                f"The dataset {name!r} holds other images than {folder}, so the folder's name "
                f"cannot be used for a new one. Rename one of them, or give the dataset's name."
            )
    fresh = [path for path in images if str(path) not in known]
    if fresh:
        dataset.add_samples([_sample(path) for path in fresh], progress=False)
    return dataset


def find_images(folder: Path) -> list[Path]:
    """Image files below a folder; hidden ones are left out.

    By the kind that their names tell, the same on every machine, or by their first bytes where the
    names tell none.
    """
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(root) / name
            if not name.startswith(".") and _is_image(path):
                found.append(path)
    return found


_ALWAYS_IMAGES = frozenset({".webp", ".avif", ".heic", ".heif", ".jp2", ".jxl", ".tga", ".qoi"})
"""Names that Python knows on machines with a ``/etc/mime.types`` alone, if at all."""


def _is_image(path: Path) -> bool:
    if path.suffix.lower() in _ALWAYS_IMAGES:
        return True
    kind = mimetypes.guess_type(path.name)[0]
    if kind is None:
        return is_image_file(path)
    return kind.startswith("image/") and "svg" not in kind


def _sample(path: Path) -> fo.Sample:
    """A sample of an image, whatever its name: FiftyOne goes by names alone."""
    return fo.Sample.from_dict({"filepath": str(path), "_media_type": "image"})


def restrict(
    dataset: fo.Dataset, *, view: str | None, limit: int | None
) -> fo.core.collections.SampleCollection:
    """The dataset, or a part of it.

    Args:
        dataset: the whole.
        view: name of a saved view.
        limit: only the first so many samples.

    Raises:
        InputError: no such view, or a limit below 1.
    """
    if view is not None and not dataset.has_saved_view(view):
        names = ", ".join(dataset.list_saved_views()) or "none yet"
        raise InputError(
            f"--view must name a saved view of {dataset.name!r}; got {view!r}. It has: {names}."
        )
    if limit is not None and limit < 1:
        raise InputError(f"--limit must be at least 1; got {limit}. Leave it out for all images.")
    collection = dataset if view is None else dataset.load_saved_view(view)
    return collection if limit is None else collection.limit(limit)

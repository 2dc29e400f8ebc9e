"""The demo: scenes of the bundled world with their truth, as a FiftyOne dataset, in the App."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import fiftyone as fo
import numpy as np
from PIL import Image

from fiftyone_capviz.curation.app.workspace import WORKSPACE, WORKSPACE_TOLD
from fiftyone_capviz.curation.dataset.saved import our_workspace
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.grammar import complete_caption
from fiftyone_capviz.scenes.world import sample_scene

DEMO_DATASET = "capviz-demo"
TRUTH_FIELD = "truth"
BACKGROUND_FIELD = "truth_background"
CAPTION_FIELD = "truth_caption"
_INDEX = "scenes.json"


def make_scenes(
    n: int, *, seed: int, folder: Path, progress: Callable[[int], None] | None = None
) -> list[dict[str, Any]]:
    """Draw scenes: `images/*.png`, `masks/*.png` and their truth in `scenes.json`.

    A mask image is 0 where the background is visible and i + 1 where the i-th thing is. Files that
    are there already are kept, since the same seed draws the same pixels.

    Args:
        n: how many.
        seed: of the first scene; the others follow.
        folder: made if it does not exist.
        progress: called with the number of scenes that are done.

    Returns:
        One record per scene: file, mask, seed, background, caption, things.

    Raises:
        InputError: n is below 1, or the folder cannot be written.
    """
    if n < 1:
        raise InputError(f"--n must be at least 1; got {n}. The demo uses 400.")
    if seed < 0:
        raise InputError(f"--seed must be at least 0; got {seed}. Choose another.")
    try:
        for part in ("images", "masks"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        records = []
        for number in range(seed, seed + n):
            records.append(_draw(number, folder))
            if progress is not None:
                progress(len(records))
        _replace_text(folder / _INDEX, json.dumps(records, indent=1))
    except OSError as err:
        raise InputError(
            f"The scenes must be written to {folder}, which failed: {err}. Choose another folder."
        ) from err
    return records


def _draw(seed: int, folder: Path) -> dict[str, Any]:
    scene = sample_scene(seed)
    image, mask = (folder / part / f"scene-{seed:06d}.png" for part in ("images", "masks"))
    if not (image.exists() and mask.exists()):
        painted = render(scene)
        ids = np.zeros(painted.image.shape[:2], np.uint8)
        for index, visible in enumerate(painted.masks, start=1):
            ids[visible] = index
        for path, pixels in ((mask, ids), (image, painted.image)):
            unfinished = path.with_name(f".{path.name}")
            Image.fromarray(pixels).save(unfinished, format="PNG")
            unfinished.replace(path)
    return {
        "file": image.name,
        "seed": seed,
        "background": scene.background,
        "caption": complete_caption(scene),
        "things": [asdict(thing) for thing in scene.things],
    }


def _replace_text(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(path)


def scenes_dataset(name: str, folder: Path) -> fo.Dataset:
    """The dataset of a folder that `make_scenes` wrote: made, or filled up with what is missing.

    Every sample carries its truth: `truth` (Detections with exact visible masks and colors),
    `truth_background` and `truth_caption`.

    Raises:
        InputError: no scenes in the folder, or a dataset of other images has the name.
    """
    folder = folder.resolve()
    index = folder / _INDEX
    if not index.is_file():
        raise InputError(f"The folder must hold scenes; {folder} has no {_INDEX}. Make some first.")
    records = json.loads(index.read_text(encoding="utf-8"))
    known: set[str] = set()
    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
        known = set(dataset.values("filepath"))
        if known and not any(Path(path).is_relative_to(folder) for path in known):
            raise InputError(
                f"The dataset {name!r} holds other images than {folder}. Choose another name."
            )
    else:
        dataset = fo.Dataset(name, persistent=True)
    fresh = [record for record in records if str(folder / "images" / record["file"]) not in known]
    if fresh:
        dataset.add_samples([_sample(record, folder) for record in fresh], progress=False)
        dataset.add_dynamic_sample_fields()
    return dataset


def _sample(record: dict[str, Any], folder: Path) -> fo.Sample:
    image = folder / "images" / record["file"]
    ids = np.asarray(Image.open(folder / "masks" / record["file"]))
    detections = [
        detection
        for index, thing in enumerate(record["things"], start=1)
        if (detection := _detection(thing, ids == index)) is not None
    ]
    return fo.Sample(
        filepath=str(image),
        **{
            TRUTH_FIELD: fo.Detections(detections=detections),
            BACKGROUND_FIELD: record["background"],
            CAPTION_FIELD: record["caption"],
        },
    )


def _detection(thing: dict[str, Any], mask: np.ndarray) -> fo.Detection | None:
    """One thing, its mask cut to its box; None where it is hidden."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    if not len(rows):
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    height, width = mask.shape
    return fo.Detection(
        label=thing["kind"],
        bounding_box=[
            left / width,
            top / height,
            (right - left) / width,
            (bottom - top) / height,
        ],
        mask=mask[top:bottom, left:right],
        color=thing["color"],
    )


def demo_folder() -> Path:
    """Where the demo's images are: beside FiftyOne's own datasets."""
    return Path(fo.config.default_dataset_dir) / DEMO_DATASET


def make_demo(n: int = 400, *, seed: int = 0, reset: bool = False) -> fo.Dataset:
    """The demo's dataset of exactly these scenes, not analysed yet unless it was before.

    Args:
        n: scenes.
        seed: of the first scene.
        reset: delete dataset and analysis first; images that fit are kept.

    Raises:
        InputError: n or seed is out of range, or the folder cannot be written.
    """
    if reset and fo.dataset_exists(DEMO_DATASET):
        fo.delete_dataset(DEMO_DATASET)
    folder = demo_folder()
    with fo.ProgressBar(total=n, quiet=_all_drawn(n, seed, folder)) as bar:
        records = make_scenes(n, seed=seed, folder=folder, progress=lambda _: bar.update())
    dataset = scenes_dataset(DEMO_DATASET, folder)
    wanted = {str(folder.resolve() / "images" / record["file"]) for record in records}
    surplus = [
        sample_id
        for sample_id, path in zip(*dataset.values(["id", "filepath"]), strict=True)
        if path not in wanted
    ]
    if surplus:
        dataset.delete_samples(surplus)
    return dataset


def _all_drawn(n: int, seed: int, folder: Path) -> bool:
    return all(
        (folder / "images" / f"scene-{number:06d}.png").exists()
        for number in range(seed, seed + max(n, 0))
    )


def show_in_app(
    dataset: fo.Dataset,
    *,
    port: int,
    address: str | None,
    announce: Callable[[str], None],
) -> None:
    """Open the App on the saved workspace and wait for Ctrl-C or SIGTERM; leave no server behind.

    Args:
        dataset: with the workspace *Captions*.
        port: where the App listens.
        address: on which address; default FiftyOne's own, localhost.
        announce: is told where to look.

    Raises:
        InputError: something else listens on the port.
    """
    _require_free_port(port, address)
    name = our_workspace(dataset, WORKSPACE, description=WORKSPACE_TOLD)
    spaces = None if name is None else dataset.load_workspace(name)
    with _terminated_like_interrupted():
        session = fo.launch_app(
            dataset, spaces=spaces, port=port, address=address, remote=address is not None
        )
        try:
            announce(f"The App is open at http://{address or 'localhost'}:{port} (Ctrl-C ends it)")
            session.wait(-1)
        except KeyboardInterrupt:
            announce("Closing the App.")
        finally:
            fo.close_app()


def _require_free_port(port: int, address: str | None) -> None:
    host = "127.0.0.1" if address in (None, "localhost", "0.0.0.0") else address
    with socket.socket() as probe:
        probe.settimeout(1.0)
        if probe.connect_ex((host, port)) == 0:
            raise InputError(
                f"--port must be free; something listens on {port}. "
                f"End it, or choose another: --port {port + 1}"
            )


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt inside, so that servers are closed and not left behind."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

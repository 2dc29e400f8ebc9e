"""A folder of images becomes a dataset, whatever the machine knows of their names."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from pathlib import Path

import fiftyone as fo
import pytest
from PIL import Image

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.dataset.samples import image_samples
from fiftyone_capviz.curation.targets import dataset_of_folder, find_images, open_target
from fiftyone_capviz.errors import InputError
from tests.worlds.random_world import image_dataset, random_options

NAMES = {
    "a.webp": "WEBP", "b.avif": "AVIF", "c.png": "PNG", "d": "JPEG",
    "e.of.2024-05-06T10": "PNG", "f.JPG": "JPEG",
}  # fmt: skip


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container: Python knows the kinds of names that it brings itself, and no others."""
    own = mimetypes.MimeTypes(filenames=())
    monkeypatch.setattr(mimetypes, "guess_type", own.guess_type)
    assert mimetypes.guess_type("a.webp") == (None, None)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "many-names"
    place.mkdir()
    for name, kind in NAMES.items():
        Image.new("RGB", (48, 48), "red").save(place / name, format=kind)
    (place / "notes").write_text("no image")
    (place / "table.csv").write_text("a,b")
    (place / "drawing.svg").write_text("<svg/>")
    (place / ".hidden").write_bytes((place / "c.png").read_bytes())
    yield place
    if fo.dataset_exists(place.name):
        fo.delete_dataset(place.name)


@pytest.mark.usefixtures("bare_machine")
def test_images_of_every_name_are_found(folder: Path) -> None:
    assert [path.name for path in find_images(folder)] == sorted(NAMES)
    dataset = dataset_of_folder(folder)
    assert dataset.media_type == "image"
    assert {sample.media_type for sample in dataset} == {"image"}
    report = analyze(dataset, random_options(), stages=("caption",), progress=False)
    assert (report.counts["done"], report.failures) == (len(NAMES), [])


@pytest.mark.usefixtures("bare_machine")
def test_the_folder_is_read_again(folder: Path) -> None:
    open_target(str(folder))
    Image.new("RGB", (48, 48)).save(folder / "another", format="PNG")
    assert len(open_target(str(folder))) == len(NAMES) + 1


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize("name", ["a.webp", "d"])
def test_images_that_fiftyone_does_not_know_are_images(folder: Path, name: str) -> None:
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath=str(folder / name)))
    assert dataset.media_type == "unknown"
    assert len(image_samples(dataset).ids) == 1
    grouped = fo.Dataset()
    grouped.add_group_field("group", default="still")
    element = fo.Group().element("still")
    grouped.add_sample(fo.Sample(filepath=str(folder / name), group=element))
    assert len(image_samples(grouped).ids) == 1


def test_files_that_are_no_images_are_refused(folder: Path) -> None:
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath=str(folder / "notes")))
    with pytest.raises(InputError, match="needs images"):
        image_samples(dataset)


def test_the_way_on_from_a_view_of_patches_makes_an_image_of_each(tmp_path: Path) -> None:
    dataset = image_dataset(tmp_path, 2)
    box = fo.Detection(label="x", bounding_box=[0.25, 0.5, 0.5, 0.25])
    dataset.set_values("truth", [fo.Detections(detections=[box.copy()]) for _ in dataset])
    view = dataset.to_patches("truth")
    with pytest.raises(InputError, match="whole images; this is a view of patches") as caught:
        image_samples(view)
    (call,) = str(caught.value).split("that folder: view.")[1:]
    folder = tmp_path / "crops"
    eval(
        f"view.{call.rstrip('.')}".replace("'patches'", repr(str(folder))), {"view": view, "fo": fo}
    )
    width, height = Image.open(dataset.first().filepath).size
    sizes = [Image.open(path).size for path in find_images(folder)]
    assert sizes == [(round(width * 0.5), round(height * 0.25))] * 2


@pytest.mark.parametrize("kind", ["frames", "clips"])
def test_other_parts_have_a_way_on_of_their_own(kind: str) -> None:
    from fiftyone_capviz.curation.dataset.samples import _PARTS_AS_IMAGES

    assert "to_frames(sample_frames=True).clone()" in _PARTS_AS_IMAGES[kind]

"""What real datasets hold: a run names it, counts it, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.errors import CheckpointError, InputError, UnknownModelError
from tests.worlds.random_world import (
    CountingCache,
    draw_image,
    image_dataset,
    random_options,
    raw_sample,
)


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[fo.Dataset]:
    made = image_dataset(tmp_path, 2)
    yield made
    made.delete()


def bad_file(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.jpg"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("no image at all")
    elif kind == "truncated":
        whole = folder / "whole.jpg"
        draw_image(whole, seed=0, size=(200, 200))
        path.write_bytes(whole.read_bytes()[:900])
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated"])
def test_a_file_that_cannot_be_read_stops_nothing(
    dataset: fo.Dataset, cache: CountingCache, tmp_path: Path, kind: str
) -> None:
    path = bad_file(tmp_path, kind)
    bad = fo.Sample(filepath=str(path))
    dataset.add_sample(bad)

    report = analyze(dataset, random_options(), cache=cache)

    assert (report.counts["done"], report.counts["failed"]) == (2, 1)
    assert report.failures[0].filepath == str(path)
    bad.reload()
    assert path.name in bad.capviz_error
    assert bad.caption is None
    assert bad.segments is None
    assert dataset.count("caption") == 2

    draw_image(path, seed=5)
    again = analyze(dataset, random_options(), cache=cache)

    bad.reload()
    assert (again.counts["done"], again.skipped) == (1, 2)
    assert bad.capviz_error is None
    assert bad.caption is not None


def test_a_dataset_of_broken_images_only(cache: CountingCache, tmp_path: Path) -> None:
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=str(tmp_path / f"{i}.png")) for i in range(3)])
    report = analyze(dataset, random_options(map_method="tsne"), cache=cache)
    assert report.counts["failed"] == 3
    assert any("No map" in note for note in report.notes)
    dataset.delete()


@pytest.mark.parametrize("size", [(1, 1), (1200, 20), (3, 400)])
def test_extreme_sizes(cache: CountingCache, tmp_path: Path, size: tuple[int, int]) -> None:
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath=str(draw_image(tmp_path / "x.png", seed=1, size=size))))

    report = analyze(dataset, random_options(), cache=cache)

    assert report.counts["done"] == 1, report.failures
    sample = dataset.first()
    assert len(sample.caption_scores) == len(sample.segments.detections)
    dataset.delete()


@pytest.mark.slow
def test_a_panorama_of_12000_pixels(cache: CountingCache, tmp_path: Path) -> None:
    dataset = fo.Dataset()
    path = draw_image(tmp_path / "wide.png", seed=1, size=(12_000, 200))
    dataset.add_sample(fo.Sample(filepath=str(path)))
    assert analyze(dataset, random_options(), cache=cache).counts["done"] == 1
    dataset.delete()


def save_as(image: Image.Image, path: Path, mode: str) -> Path:
    if mode == "I;16":
        Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(path)
    elif mode == "animated":
        image.save(path, save_all=True, append_images=[image.rotate(90)])
    else:
        image.convert(mode).save(path)
    return path


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("1", "png"),
        ("L", "png"),
        ("I;16", "png"),
        ("P", "png"),
        ("RGBA", "png"),
        ("CMYK", "jpg"),
        ("animated", "gif"),
    ],
)
def test_kinds_of_images(cache: CountingCache, tmp_path: Path, mode: str, suffix: str) -> None:
    with Image.open(draw_image(tmp_path / "source.png", seed=2)) as image:
        path = save_as(image, tmp_path / f"image.{suffix}", mode)
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath=str(path)))
    assert analyze(dataset, random_options(), cache=cache).counts["done"] == 1
    dataset.delete()


def test_segments_lie_on_the_upright_image(cache: CountingCache, tmp_path: Path) -> None:
    with Image.open(draw_image(tmp_path / "source.png", seed=2, size=(60, 30))) as image:
        exif = image.getexif()
        exif[0x0112] = 6  # rotate by 90 degrees to see it upright
        image.save(tmp_path / "rotated.jpg", exif=exif)
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath=str(tmp_path / "rotated.jpg")))
    analyze(dataset, random_options(), cache=cache)

    for detection in dataset.first().segments.detections:
        height, width = detection.mask.shape
        assert round(detection.bounding_box[2] * 30) == width
        assert round(detection.bounding_box[3] * 60) == height
    dataset.delete()


def test_an_empty_view_is_refused(dataset: fo.Dataset, cache: CountingCache) -> None:
    for empty in (dataset.limit(0), fo.Dataset()):
        with pytest.raises(InputError, match="at least one sample; the view is empty"):
            analyze(empty, random_options(), cache=cache)


def test_videos_are_refused(cache: CountingCache, tmp_path: Path) -> None:
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath=str(tmp_path / "film.mp4")))
    with pytest.raises(InputError, match=r"needs images; .* 'video'.*to_frames"):
        analyze(dataset, random_options(), cache=cache)
    assert not dataset.has_field("caption")
    dataset.delete()


def test_patches_are_refused(dataset: fo.Dataset, cache: CountingCache) -> None:
    labels = [
        fo.Detections(detections=[fo.Detection(label="x", bounding_box=[0, 0, 1, 1])])
        for _ in range(2)
    ]
    dataset.set_values("truth", labels)
    with pytest.raises(InputError, match="whole images; this is a view of patches"):
        analyze(dataset.to_patches("truth"), random_options(), cache=cache)


def grouped(folder: Path, slices: dict[str, str]) -> fo.Dataset:
    dataset = fo.Dataset()
    dataset.add_group_field("group", default=next(iter(slices)))
    samples = []
    for number in range(2):
        group = fo.Group()
        for name, suffix in slices.items():
            path = folder / f"{number}-{name}.{suffix}"
            if suffix == "png":
                draw_image(path, seed=number)
            samples.append(fo.Sample(filepath=str(path), group=group.element(name)))
    dataset.add_samples(samples)
    return dataset


def test_the_active_image_slice_of_a_group_is_used(cache: CountingCache, tmp_path: Path) -> None:
    dataset = grouped(tmp_path, {"left": "png", "right": "png"})
    report = analyze(dataset, random_options(), cache=cache)

    assert report.counts["samples"] == report.counts["done"] == 2
    assert any("slice 'left'" in note for note in report.notes)
    assert dataset.select_group_slices("left").count("caption") == 2
    assert dataset.select_group_slices("right").count("caption") == 0
    dataset.delete()


def test_the_only_image_slice_is_found(cache: CountingCache, tmp_path: Path) -> None:
    dataset = grouped(tmp_path, {"film": "mp4", "still": "png"})
    report = analyze(dataset, random_options(), cache=cache)
    assert report.counts["done"] == 2
    assert any("slice 'still'" in note for note in report.notes)
    dataset.delete()


def test_groups_without_images_are_refused(cache: CountingCache, tmp_path: Path) -> None:
    dataset = grouped(tmp_path, {"film": "mp4"})
    with pytest.raises(InputError, match="slices of this grouped dataset hold film: video"):
        analyze(dataset, random_options(), cache=cache)
    dataset.delete()


@pytest.mark.parametrize(
    "text",
    [
        "a man. with $5 in his hat",
        "\"quoted\" & 'single' <b>bold</b>",
        "a dog 🐕 plays",
        "一只狗在草地上",
        "$where.a.b $set",
        "tab\tand\nnewline",
        "x" * 2000,
    ],
)
def test_captions_of_any_text(dataset: fo.Dataset, cache: CountingCache, text: str) -> None:
    dataset.set_values("caption", [text] * 2)
    report = analyze(
        dataset, random_options(), stages=("segment", "match", "attribute"), cache=cache
    )

    assert report.counts["done"] == 2, report.failures
    sample = dataset.first()
    assert sample.caption == text
    assert sample.caption_scores.shape[1] == len(sample.caption_words)
    assert set(sample.segments.detections[0].to_dict()) == {
        key for d in sample.segments.detections for key in d.to_dict()
    }


@pytest.mark.parametrize("text", ["", "   ", "of the and with"])
def test_captions_without_words(dataset: fo.Dataset, cache: CountingCache, text: str) -> None:
    dataset.set_values("caption", [text] * 2)
    stages = ("segment", "match", "attribute")
    report = analyze(dataset, random_options(), stages=stages, cache=cache)

    assert report.counts["done"] == 2
    sample = dataset.first()
    assert sample.caption_words == []
    assert (sample.caption_itm is None) == (not text.strip())
    assert sample.caption_scores.shape == (len(sample.segments.detections), 0)
    assert sample.caption_coverage == 0
    assert {d.label for d in sample.segments.detections} == {"uncovered"}
    assert analyze(dataset, random_options(), stages=stages, cache=cache).skipped == 2


def test_samples_without_a_caption_are_left_out(dataset: fo.Dataset, cache: CountingCache) -> None:
    dataset.set_values("caption", ["a dog", None])
    report = analyze(dataset, random_options(), stages=("match", "attribute"), cache=cache)
    assert report.counts["done"] == 1
    assert "1 samples have no text to score." in report.notes

    dataset.set_values("caption", [None, None])
    with pytest.raises(InputError, match="need captions; none of the 2 samples"):
        analyze(
            dataset, random_options(existing="replace"), stages=("match", "attribute"), cache=cache
        )


def test_an_image_without_segments(dataset: fo.Dataset, cache: CountingCache) -> None:
    report = analyze(dataset, random_options(min_area=1.0), cache=cache)

    assert report.counts["done"] == 2
    sample = dataset.first()
    assert sample.segments.detections == []
    assert sample.caption_scores.shape == (0, len(sample.caption_words))
    assert sample.caption_coverage is None
    assert analyze(dataset, random_options(min_area=1.0), cache=cache).skipped == 2


def test_attribution_without_any_segments_field(dataset: fo.Dataset, cache: CountingCache) -> None:
    dataset.set_values("caption", ["a dog on grass"] * 2)
    analyze(dataset, random_options(), stages=("match", "attribute"), cache=cache)
    sample = dataset.first()
    assert sample.caption_attention.shape[0] == len(sample.caption_words)
    assert sample.caption_scores.shape == (0, len(sample.caption_words))


def test_an_unreadable_mask_of_a_users_own_stops_nothing(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    good = fo.Detection(label="x", bounding_box=[0, 0, 0.5, 1])
    bad = fo.Detection(label="x", bounding_box=[0, 0, 1, 1], mask_path="/nowhere/mask.png")
    dataset.set_values("truth", [fo.Detections(detections=[good]), fo.Detections(detections=[bad])])
    options = random_options(segments_field="truth", own_segments=True)

    report = analyze(dataset, options, cache=cache)

    assert (report.counts["done"], report.counts["failed"]) == (1, 1)
    assert "/nowhere/mask.png" in report.failures[0].message


def test_own_segments_need_a_field(dataset: fo.Dataset, cache: CountingCache) -> None:
    with pytest.raises(InputError, match="no field 'segments' with segments"):
        analyze(dataset, random_options(own_segments=True), cache=cache)


def test_an_unknown_model_changes_nothing(dataset: fo.Dataset, cache: CountingCache) -> None:
    with pytest.raises(UnknownModelError, match="no-such-model"):
        analyze(dataset, random_options(captioner="no-such-model"), cache=cache)
    assert not dataset.has_field("caption")


def test_a_checkpoint_of_another_architecture_is_named(
    dataset: fo.Dataset, cache: CountingCache
) -> None:
    options = random_options()
    with pytest.raises(CheckpointError, match="BlipForImageTextRetrieval"):
        analyze(dataset, random_options(captioner=options.matcher), cache=cache)
    assert dataset.count("caption") == 0
    assert "caption" not in raw_sample(dataset)

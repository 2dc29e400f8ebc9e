"""The whole analysis of photographs with full-size architectures: BLIP-base and SAM ViT-B.

    python benchmarks/full_size.py PHOTOS [--n 5]

The checkpoints are random (see full_size_checkpoints.py), saved to a folder and given by path, as
a user gives theirs. One of the photographs is enlarged to 12 megapixels. A second run must find
nothing to compute. Printed: seconds per stage and image, peak memory, what was found.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import fiftyone as fo

from benchmarks.full_size_checkpoints import save_blip, save_sam_vit_b, words_of
from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.images import open_image
from fiftyone_capviz.scenes.wording import WORDS
from fiftyone_capviz.settings.analysis import AnalysisOptions

LARGE = (4000, 3000)


def save_checkpoints(folder: Path, photo: Path, *, captions: str = "") -> AnalysisOptions:
    """Save all three, and return options that name them by path."""
    words = words_of(captions) or sorted(WORDS)
    file = folder / "sam_vit_b.pth"
    thresholds = save_sam_vit_b(file, open_image(photo))
    return AnalysisOptions(
        captioner=str(save_blip(folder / "captioner", "captioner", words)),
        matcher=str(save_blip(folder / "matcher", "matcher", words)),
        segmenter=f"vit_b={file}",
        min_area=0.0005,
        min_new_tokens=2,
        points_per_side=8,
        pred_iou_thresh=thresholds["pred_iou_thresh"],
        stability_score_thresh=thresholds["stability_score_thresh"],
    )


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="a folder of .jpg files")
    parser.add_argument("--n", type=int, default=5)
    parser.add_argument("--captions", type=Path, help="a text whose words the head may say")
    arguments = parser.parse_args()
    photos = sorted(arguments.photos.glob("*.jpg"))[: arguments.n]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = folder / "large.jpg"
        open_image(photos[0]).resize(LARGE).save(large)
        text = arguments.captions.read_text(encoding="utf-8") if arguments.captions else ""
        start = time.perf_counter()
        options = save_checkpoints(folder, photos[0], captions=text)
        print(f"checkpoints saved in {time.perf_counter() - start:.0f} s")
        dataset = fo.Dataset()
        dataset.add_samples([fo.Sample(filepath=str(path)) for path in [*photos, large]])
        try:
            report = analyze(dataset, options)
            for path, caption, found in zip(
                dataset.values("filepath"),
                dataset.values("caption"),
                dataset.values("segments.detections"),
                strict=True,
            ):
                print(f"{Path(path).stem:<24}{len(found or []):>4} segments  {caption}")
            start = time.perf_counter()
            again = analyze(dataset, options)
            assert again.skipped == len(dataset), "the second run computed something"
            print(f"second run: nothing to do, {time.perf_counter() - start:.1f} s")
        finally:
            dataset.delete()
    assert report.counts["done"] == len(photos) + 1, report.failures
    for stage, seconds in report.seconds.items():
        print(f"{stage:<12}{seconds:>8.1f} s{seconds / (len(photos) + 1):>8.2f} s per image")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


if __name__ == "__main__":
    main()

"""Our automatic masks against segment_anything's own generator: same model, same image, one run.

    python benchmarks/automatic_masks.py                          # bundled size, random weights
    python benchmarks/automatic_masks.py --weights scenes
    python benchmarks/automatic_masks.py --weights vit_b=sam_vit_b_01ec64.pth --image photo.jpg

Both generators take turns; the table shows the best time of each. Every record (mask, box,
predicted IoU, stability, point) must be equal, or the benchmark fails. With random weights the
mask threshold and the IoU threshold are set so that half of the masks pass, as many do in photos.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from segment_anything import SamAutomaticMaskGenerator, sam_model_registry
from segment_anything.modeling import Sam

from fiftyone_capviz.images import open_image
from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.models.segmenters.automatic_masks import (
    MaskOptions,
    MaskRecords,
    decode_prompts,
    encode_image,
    generate_masks,
)
from fiftyone_capviz.models.segmenters.sam_architecture import build_sam
from fiftyone_capviz.scenes.architectures import SAM_CONFIG


def random_model(size: str, image: Image.Image, device: torch.device) -> tuple[Sam, MaskOptions]:
    """A random ``Sam`` ("scenes" or a published size) and options that half of its masks pass."""
    torch.manual_seed(0)
    scenes = size == "scenes"
    model = build_sam(SAM_CONFIG) if scenes else sam_model_registry[size]()
    model = model.to(device).eval().requires_grad_(False)
    for parameter in model.mask_decoder.parameters():
        parameter.data *= 3
    embedding, (height, width) = encode_image(model, image)
    spots = np.random.default_rng(0).random((64, 2)) * (width, height)
    with torch.no_grad():
        logits, ious, _ = decode_prompts(model, embedding, spots, iou_above=0)
    model.mask_threshold = float(np.quantile(logits.cpu().numpy(), 0.95))
    options = MaskOptions(
        points_per_side=SAM_CONFIG["points_per_side"] if scenes else 32,
        pred_iou_thresh=float(ious.median()),
        stability_score_thresh=0.5,
        stability_score_offset=0.02 * float(logits.std()),
        box_nms_thresh=0.9,
    )
    return model, options


def stock_generator(model: Sam, options: MaskOptions) -> SamAutomaticMaskGenerator:
    """segment_anything's own, with the same parameters."""
    return SamAutomaticMaskGenerator(
        model,
        points_per_side=options.points_per_side,
        points_per_batch=options.points_per_batch,
        pred_iou_thresh=options.pred_iou_thresh,
        stability_score_thresh=options.stability_score_thresh,
        stability_score_offset=options.stability_score_offset,
        box_nms_thresh=options.box_nms_thresh,
    )


def require_equal(ours: MaskRecords, stock: list[dict[str, Any]]) -> None:
    """Raise SystemExit where one record differs."""
    if len(ours.masks) != len(stock):
        raise SystemExit(f"{len(ours.masks)} masks, the stock generator has {len(stock)}")
    for index, record in enumerate(stock):
        left, top, right, bottom = ours.boxes[index].tolist()
        equal = (
            np.array_equal(ours.masks[index], record["segmentation"])
            and [left, top, right - left, bottom - top] == record["bbox"]
            and float(ours.predicted_iou[index]) == record["predicted_iou"]
            and float(ours.stability[index]) == record["stability_score"]
            and [ours.points[index].tolist()] == record["point_coords"]
        )
        if not equal:
            raise SystemExit(f"record {index} of {len(stock)} differs")


def main() -> None:
    """Parse the command line, run both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="what --segmenter takes; default random weights")
    parser.add_argument("--size", default="scenes", choices=["scenes", *sam_model_registry])
    parser.add_argument("--image", type=Path, help="default 256 x 256 pixels of noise")
    parser.add_argument("--points", type=int, help="per side; default the checkpoint's own")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="of PyTorch on a CPU")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    image = open_image(arguments.image) if arguments.image else Image.fromarray(noise)
    if arguments.weights:
        segmenter = load_model("segmenter", arguments.weights, device=device, dtype="float32")
        model, options = segmenter.model, replace(segmenter.options, min_area=0.0)
    else:
        model, options = random_model(arguments.size, image, device)
    if arguments.points:
        options = replace(options, points_per_side=arguments.points)
    generator, pixels = stock_generator(model, options), np.asarray(image)
    seconds: dict[str, list[float]] = {"stock": [], "ours": []}
    for _ in range(arguments.repeat):
        start = time.perf_counter()
        stock = generator.generate(pixels)
        middle = time.perf_counter()
        ours = generate_masks(model, image, options)
        seconds["stock"].append(middle - start)
        seconds["ours"].append(time.perf_counter() - middle)
        require_equal(ours, stock)
    best = {name: min(each) for name, each in seconds.items()}
    print(f"image {image.width} x {image.height}, {options.points_per_side}² prompts, {device}")
    print(f"{'generator':<20}{'seconds':>10}{'ratio':>8}")
    print(f"{'segment_anything':<20}{best['stock']:>10.2f}{1:>8.2f}")
    print(f"{'fiftyone_capviz':<20}{best['ours']:>10.2f}{best['stock'] / best['ours']:>8.2f}")
    print(f"{len(ours.masks)} records, all identical")


if __name__ == "__main__":
    main()

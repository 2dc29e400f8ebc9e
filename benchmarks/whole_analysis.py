"""The whole analysis of scenes against a hand-written loop over the same models.

    python benchmarks/whole_analysis.py --n 400

Rival: what one would write without this package and without a database: decode, preprocess,
`generate`, match score, `SamAutomaticMaskGenerator`, t-SNE of one vector per mask, one image at a
time, stock code only. It makes no word attributions, no coverage and stores nothing. Both run in
this process, one after the other; captions, scores and numbers of masks must be equal.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import fiftyone as fo
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from segment_anything import SamAutomaticMaskGenerator
from sklearn.manifold import TSNE
from transformers import (
    BertTokenizer,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
)

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.demo import make_scenes
from fiftyone_capviz.models.registry import BUNDLED
from fiftyone_capviz.models.segmenters.sam_architecture import build_sam
from fiftyone_capviz.records import Segments
from fiftyone_capviz.segments import filter_segments
from fiftyone_capviz.settings.analysis import SCENES_OPTIONS


@torch.no_grad()
def by_hand(files: list[Path]) -> tuple[list[str], list[float], list[int], dict[str, float]]:
    """Captions, match probabilities, mask counts and seconds per step of the hand-written loop."""
    seconds: dict[str, float] = {}

    def lap(name: str, since: float) -> None:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - since

    start = time.perf_counter()
    captioner = BlipForConditionalGeneration.from_pretrained(BUNDLED / "captioner").float().eval()
    matcher = BlipForImageTextRetrieval.from_pretrained(BUNDLED / "matcher").float().eval()
    tokenizer = BertTokenizer.from_pretrained(BUNDLED / "captioner")
    processor = BlipImageProcessor.from_pretrained(BUNDLED / "captioner")
    config = json.loads((BUNDLED / "sam" / "config.json").read_text())
    sam = build_sam(config)
    sam.load_state_dict(
        {k: v.float() for k, v in load_file(BUNDLED / "sam/model.safetensors").items()}
    )
    generator = SamAutomaticMaskGenerator(
        sam.eval(),
        points_per_side=config["points_per_side"],
        pred_iou_thresh=config["pred_iou_thresh"],
        stability_score_thresh=config["stability_score_thresh"],
    )
    lap("models", start)
    prompt = tokenizer("a picture of", return_tensors="pt")
    enc = matcher.config.text_config.vocab_size - 1
    captions, scores, counts, vectors = [], [], [], []
    for file in files:
        start = time.perf_counter()
        image = Image.open(file).convert("RGB")
        pixels = processor(images=image, return_tensors="pt")["pixel_values"]
        lap("decode", start)

        start = time.perf_counter()
        ids = captioner.generate(
            pixels,
            input_ids=prompt["input_ids"].clone(),
            attention_mask=prompt["attention_mask"],
            num_beams=3,
            max_new_tokens=20,
        )
        text = tokenizer.decode(ids[0], skip_special_tokens=True)
        captions.append(text.replace("[DEC]", "").strip().removeprefix("a picture of").strip())
        lap("caption", start)

        start = time.perf_counter()
        tokens = tokenizer(captions[-1], return_tensors="pt")
        tokens["input_ids"][:, 0] = enc
        features = matcher.vision_model(pixels).last_hidden_state
        hidden = matcher.text_encoder(
            tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            encoder_hidden_states=features,
        ).last_hidden_state
        scores.append(float(matcher.itm_head(hidden[:, 0]).softmax(-1)[0, 1]))
        lap("match", start)

        start = time.perf_counter()
        records = generator.generate(np.asarray(image))
        if records:
            masks = np.stack([record["segmentation"] for record in records])
            ious = np.array([record["predicted_iou"] for record in records])
            kept, _ = filter_segments(Segments(masks, ious))
            counts.append(len(kept))
            grid = int((features.shape[1] - 1) ** 0.5)
            side = masks.shape[1] // grid
            cells = kept.masks[:, : side * grid, : side * grid].reshape(
                len(kept), grid, side, grid, side
            )
            shares = torch.from_numpy(cells.mean(axis=(2, 4)).reshape(len(kept), -1)).float()
            vectors.append(shares @ features[0, 1:])
        else:
            counts.append(0)
        lap("segment", start)
    start = time.perf_counter()
    TSNE(init="pca", random_state=51).fit_transform(torch.cat(vectors).numpy())
    lap("map", start)
    return captions, scores, counts, seconds


def main() -> None:
    """Run both, assert equal outputs, print seconds and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=400)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_scenes(arguments.n, seed=0, folder=folder)
        files = sorted((folder / "images").glob("*.png"))
        dataset = fo.Dataset()
        dataset.add_samples([fo.Sample(filepath=str(file)) for file in files])
        try:
            start = time.perf_counter()
            report = analyze(dataset, SCENES_OPTIONS)
            ours = time.perf_counter() - start
            start = time.perf_counter()
            captions, scores, counts, seconds = by_hand(files)
            rival = time.perf_counter() - start
            assert dataset.values("caption") == captions, "captions differ"
            assert np.allclose(dataset.values("caption_itm"), scores, atol=1e-3), "scores differ"
            found = [len(labels or []) for labels in dataset.values("segments.detections")]
            assert found == counts, "numbers of segments differ"
        finally:
            dataset.delete()
    print(f"hand-written loop {rival:7.1f} s", {k: round(v, 1) for k, v in seconds.items()})
    print(f"analyze           {ours:7.1f} s", {k: round(v, 1) for k, v in report.seconds.items()})
    print(f"ratio             {ours / rival:7.2f} (target: at most 1.30)")


if __name__ == "__main__":
    main()

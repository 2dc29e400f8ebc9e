"""How deep pixels are read is an option of the analysis, and part of what its results depend on."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import numpy as np
from PIL import Image

from fiftyone_capviz.cli import build_parser
from fiftyone_capviz.commands.option_arguments import options_of
from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.plan import existing_results
from fiftyone_capviz.curation.steering.image import read_image
from fiftyone_capviz.settings.analysis import STAGES, AnalysisOptions
from tests.worlds.random_world import random_options


def test_the_option_reaches_the_models_and_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    values = np.random.default_rng(0).integers(0, 4096, (48, 48)).astype(np.uint16)
    Image.fromarray(values).save(path)
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=str(path), caption="a dog", told="a dog")])
    probabilities = []
    for field, kind in (("caption", "file"), ("told", "minmax")):
        options = random_options(caption_field=field, pixel_range=kind)
        report = analyze(dataset, options, stages=("match",), progress=False)
        assert report.counts["done"] == 1
        probabilities += dataset.values(f"{field}_itm")
        assert read_image(dataset, dataset.first().id, options).pixel_range == kind
    assert probabilities[0] != probabilities[1]
    other = random_options(caption_field="caption", pixel_range="minmax")
    assert existing_results(dataset, other, ("match",)).conflicts


def test_results_from_before_the_option_are_as_the_file_says() -> None:
    options, revisions = AnalysisOptions(), {"captioner": "a", "matcher": "b", "segmenter": "c"}
    known = {
        stage: options.stage_hash(stage, revisions, precision="float32") for stage in STAGES[:4]
    }
    assert known["caption"] == "e9401f066bed653a"
    spread = AnalysisOptions(pixel_range="minmax")
    for stage, before in known.items():
        assert spread.stage_hash(stage, revisions, precision="float32") != before


def test_the_command_line_knows_it() -> None:
    arguments = build_parser().parse_args(["analyze", "x", "--pixel-range", "minmax"])
    assert options_of(arguments).pixel_range == "minmax"

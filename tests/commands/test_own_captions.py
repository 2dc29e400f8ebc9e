"""Captions of the user's own on the command line: kept, written over by choice, exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz import cli
from tests.worlds.own_captions import SHAPES, TEXTS, Shape, add_own_captions, raw_values
from tests.worlds.random_world import image_dataset, random_options


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Any]:
    made = image_dataset(tmp_path, 3, name="own-captions")
    yield made
    fo.delete_dataset(made.name)


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


def analyze(shape: Shape, *arguments: str) -> int:
    options = random_options()
    models = ("--captioner", options.captioner, "--matcher", options.matcher)
    quick = ("--num-beams", "1", "--max-new-tokens", "5", "--device", "cpu", "--no-map")
    asked = ("--caption-field", shape.path, "--stages", "caption", "match")
    return cli.main(["analyze", "own-captions", "--quiet", *models, *quick, *asked, *arguments])


def test_kept_by_replace_written_over_by_choice_and_exported(
    dataset: Any, shape: Shape, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_own_captions(dataset, shape)
    before = raw_values(dataset, shape.field)

    assert analyze(shape) == 1
    assert "overwrite_captions=True" in capsys.readouterr().err
    assert analyze(shape, "--existing", "replace") == 0
    assert raw_values(dataset, shape.field) == before
    out = tmp_path / "out"
    asked = ("--caption-field", shape.path, "--format", "captions_json", "captions_coco")
    assert cli.main(["export", "own-captions", "--out", str(out), *asked]) == 0
    records = json.loads((out / "captions.json").read_text("utf-8"))["samples"]
    firsts = [one["caption"] for one in records]
    assert [one[0] if isinstance(one, list) else one for one in firsts] == list(TEXTS)
    assert all(record["match"] is not None and record["words"] for record in records)

    assert analyze(shape, "--overwrite-captions") == 0
    assert raw_values(dataset, shape.field) != before
    dataset.reload()

"""`capviz evaluate` on a few bundled scenes: what it prints, writes, stores, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz import cli
from fiftyone_capviz.curation.demo import make_scenes, scenes_dataset
from fiftyone_capviz.curation.evaluation.grounding import GroundingMeasurement
from fiftyone_capviz.curation.evaluation.storage import load_evaluation

NAME = "capviz-commanded"
COUNT = 8
QUICK = (
    *("evaluate", NAME, "--regions", "truth", "--source", "itm", "--no-heads", "--device", "cpu"),
    *("--bootstrap-samples", "50", "--batch-size", "4"),
)
FIRST, SECOND = "capviz_evaluation_truth_caption", "capviz_evaluation5_truth_caption_again"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Scenes that are evaluated by the command alone."""
    folder = tmp_path_factory.mktemp("commanded")
    make_scenes(COUNT, seed=8_000_003, folder=folder)
    dataset = scenes_dataset(NAME, folder)
    yield dataset
    dataset.delete()


@pytest.fixture(scope="module")
def outputs(scenes: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two evaluations wrote."""
    folder = tmp_path_factory.mktemp("written")
    files = ("--json", str(folder / "one.json"), "--html", str(folder / "one.html"))
    steer = ("--steering-methods", "scale", "--steering-weights", "2", "4")
    few = ("--steering-samples", "6", "--planted", "fish+man", "--apart", "cat+car")
    measured = ("--measure", "grounding", "coverage", "steering")
    assert cli.main([*QUICK, *measured, *steer, *few, *files]) == 0
    again = ("--measure", "grounding", "--name", "again", "--seed", "5", "--limit", "7", "--quiet")
    assert cli.main([*QUICK, *again, "--json", str(folder / "two.json")]) == 0
    scenes.reload()
    return folder


def said(capsys: pytest.CaptureFixture[str], arguments: Sequence[object], code: int = 0) -> str:
    capsys.readouterr()
    assert cli.main([str(one) for one in arguments]) == code
    found = capsys.readouterr()
    assert "Traceback" not in found.err
    return found.err if code == 1 else found.out


def test_json_is_the_stored_run(scenes: Any, outputs: Path) -> None:
    written = json.loads((outputs / "one.json").read_text())
    assert written.pop("dataset") == NAME
    assert written == load_evaluation(scenes, FIRST).to_dict()
    assert [one["words"] for one in written["associations"]] == [["fish", "man"], ["cat", "car"]]
    assert [one["kind"] for one in written["associations"]] == ["together", "apart"]
    assert {(one["method"], one["weight"]) for one in written["steering"]} == {
        ("plain", 1.0), ("scale", 2.0), ("scale", 4.0),
    }  # fmt: skip
    for one in written["steering"]:
        assert 0 <= one["acceptable"]["value"] <= one["rate"]["value"] <= 1
    assert not written["faithfulness"]
    assert {one["source"] for one in written["families"]} == {"itm"}
    assert json.loads((outputs / "two.json").read_text())["about"]["seed"] == 5


def test_a_stored_one_is_replaced_on_request_alone(
    scenes: Any, outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = (*QUICK, "--measure", "grounding", "--limit", "2", "--name", "again", "--quiet")
    told = said(capsys, (*few, "--seed", "9"), code=1)
    assert "--existing replace" in told
    assert load_evaluation(scenes, SECOND).about["seed"] == 5
    said(capsys, (*few, "--seed", "9", "--name", "third"))
    said(capsys, (*few, "--seed", "10", "--name", "third", "--existing", "replace"))
    scenes.reload()
    assert load_evaluation(scenes, "truth_caption", "third").about["seed"] == 10
    scenes.delete_run("capviz_evaluation5_truth_caption_third")


def test_numbers_in_json_are_numbers(outputs: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads((outputs / "one.json").read_text(), parse_constant=refuse)


def test_html_shows_plots_and_the_table(outputs: Path) -> None:
    page = (outputs / "one.html").read_text()
    for part in ("Point-game accuracy by layer", "Best layer of each method", "ASO epsilon",
                 "chance: itm random", "Steering", "acceptable"):  # fmt: skip
        assert part in page
    assert "<script src" not in page


def test_show_says_what_the_evaluation_said(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again.json"
    found = said(capsys, ["evaluate", NAME, "--show", FIRST, "--json", again])
    for part in (
        "itm gradcam layer",
        "~   itm random",
        "itm gradcam (best",
        "acceptable",
        "fish + man",
    ):
        assert part in found
    assert json.loads(again.read_text()) == json.loads((outputs / "one.json").read_text())


def test_compare_tells_differences_and_pairs_methods(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--json", tmp_path / "both.json", "--html", tmp_path / "both.html"]
    found = said(capsys, ["evaluate", NAME, "--compare", FIRST, SECOND, *files])
    assert "seed: 0 against 5" in found
    assert "samples: texts: 8 against 7" in found
    assert "samples: digest" in found
    written = json.loads((tmp_path / "both.json").read_text())
    two = json.loads((outputs / "two.json").read_text())
    for row in written["rows"]:
        assert row["n"] == two["counts"]["pairs"]  # those of the seven images
    defaults = [row for row in written["rows"] if row["name"].endswith("default")]
    assert [row["pga_change"]["value"] for row in defaults] == [0, 0]
    page = (tmp_path / "both.html").read_text()
    assert "B minus A on the same objects" in page
    assert "seed: 0 against 5" in page


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("evaluate", NAME), "--regions"),
        (("evaluate", NAME, "--show", "nothing"), FIRST),
        (("evaluate", NAME, "--compare", FIRST, "nothing"), "nothing"),
        ((*QUICK, "--planted", "wolf"), "wolf+snow"),
        ((*QUICK, "--steering-weights", "0.5"), "steering_weights"),
        ((*QUICK, "--steering-weights", "inf"), "steering_weights"),
        ((*QUICK, "--steering-methods", "shout"), "steering_methods"),
        (("evaluate", "no-such-dataset", "--regions", "truth"), "no-such-dataset"),
    ],
)
def test_what_cannot_be_done_is_said(
    outputs: Path, arguments: Sequence[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert text in said(capsys, arguments, code=1)


def test_an_interrupted_evaluation_keeps_what_it_has(
    scenes: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measure, calls = GroundingMeasurement.__call__, []

    def interrupted(measured: GroundingMeasurement, batch: Any) -> Any:
        calls.append(batch)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure(measured, batch)

    monkeypatch.setattr(GroundingMeasurement, "__call__", interrupted)
    found = said(capsys, [*QUICK, "--measure", "grounding", "--name", "cut"], code=130)
    assert "Stopped on request" in found
    assert "[–]: fewer than 5 images" in found  # four images: figures, but no interval
    scenes.reload()
    report = load_evaluation(scenes, "truth_caption", "cut")
    assert report.stopped
    assert len(set(report.pairs["sample"])) == 4
    assert all(row["pga"]["low"] is None for row in report.grounding)


def test_fields_are_left_alone_where_asked(scenes: Any) -> None:
    before = fo.load_dataset(NAME).get_field_schema()
    rest = ("--measure", "grounding", "--name", "dry", "--no-fields", "--quiet")
    assert cli.main([*QUICK, *rest]) == 0
    assert fo.load_dataset(NAME).get_field_schema() == before

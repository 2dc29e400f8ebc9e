"""The `capviz` command: what it prints, what it stores, how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz import cli
from fiftyone_capviz.commands.option_arguments import options_of
from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.settings.analysis import AnalysisOptions
from tests.worlds.random_world import draw_image, random_options


@pytest.fixture
def photos(tmp_path: Path) -> Iterator[Path]:
    """A folder with three images and things that are none; its dataset goes afterwards."""
    folder = tmp_path / "holiday-photos"
    (folder / "more").mkdir(parents=True)
    for number in range(2):
        draw_image(folder / f"{number}.png", seed=number)
    draw_image(folder / "more" / "2.png", seed=2)
    (folder / "notes.txt").write_text("not an image")
    (folder / ".hidden.png").write_bytes(b"")
    yield folder
    if fo.dataset_exists(folder.name):
        fo.delete_dataset(folder.name)


@pytest.fixture
def quick() -> list[str]:
    """Arguments that choose the random models."""
    options = random_options()
    return [
        *("--captioner", options.captioner, "--matcher", options.matcher),
        *("--segmenter", "superpixels", "--num-beams", "1", "--max-new-tokens", "5"),
        *("--device", "cpu", "--no-map"),
    ]


def failing(text: str, *arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with 1, says the text, and shows no trace."""
    assert cli.main(arguments) == 1
    said = capsys.readouterr().err
    assert text in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "command",
    ["", "analyze", "demo", "evaluate", "export", "install", "uninstall", "scenes"],
)
def test_help_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*command.split(), "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "examples:" in said
    assert f"capviz {command}".strip() in said


@pytest.mark.parametrize("command", ["make", "train", "evaluate"])
def test_help_of_scenes_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["scenes", command, "--help"])
    assert f"capviz scenes {command}" in capsys.readouterr().out


def test_arguments_reach_the_options() -> None:
    arguments = ["analyze", "x", "--layer", "2", "--min-area", "0.05", "--own-segments", "--no-map"]
    chosen = options_of(cli.build_parser().parse_args(arguments))
    assert chosen == AnalysisOptions(layer=2, min_area=0.05, own_segments=True, map_method="none")


def test_a_folder_becomes_a_dataset_and_is_analysed_once(
    photos: Path, quick: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "out" / "report.json"
    assert cli.main(["analyze", str(photos), *quick, "--json", str(report)]) == 0
    said = capsys.readouterr()
    assert "3 of 3 samples to do" in said.out
    assert "Dominant words" in said.out
    assert "samples" in said.err
    dataset = fo.load_dataset(photos.name)
    assert dataset.persistent
    assert len(dataset) == 3
    assert all(dataset.values("caption"))
    stored = json.loads(report.read_text())
    assert stored["dataset"] == photos.name
    assert stored["report"]["counts"]["done"] == 3

    draw_image(photos / "3.png", seed=3)
    assert cli.main(["analyze", str(photos), *quick]) == 0
    assert "1 of 4 samples to do" in capsys.readouterr().out

    changed = ["analyze", photos.name, *quick, "--prompt", "the man"]
    failing("existing", *changed, capsys=capsys)
    assert cli.main([*changed, "--existing", "replace", "--limit", "1", "--quiet"]) == 0
    dataset.reload()
    assert dataset.first()["caption"].startswith("the man")
    assert not dataset.last()["caption"].startswith("the man")


def test_what_cannot_be_analysed(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing("No dataset has the name", "analyze", "nothing-of-that-name", capsys=capsys)
    failing("is not there", "analyze", str(tmp_path / "missing"), capsys=capsys)
    (tmp_path / "empty").mkdir()
    failing("holds none", "analyze", str(tmp_path / "empty"), capsys=capsys)
    failing("--limit", "analyze", str(photos), "--limit", "0", capsys=capsys)
    failing("--view", "analyze", str(photos), "--view", "none", capsys=capsys)
    failing("num_beams", "analyze", str(photos), "--num-beams", "0", capsys=capsys)
    failing("no-such", "analyze", str(photos), "--captioner", "no-such", capsys=capsys)


def test_another_folder_of_the_same_name_is_not_mixed_in(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fiftyone_capviz.curation.targets import open_target

    open_target(str(photos))
    other = tmp_path / "elsewhere" / photos.name
    other.mkdir(parents=True)
    draw_image(other / "a.png", seed=9)
    failing("holds other images", "analyze", str(other), capsys=capsys)


def test_a_saved_view(photos: Path, quick: list[str]) -> None:
    from fiftyone_capviz.curation.targets import open_target

    dataset = open_target(str(photos))
    dataset.save_view("one", dataset.limit(1))
    assert cli.main(["analyze", photos.name, "--view", "one", "--quiet", *quick]) == 0
    dataset.reload()
    assert len(dataset.exists("caption")) == 1


def test_ctrl_c_ends_with_130(
    photos: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **settings: object) -> Report:
        raise KeyboardInterrupt

    monkeypatch.setattr("fiftyone_capviz.curation.analysis.analyze.analyze", interrupted)
    assert cli.main(["analyze", str(photos), *quick]) == 130


def test_a_stopped_run_ends_with_130(
    photos: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fiftyone_capviz.curation.analysis import analyze as pipeline

    whole = pipeline.analyze

    def stopped(*arguments: Any, **settings: Any) -> Report:
        return whole(*arguments, **settings, stop=lambda: True)

    monkeypatch.setattr(pipeline, "analyze", stopped)
    assert cli.main(["analyze", str(photos), *quick, "--batch-size", "1"]) == 130


def test_errors_that_are_not_ours_name_the_log_file(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object, **settings: object) -> Report:
        raise RuntimeError("odd")

    monkeypatch.setattr("fiftyone_capviz.curation.analysis.forecast.estimate", broken)
    failing("RuntimeError: odd", "analyze", str(photos), capsys=capsys)


def test_install_and_uninstall(plugins_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--plugins-dir", str(plugins_dir)]
    assert cli.main(["install", *place]) == 0
    link = plugins_dir / "@capviz" / "capviz"
    assert (link / "fiftyone.yml").is_file()
    assert cli.main(["install", *place]) == 0
    assert cli.main(["uninstall", *place]) == 0
    assert not link.exists()
    assert cli.main(["uninstall", *place]) == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_export(photos: Path, quick: list[str], tmp_path: Path) -> None:
    assert cli.main(["analyze", str(photos), *quick, "--quiet"]) == 0
    out = tmp_path / "out"
    assert cli.main(["export", photos.name, "--out", str(out)]) == 0
    assert {"captions.json", "graph.graphml", "report.html"} <= {p.name for p in out.iterdir()}


def test_export_says_which_formats_there_are(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fiftyone_capviz.curation.targets import open_target

    open_target(str(photos))
    arguments = ("export", photos.name, "--out", str(tmp_path / "out"), "--format", "pdf")
    failing("captions_coco", *arguments, capsys=capsys)


class TestScenes:
    """`capviz scenes make`."""

    def test_make_draws_the_same_again_and_fills_a_dataset(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = tmp_path / "scenes"
        arguments = ["scenes", "make", "--n", "3", "--seed", "5", "--out", str(folder)]
        assert cli.main([*arguments, "--dataset", "made-scenes"]) == 0
        first = {path.name: path.read_bytes() for path in folder.rglob("*.png")}
        assert len(first) == 3  # images and masks have the same names
        for path in folder.rglob("*.png"):
            path.unlink()
        assert cli.main([*arguments, "--dataset", "made-scenes"]) == 0
        assert {path.name: path.read_bytes() for path in folder.rglob("*.png")} == first
        dataset = fo.load_dataset("made-scenes")
        try:
            assert len(dataset) == 3
            self.check_truth(dataset.first(), json.loads((folder / "scenes.json").read_text())[0])
        finally:
            dataset.delete()

    @staticmethod
    def check_truth(sample: Any, record: dict[str, Any]) -> None:
        """The sample's labels say what the scene holds."""
        assert sample["truth_background"] == record["background"]
        assert sample["truth_caption"] == record["caption"]
        kinds = {thing["kind"] for thing in record["things"]}
        assert {one.label for one in sample["truth"].detections} <= kinds
        for one in sample["truth"].detections:
            _, _, width, height = one.bounding_box
            assert one.mask.shape == (round(height * 256), round(width * 256))
            assert one.mask.any(0).all() or one.mask.any()

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["make", "--n", "0"], "--n"),
            (["make", "--n", "2", "--seed", "-1"], "--seed"),
            (["train", "--steps", "0"], "--steps"),
        ],
    )
    def test_bad_numbers(
        self,
        arguments: Sequence[str],
        said: str,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        failing(said, "scenes", *arguments, "--out", str(tmp_path), capsys=capsys)

    def test_evaluate_needs_a_scene(self, capsys: pytest.CaptureFixture[str]) -> None:
        failing("--n", "scenes", "evaluate", "--n", "0", capsys=capsys)


@pytest.mark.slow
class TestDemo:
    """`capviz demo` with the bundled models."""

    @pytest.fixture(autouse=True)
    def _without_demo(self) -> Iterator[None]:
        self._delete_demo()  # the browser tests leave theirs
        yield
        self._delete_demo()

    def _delete_demo(self) -> None:
        if fo.dataset_exists("capviz-demo"):
            fo.delete_dataset("capviz-demo")

    def test_the_second_run_finds_its_work_done(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["demo", "--n", "6", "--no-app"]) == 0
        assert "6 of 6 samples to do" in capsys.readouterr().out
        dataset = fo.load_dataset("capviz-demo")
        assert dataset.has_workspace("Captions")
        assert dataset.has_brain_run("segments_map")
        modified = dataset.values("last_modified_at")

        assert cli.main(["demo", "--n", "6", "--no-app"]) == 0
        assert "All 6 samples are done" in capsys.readouterr().out
        dataset.reload()
        assert dataset.values("last_modified_at") == modified

        assert cli.main(["demo", "--n", "4", "--no-app"]) == 0
        dataset.reload()
        assert len(dataset) == 4

    def test_a_port_in_use_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        import socket

        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = str(listener.getsockname()[1])
            failing("--port", "demo", "--n", "4", "--port", port, capsys=capsys)

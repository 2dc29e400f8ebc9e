"""The code in README and pages: Python runs on a dataset of the name it uses, commands parse.

The hub's cache holds the bundled models under the names of the default ones, so that examples run
as they stand.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

import fiftyone_capviz
from fiftyone_capviz import cli
from fiftyone_capviz.curation.demo import make_scenes, scenes_dataset
from fiftyone_capviz.models.registry import BUNDLED
from fiftyone_capviz.settings.analysis import AnalysisOptions

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")))
SCENES, NAME = 2, "my-dataset"


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    """The shell's lines, continued ones joined, without comments."""
    text = "".join(blocks(page, "sh")).replace("\\\n", " ")
    return [line.split("  #")[0].strip() for line in text.splitlines() if line.strip()]


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine holds that has fetched the default models, the bundled ones in their place."""
    cache, defaults = tmp_path / "hub-cache", AnalysisOptions()
    bundled = {
        defaults.captioner: "captioner",
        defaults.matcher: "matcher",
        defaults.encoder: "clip",
    }
    for name, folder in bundled.items():
        held = cache / f"models--{name.replace('/', '--')}"
        (held / "refs").mkdir(parents=True)
        (held / "refs" / "main").write_text("0" * 40)
        shutil.copytree(BUNDLED / folder, held / "snapshots" / ("0" * 40))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))


@pytest.fixture
def my_dataset(tmp_path: Path, hub_cache: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Some scenes under the name that the examples use, beside the image file that one opens."""
    make_scenes(SCENES, seed=40, folder=tmp_path / "scenes")
    dataset = scenes_dataset(NAME, tmp_path / "scenes")
    dataset.rename_sample_field("truth", "ground_truth")
    monkeypatch.chdir(tmp_path)
    shutil.copy(dataset.first().filepath, "bird.png")
    yield dataset
    dataset.delete()


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_python_runs(page: str, my_dataset: Any, capsys: pytest.CaptureFixture[str]) -> None:
    whole = "\n".join(blocks(page, "python"))
    if "capviz.analyze(" not in whole:
        fiftyone_capviz.analyze(my_dataset, progress=False)
    found: dict[str, Any] = {}
    exec(compile(whole, page, "exec"), found)
    if page == "README.md":
        assert all(my_dataset.values("caption"))
        assert "Dominant words" in capsys.readouterr().out
    if "pair" in found:
        assert found["pair"].word_maps.ndim == 3
    if "relations" in found:
        assert found["relations"].scores.shape[0] == SCENES
    if page == "docs/evaluation.md":
        assert "are named by 'caption'" in capsys.readouterr().out


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "sh")])
def test_commands_parse(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in commands(page):
        program, *arguments = shlex.split(line)
        if program == "capviz":
            cli.build_parser().parse_args(arguments)
        elif program == "make":
            asked = {one for one in arguments if "=" not in one}
            assert asked <= targets, line


@pytest.mark.slow
def test_the_commands_of_the_readme_run(my_dataset: Any) -> None:
    """Those on a dataset; captions as they are told in place of the segment-anything file."""
    my_dataset.clone_sample_field("truth_caption", "my_captions")
    asked = [line for line in commands("README.md") if line.startswith(f"capviz analyze {NAME}")]
    asked += [line for line in commands("README.md") if line.startswith("capviz export")]
    assert len(asked) == 2
    for line in asked:
        stages = "--stages match segment attribute" if "my_captions" in line else ""
        arguments = shlex.split(f"{line} {stages}")[1:]
        if arguments[0] == "export":
            arguments += ["--caption-field", "my_captions"]
        assert cli.main(arguments) == 0, line
    assert (Path("report") / "report.html").is_file()


def test_examples_import_what_is_public() -> None:
    for page in PAGES:
        for block in blocks(page, "python"):
            assert not re.search(r"(from|import) fiftyone_capviz\.", block), page
            for names in re.findall(r"from fiftyone_capviz import (.+)", block):
                assert {name.strip() for name in names.split(",")} <= set(fiftyone_capviz.__all__)
            used = set(re.findall(r"capviz\.(\w+)", block))
            assert used <= set(fiftyone_capviz.__all__), page


def test_dataset_of_the_examples_is_gone() -> None:
    assert not fo.dataset_exists(NAME)

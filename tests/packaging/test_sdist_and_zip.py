"""The sdist builds the same wheel; the plugin zip holds plugin and library alone."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import fiftyone_capviz
from tests.packaging.conftest import files_below

VERSION = fiftyone_capviz.__version__


@pytest.fixture
def sdist(distributions: Path) -> Path:
    (built,) = distributions.glob("*.tar.gz")
    return built


@pytest.fixture
def plugin_zip(distributions: Path) -> zipfile.ZipFile:
    (built,) = distributions.glob("*-plugin.zip")
    return zipfile.ZipFile(built)


def test_there_is_one_of_each(distributions: Path) -> None:
    assert {path.name for path in distributions.iterdir()} == {
        f"fiftyone_capviz-{VERSION}-py3-none-any.whl",
        f"fiftyone_capviz-{VERSION}.tar.gz",
        f"fiftyone-capviz-{VERSION}-plugin.zip",
    }


def test_the_sdist_holds_source_and_pages(sdist: Path, repository: Path) -> None:
    with tarfile.open(sdist) as packed:
        files = [member.name for member in packed.getmembers() if member.isfile()]
    names = {name.partition("/")[2] for name in files}
    wanted = files_below(
        repository,
        "fiftyone_capviz/**/*.py",
        "fiftyone_capviz/scenes/weights/**/*",
        "operators/**/*.py",
        "panels/*.py",
        "panels/frame/*.py",
        "panels/payloads/*.py",
        "panels/dist/*",
        "docs/**/*",
        "*.md",
        "*.yml",
        "*.txt",
        "LICENSE",
        "__init__.py",
        "pyproject.toml",
    )
    assert wanted - names == set()
    strange = {name for name in names - wanted if not name.startswith("fiftyone_capviz.egg-info/")}
    assert strange == {"MANIFEST.in", "PKG-INFO", "fiftyone_capviz/py.typed", "setup.cfg"}


@pytest.mark.slow
def test_the_sdist_builds_the_same_wheel(sdist: Path, distributions: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*pip, "--wheel-dir", str(tmp_path), str(sdist)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    contents = []
    for folder in (tmp_path, distributions):
        (built,) = folder.glob("*.whl")
        with zipfile.ZipFile(built) as wheel:
            contents.append({item.filename: item.CRC for item in wheel.infolist()})
    assert contents[0] == contents[1]


def test_the_zip_holds_the_plugin_and_the_library(
    plugin_zip: zipfile.ZipFile, repository: Path
) -> None:
    top = f"fiftyone-capviz-{VERSION}"
    wanted = files_below(
        repository,
        "__init__.py",
        "fiftyone.yml",
        "requirements.txt",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "THIRD_PARTY_NOTICES.md",
        "operators/**/*.py",
        "panels/**/*.py",
        "panels/dist/**/*",
        "fiftyone_capviz/**/*.py",
        "fiftyone_capviz/py.typed",
        "fiftyone_capviz/scenes/weights/**/*",
    )
    assert set(plugin_zip.namelist()) == {f"{top}/{name}" for name in wanted}
    assert plugin_zip.testzip() is None


def test_no_distribution_names_a_place_of_the_building_machine(
    plugin_zip: zipfile.ZipFile, sdist: Path
) -> None:
    home = str(Path.home()).encode()
    texts = (".py", ".txt", ".json", ".yml", ".md", "PKG-INFO")
    for name in plugin_zip.namelist():
        if name.endswith(texts):
            assert home not in plugin_zip.read(name), name
    with tarfile.open(sdist) as packed:
        for member in packed.getmembers():
            if member.isfile() and member.name.endswith(texts):
                held = packed.extractfile(member)
                assert held is not None
                assert home not in held.read(), member.name

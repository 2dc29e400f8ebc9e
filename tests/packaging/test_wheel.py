"""The wheel: one package on the import path, with all that plugin, demo and types need inside."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import fiftyone_capviz
from tests.packaging.conftest import files_below

INFO = f"fiftyone_capviz-{fiftyone_capviz.__version__}.dist-info"


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> zipfile.ZipFile:
    (built,) = distributions.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def names(wheel: zipfile.ZipFile) -> set[str]:
    return set(wheel.namelist())


def test_nothing_but_the_package_lands_in_site_packages(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names} == {
        "fiftyone_capviz",
        INFO,
    }


def test_every_module_of_the_library_is_in(names: set[str], repository: Path) -> None:
    package = repository / "fiftyone_capviz"
    wanted = files_below(package, "**/*.py", "py.typed", "scenes/weights/**/*")
    inside = {
        name.removeprefix("fiftyone_capviz/")
        for name in names
        if name.startswith("fiftyone_capviz/") and not name.startswith("fiftyone_capviz/_plugin/")
    }
    assert inside == wanted
    assert "py.typed" in inside


def test_the_plugins_files_are_in_under_one_folder(names: set[str], repository: Path) -> None:
    wanted = files_below(
        repository,
        "__init__.py",
        "fiftyone.yml",
        "requirements.txt",
        "assets/**/*",
        "operators/**/*.py",
        "panels/**/*.py",
        "panels/dist/**/*",
    )
    inside = {
        name.removeprefix("fiftyone_capviz/_plugin/")
        for name in names
        if name.startswith("fiftyone_capviz/_plugin/")
    }
    assert inside == wanted


def test_the_command_and_the_licence_are_in(wheel: zipfile.ZipFile, names: set[str]) -> None:
    assert "capviz = fiftyone_capviz.cli:main" in wheel.read(f"{INFO}/entry_points.txt").decode()
    assert {f"{INFO}/licenses/LICENSE", f"{INFO}/licenses/THIRD_PARTY_NOTICES.md"} <= names
    metadata = Metadata.from_email(wheel.read(f"{INFO}/METADATA"), validate=True)
    assert str(metadata.version) == fiftyone_capviz.__version__
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.description_content_type == "text/markdown"
    assert metadata.description
    assert {"umap", "open_clip", "docs", "dev"} <= {*(metadata.provides_extra or ()), "open_clip"}


def test_no_file_names_a_place_of_the_building_machine(wheel: zipfile.ZipFile) -> None:
    home = str(Path.home()).encode()
    for name in wheel.namelist():
        if name.endswith((".py", ".txt", ".json", ".yml", "METADATA")):
            assert home not in wheel.read(name), name


@pytest.mark.slow
def test_the_installed_wheel_links_the_files_it_carries(
    wheel: zipfile.ZipFile, tmp_path: Path, plugins_dir: Path
) -> None:
    """Unpacked as pip does, in an interpreter that knows no checkout: install, and what loads."""
    site = tmp_path / "site"
    wheel.extractall(site)
    code = f"""
import sys
sys.meta_path[:] = [f for f in sys.meta_path if "__editable__" not in getattr(f, "__module__", "")]
from fiftyone_capviz.installation.plugin_link import link_plugin
link = link_plugin({str(plugins_dir)!r})
assert link.resolve().parts[-2:] == ("fiftyone_capviz", "_plugin"), link.resolve()

from fiftyone.plugins.context import build_plugin_contexts
(ours,) = [c for c in build_plugin_contexts() if c.name == "@capviz/capviz"]
assert ours.errors == [], ours.errors
assert len(ours.instances) > 10
assert "operators" not in sys.modules
assert sys.modules["fiftyone_capviz"].__file__.startswith({str(site)!r})
"""
    environment = {
        **os.environ,
        "FIFTYONE_PLUGINS_DIR": str(plugins_dir),
        "PYTHONPATH": str(site),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr

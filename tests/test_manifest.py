"""The manifest, pyproject, requirements, constraints and what the plugin registers agree."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

import fiftyone_capviz

PLUGIN = "@capviz/capviz"


@pytest.fixture(scope="module")
def manifest(repository: Path) -> dict[str, Any]:
    text = (repository / "fiftyone.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _packages(folder: Path) -> set[Path]:
    """Folders of Python from this one on, relative to the checkout."""
    found = (path.parent for path in folder.rglob("__init__.py"))
    return {path.relative_to(folder.parent) for path in found if "node_modules" not in path.parts}


def test_every_listed_package_is_there_and_every_one_there_is_listed(repository: Path) -> None:
    """An editable install fails on a listed folder that no file of git's brings along."""
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text)["tool"]["setuptools"]["packages"]
    ours = {".".join(p.parts) for p in _packages(repository / "fiftyone_capviz")}
    plugins = (p for name in ("operators", "panels") for p in _packages(repository / name))
    carried = {".".join(("fiftyone_capviz", "_plugin", *p.parts)) for p in plugins}
    assert set(listed) == ours | carried | {"fiftyone_capviz._plugin"}


@pytest.fixture(scope="module")
def registered() -> list[Any]:
    """What FiftyOne holds of our plugin: it drops a class that the manifest does not list."""
    import fiftyone.operators as foo

    return [one for one in foo.list_operators(enabled="all") if one.plugin_name == PLUGIN]


def test_every_class_is_listed_and_every_listed_name_has_a_class(manifest: dict[str, Any]) -> None:
    from operators import OPERATORS
    from panels import PANELS

    assert sorted(cls().config.name for cls in OPERATORS) == sorted(manifest["operators"])
    assert sorted(cls().config.name for cls in PANELS) == sorted(manifest["panels"])


def test_one_file_one_operator_of_the_same_name(repository: Path, manifest: dict[str, Any]) -> None:
    from operators import OPERATORS

    for cls in OPERATORS:
        name = cls().config.name
        assert cls.__module__.rsplit(".", 1)[-1] == name
        assert cls.__name__.lower() == name.replace("_", "")
        assert (repository / "operators" / f"{name}.py").is_file()


def test_fiftyone_loads_all_of_them_without_an_error(
    manifest: dict[str, Any], registered: list[Any]
) -> None:
    from fiftyone.plugins.context import build_plugin_contexts

    contexts = [c for c in build_plugin_contexts(enabled=True) if c.name == PLUGIN]
    assert len(contexts) == 1
    assert contexts[0].errors == []
    names = {operator.name for operator in registered}
    assert names == {*manifest["operators"], *manifest["panels"]}


def test_versions_and_licence_agree(manifest: dict[str, Any], project: dict[str, Any]) -> None:
    assert manifest["name"] == PLUGIN
    assert str(manifest["version"]) == fiftyone_capviz.__version__
    assert manifest["license"] == project["license"] == "Apache-2.0"


def test_the_version_stands_in_the_package_alone(repository: Path, project: dict[str, Any]) -> None:
    """pyproject reads it there; what repeats it (manifest, installed metadata) is compared."""
    assert project["dynamic"] == ["version"]
    assert "version" not in project
    tool = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert tool["setuptools"]["dynamic"]["version"] == {"attr": "fiftyone_capviz.__version__"}
    for name in ("manifest.json", "setup.cfg", "setup.py", "VERSION"):
        assert not (repository / name).exists()


def test_the_manifest_wants_the_fiftyone_that_pyproject_wants(
    manifest: dict[str, Any], project: dict[str, Any]
) -> None:
    from fiftyone.plugins import ensure_plugin_compatibility

    (wanted,) = (one for one in project["dependencies"] if one.startswith("fiftyone>"))
    assert manifest["fiftyone"]["version"] == wanted.removeprefix("fiftyone")
    ensure_plugin_compatibility(PLUGIN, error_level=0)


def test_umap_is_an_extra_that_the_tests_have(project: dict[str, Any]) -> None:
    (umap,) = project["optional-dependencies"]["umap"]
    assert umap in project["optional-dependencies"]["dev"]
    assert not any(one.startswith("umap") for one in project["dependencies"])


def test_requirements_are_the_dependencies_of_pyproject(
    repository: Path, project: dict[str, Any]
) -> None:
    lines = (repository / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines == project["dependencies"]


def test_constraints_pin_what_pyproject_asks_for_and_hold_no_address(
    repository: Path, project: dict[str, Any]
) -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (repository / "constraints.txt").read_text(encoding="utf-8").split()
    pin = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+")
    assert [line for line in lines if not pin.fullmatch(line)] == []
    pins = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines}
    wanted = chain(project["dependencies"], *project["optional-dependencies"].values())
    for requirement in map(Requirement, wanted):
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


def test_scripts_are_executable_and_sound(repository: Path) -> None:
    for path in (repository / ".ci").iterdir():
        assert os.access(path, os.X_OK), path
        assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n"), path
        subprocess.run(["bash", "-n", str(path)], check=True)


def test_a_missing_package_puts_the_set_up_operator_in_place(
    repository: Path, tmp_path: Path, manifest: dict[str, Any]
) -> None:
    """As `fiftyone plugins download` leaves the plugin, where a package is not installed."""
    import importlib.util

    (tmp_path / "requirements.txt").write_text("numpy>=2\nno-such-package-of-ours>=1\n")
    (tmp_path / "__init__.py").write_bytes((repository / "__init__.py").read_bytes())
    spec = importlib.util.spec_from_file_location("downloaded_capviz", tmp_path / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    entry = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(entry)
    found: list[type] = []

    class Context:
        def register(self, cls: type) -> None:
            found.append(cls)

    entry.register(Context())

    assert len(found) == 1
    operator = found[0]()
    assert operator.config.name in manifest["operators"]
    description = str(operator.resolve_input(None).to_json())
    assert "no-such-package-of-ours" in description
    assert "fiftyone plugins requirements @capviz/capviz --install" in description
    assert "numpy" not in description
    with pytest.raises(ModuleNotFoundError, match="no-such-package-of-ours"):
        operator.execute(None)

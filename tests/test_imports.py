"""Who may import whom: read from the source, and tried in a fresh interpreter with a blocker."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "fiftyone_capviz"

# From the bottom up: a module may import its own line and those above it here.
LAYERS = (
    ("errors", "records"),
    (
        "association",
        "comparison",
        "coverage",
        "geometry",
        "graph",
        "graph_parts",
        "images",
        "incidence",
        "inflection",
        "mongod",
        "patch_weights",
        "plugin_link",
        "segments",
        "words",
    ),
    ("models",),
    ("attribution", "captions", "evaluation", "segment_embeddings", "steering"),
    ("scenes",),
    ("curation", "progress_bar"),
    ("commands",),
    ("cli", "__init__", "__main__"),
)
NO_TORCH = {*LAYERS[0], *LAYERS[1], "progress_bar", "commands", "cli", "__init__", "__main__"}
MAY_IMPORT_FIFTYONE = {"curation", "commands", "cli"}

# Where the name of the package to install is another, or comes with one that is declared.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "bson": "fiftyone",
    "httpx": "transformers",
    "huggingface_hub": "transformers",
    "open_clip": "open_clip_torch",
    "plotly": "fiftyone",
    "pymongo": "fiftyone",
    "segment_anything": "segment-anything",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "threadpoolctl": "scikit-learn",
    "tokenizers": "transformers",
    "umap": "umap-learn",
}

HEAVY = ("segment_anything", "torch", "torchvision", "transformers", "umap")


def _sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "_plugin" not in path.parts)


def _unit(path: Path) -> str:
    """The module or subpackage of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _module(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _level(unit: str) -> int:
    for level, units in enumerate(LAYERS):
        if unit in units:
            return level
    raise AssertionError(f"fiftyone_capviz.{unit} has no line in LAYERS of {Path(__file__).name}")


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Each imported module; True: with the file, not in a function. Not those for types."""

    def walk(node: ast.AST, at_import: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield alias.name, at_import
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0 or path.parent.name in ("operators", "panels"), (
                    f"{path}:{child.lineno}: imports are absolute"
                )
                if child.level:  # a sibling: nothing to check
                    continue
                yield child.module or "", at_import
                for alias in child.names:
                    yield f"{child.module}.{alias.name}", at_import
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, at_import and not inside)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), True)


@pytest.mark.parametrize("path", _sources(), ids=_module)
def test_imports_point_downwards(path: Path) -> None:
    own = _level(_unit(path))
    ours = {_unit(source) for source in _sources()}
    for name, _ in _imports(path):
        parts = name.split(".")
        unit = parts[1] if len(parts) > 1 else ""
        if parts[0] == "fiftyone_capviz" and unit in ours:
            assert _level(unit) <= own, f"{path.name} imports {name}, which stands above it"
        assert parts[0] not in ("operators", "panels"), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", _sources(), ids=_module)
def test_only_curation_and_the_command_line_import_fiftyone(path: Path) -> None:
    if _unit(path) in MAY_IMPORT_FIFTYONE:
        return
    assert not [name for name, _ in _imports(path) if name.split(".")[0] == "fiftyone"]


@pytest.mark.parametrize("folder", ["operators", "panels"])
def test_operators_and_panels_load_torch_only_inside_functions(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        early = [name for name, at_import in _imports(path) if at_import]
        assert not [name for name in early if name.split(".")[0] in HEAVY], path
        if folder == "panels":
            assert not [name for name, _ in _imports(path) if name.split(".")[0] in HEAVY], path
            assert not [name for name in early if name.startswith("operators")], path


def test_every_package_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]["open_clip"]
    declared = {re.split(r"[<>=]", line)[0] for line in (*project["dependencies"], *extras)}
    known = {*sys.stdlib_module_names, "fiftyone_capviz", "operators", "panels"}
    paths = [*_sources(), *(ROOT / "operators").rglob("*.py"), *(ROOT / "panels").glob("*.py")]
    for path in paths:
        for top in {name.split(".")[0] for name, _ in _imports(path)} - known - {""}:
            assert DISTRIBUTIONS.get(top, top) in declared, f"{path} imports {top}"


BLOCKER = """
import importlib, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError("boundary violation: %s imported" % name)

sys.meta_path.insert(0, Blocker())
sys.path.insert(0, {root!r})
for name in {modules!r}:
    importlib.import_module(name)
"""


def _import_without(modules: list[str], *, blocked: tuple[str, ...]) -> None:
    code = BLOCKER.format(blocked=blocked, root=str(ROOT), modules=modules)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, cwd=ROOT.parent
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_lower_layers_and_the_command_line_do_without_torch_and_fiftyone() -> None:
    modules = [_module(path) for path in _sources() if _unit(path) in NO_TORCH]
    modules = [name for name in modules if not name.endswith("__main__")]
    _import_without(modules, blocked=(*HEAVY, "fiftyone"))


def test_curation_imports_without_torch() -> None:
    _import_without(["fiftyone_capviz.curation"], blocked=HEAVY)


def test_operators_and_panels_import_without_torch() -> None:
    _import_without(["operators", "panels"], blocked=HEAVY)


def test_the_models_and_methods_do_without_fiftyone() -> None:
    units = {*LAYERS[2], *LAYERS[3], *LAYERS[4]}
    modules = [_module(path) for path in _sources() if _unit(path) in units]
    _import_without(
        [name for name in modules if not name.endswith("__main__")], blocked=("fiftyone",)
    )

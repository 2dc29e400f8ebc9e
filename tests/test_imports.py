"""Who may import whom: read from the source, and tried in a fresh interpreter with a blocker."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "fiftyone_capviz"

# From the bottom up: a room may import itself and those on the lines above. `tests/test_imports.py`
# is the only place that knows this order; CONTRIBUTING.md explains it.
LAYERS = (
    ("errors", "records"),
    ("pixel_values",),
    (
        "coverage",
        "geometry",
        "graph",
        "images",
        "placed_masks",
        "segment_embeddings",
        "segments",
        "text",
    ),
    ("settings",),
    ("models",),
    ("attribution", "evaluation", "steering"),
    ("scenes",),
    ("installation", "without_dataset"),
    ("curation.dataset",),
    ("curation.inference",),
    ("curation.pages",),
    ("curation.words",),
    ("curation.segments",),
    ("curation.app",),
    ("curation.analysis",),
    ("curation.gallery",),
    ("curation.steering",),
    ("curation.pairs",),
    ("curation.evaluation",),
    ("curation.export",),
    ("curation",),
    ("commands",),
    ("cli", "__init__", "__main__"),
)
WITH_TORCH = {"segment_embeddings", "models", "attribution", "evaluation", "steering", "scenes"}
MAY_IMPORT_FIFTYONE = {"curation", "commands", "cli"}
# Where the name of the package to install is another, or comes with one that is declared.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "bson": "fiftyone",
    "cv2": "fiftyone",
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
    """The room that a file belongs to; the rooms of `curation` count one by one."""
    parts = path.relative_to(PACKAGE).parts
    if parts[0] == "curation" and len(parts) > 2:
        return f"curation.{parts[1]}"
    return parts[0].removesuffix(".py")


def _room_of(name: str) -> str | None:
    """The room that an imported name of ours lies in, None for a name of others."""
    parts = name.split(".")
    if parts[0] != "fiftyone_capviz":
        return None
    for length in (2, 1):
        unit = ".".join(parts[1 : length + 1])
        if any(unit in units for units in LAYERS):
            return unit
    return None


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
                assert child.level == 0 or {"operators", "panels"} & set(
                    path.relative_to(ROOT).parts
                ), f"{path}:{child.lineno}: imports are absolute"
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
    room = _unit(path)
    own = _level(room)
    for name, _ in _imports(path):
        unit = _room_of(name)
        if (
            unit is not None
            and unit != room
            and name.removeprefix("fiftyone_capviz.") != "curation"
        ):
            assert _level(unit) <= own, f"{path.name} imports {name}, which stands above it"
        assert name.split(".")[0] not in ("operators", "panels"), f"{path.name} imports {name}"


def test_no_two_files_import_each_other_in_a_circle() -> None:
    files = {_module(path): path for path in _sources()}
    needs = {
        module: {name for name, _ in _imports(path) if name in files and name != module}
        for module, path in files.items()
    }
    assert not _circle(needs)


def _circle(needs: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, in order; empty if none do."""
    done: set[str] = set()

    def search(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for needed in sorted(needs[module]):
            if found := search(needed, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(needs) if (found := search(module, []))), [])


def test_a_circle_would_be_found() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


SOURCE_LINES, SOURCE_FILES, FUNCTION_LINES = 400, 25, 80


def _all_python() -> list[Path]:
    folders = ("fiftyone_capviz", "operators", "panels", "tests", "benchmarks")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return [path for path in found if not {"node_modules", "_plugin"} & set(path.parts)]


def test_files_and_functions_are_short_enough_to_read() -> None:
    for path in _all_python():
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        assert lines <= SOURCE_LINES, f"{path.relative_to(ROOT)} has {lines} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= FUNCTION_LINES, f"{path.name}: {node.name} has {length} lines"


def test_rooms_are_small_enough_to_know() -> None:
    sizes = Counter(path.parent for path in _all_python() if path.name != "__init__.py")
    for folder, size in sizes.items():
        assert size <= SOURCE_FILES, f"{folder.relative_to(ROOT)} holds {size} files"


@pytest.mark.parametrize("path", _sources(), ids=_module)
def test_only_curation_and_the_command_line_import_fiftyone(path: Path) -> None:
    if _unit(path).split(".")[0] in MAY_IMPORT_FIFTYONE:
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
    extras = project["optional-dependencies"]
    asked = (*project["dependencies"], *extras["open_clip"], *extras["umap"])
    declared = {re.split(r"[<>=]", line)[0] for line in asked}
    known = {*sys.stdlib_module_names, "fiftyone_capviz", "operators", "panels"}
    paths = [*_sources(), *(ROOT / "operators").rglob("*.py"), *(ROOT / "panels").rglob("*.py")]
    for path in paths:
        for top in {name.split(".")[0] for name, _ in _imports(path)} - known - {""}:
            assert DISTRIBUTIONS.get(top, top) in declared, f"{path} imports {top}"


PRIVATE = re.compile(
    r"""\._(sample_collection|sample_collection_name|root_dataset|dataset|doc|reload|reload_docs"""
    r"""|is_patches|is_frames|is_clips|all_stages|pipeline|serialize)\b|"_(is_|all_stages)"""
)
"""Members of FiftyOne's datasets and views that have no public name."""


def test_fiftyones_private_members_are_touched_in_one_file() -> None:
    home = PACKAGE / "curation" / "dataset" / "collection.py"
    paths = [path for path in _sources() if _unit(path).startswith("curation")]
    paths += [*(ROOT / "operators").rglob("*.py"), *(ROOT / "panels").rglob("*.py")]
    for path in paths:
        text = path.read_text(encoding="utf-8").replace("self._dataset", "")
        found = PRIVATE.search(text.replace("self._pipeline", ""))
        assert found is None or path == home, f"{path.relative_to(ROOT)}: {found and found.group()}"


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
    light = {_unit(path) for path in _sources()} - WITH_TORCH
    modules = [
        _module(path)
        for path in _sources()
        if _unit(path) in light and not _unit(path).startswith("curation")
    ]
    modules = [name for name in modules if not name.endswith("__main__")]
    _import_without(modules, blocked=(*HEAVY, "fiftyone"))


def test_curation_imports_without_torch() -> None:
    modules = [_module(path) for path in _sources() if _unit(path).startswith("curation")]
    _import_without(modules, blocked=HEAVY)


def test_operators_and_panels_import_without_torch() -> None:
    _import_without(["operators", "panels"], blocked=HEAVY)


def test_the_models_and_methods_do_without_fiftyone() -> None:
    modules = [_module(path) for path in _sources() if _unit(path) in WITH_TORCH]
    _import_without(
        [name for name in modules if not name.endswith("__main__")], blocked=("fiftyone",)
    )

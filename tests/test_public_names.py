"""The public surface is the list `__all__`, no more and no less, and importing it is cheap."""

from __future__ import annotations

import json
import subprocess
import sys
import types

import pytest

import fiftyone_capviz

CODE = """
import json, sys, time
start = time.perf_counter()
{statement}
took = time.perf_counter() - start
loaded = [name for name in ("fiftyone", "numpy", "torch", "transformers") if name in sys.modules]
print(json.dumps([took, loaded]))
"""


def _loaded_by(statement: str) -> list[str]:
    """The heavy packages that a statement loads in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(statement=statement)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    took, loaded = json.loads(done.stdout.splitlines()[-1])
    print(f"{statement}: {took:.3f} s")
    return list(loaded)


@pytest.mark.parametrize(
    "statement",
    [
        "import fiftyone_capviz",
        "from fiftyone_capviz import AnalysisOptions, EvaluationOptions, PairSettings, Recipe",
        "from fiftyone_capviz import CapvizError, explain_pair, load_model",
    ],
)
def test_settings_and_the_package_load_nothing_heavy(statement: str) -> None:
    assert _loaded_by(statement) == []


def test_a_star_import_does_without_torch() -> None:
    assert not {"torch", "transformers"} & set(_loaded_by("from fiftyone_capviz import *"))


def test_every_public_name_resolves() -> None:
    for name in fiftyone_capviz.__all__:
        assert getattr(fiftyone_capviz, name) is not None, name


def test_the_list_is_sorted_short_and_holds_the_main_job() -> None:
    names = list(fiftyone_capviz.__all__)
    assert len(names) == len(set(names))
    assert "analyze" in names
    assert len(names) <= 40


def test_nothing_else_is_public() -> None:
    public = {
        name
        for name, value in vars(fiftyone_capviz).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - {"annotations", "TYPE_CHECKING"} <= set(fiftyone_capviz.__all__)


def test_dir_shows_the_public_names() -> None:
    assert set(fiftyone_capviz.__all__) <= set(dir(fiftyone_capviz))


def test_the_classes_and_functions_are_documented() -> None:
    for name in fiftyone_capviz.__all__:
        value = getattr(fiftyone_capviz, name)
        if callable(value):
            assert value.__doc__, name

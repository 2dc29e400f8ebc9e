"""The public surface is the list `__all__`, no more and no less, and importing it is cheap."""

from __future__ import annotations

import types

import fiftyone_capviz


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

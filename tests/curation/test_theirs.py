"""Whatever is asked of an operator, a command or a call: nothing of the user's changes or goes.

The rows are generated, every two values of different options together at least once: of
`AnalysisOptions` for the analysis, of its own form for every other operator.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import fiftyone.operators as foo
import pytest
from fiftyone.operators.executor import ExecutionError

from fiftyone_capviz import cli
from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.app.workspace import save_workspace
from fiftyone_capviz.curation.dataset.runs import list_runs, read_run
from fiftyone_capviz.curation.delete import delete_analysis
from fiftyone_capviz.errors import CapvizError
from fiftyone_capviz.scenes.architectures import save_random
from fiftyone_capviz.settings.analysis import CHOICES, AnalysisOptions
from operators import OPERATORS
from operators.frame.operator import StageOperator
from operators.frame.requests import params_from
from tests.worlds.asking import call, context, form_of
from tests.worlds.owned import (
    CAPTIONS,
    LABELS,
    PARTLY,
    SEVERAL,
    SHAPES,
    differences,
    lost,
    owned_dataset,
    snapshot,
)
from tests.worlds.pairwise import pairwise
from tests.worlds.random_world import random_options

Snapshot = dict[str, Any]

FIELDS = {
    "caption_field": ("caption", CAPTIONS, SEVERAL, "scene"),
    "derived_prefix": ("", "other"),
    "segments_field": ("segments", LABELS, PARTLY, SHAPES),
}
SLOW = {"map_method": ("tsne", "none"), "dtype": ("float32",), "num_beams": (1, 2)}
STAGED = tuple(one for one in OPERATORS if issubclass(one, StageOperator))
OTHERS = tuple(one for one in OPERATORS if not issubclass(one, StageOperator))
DOORS = ("call", "operator", "command")


@cache
def encoder() -> str:
    folder = Path(tempfile.mkdtemp(prefix="capviz-encoder-"))
    return str(save_random("clip", folder, seed=0))


def asked(**changes: Any) -> AnalysisOptions:
    return random_options(encoder=encoder(), dtype="float32", **changes)


def factors() -> dict[str, tuple[Any, ...]]:
    """Every option with what can be chosen; models and numbers have no part in what is written."""
    found: dict[str, tuple[Any, ...]] = {name: tuple(values) for name, values in CHOICES.items()}
    for name, value in AnalysisOptions().to_dict().items():
        if isinstance(value, bool):
            found[name] = (False, True)
    found |= FIELDS | SLOW
    found["stages"] = tuple(dict.fromkeys(one.stages for one in STAGED))
    found["door"] = DOORS
    found["again"] = (False, True)
    return found


ROWS = pairwise(factors())


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = owned_dataset(tmp_path_factory.mktemp("owned"))
    yield made
    made.delete()


@pytest.fixture
def clone(owned: Any) -> Iterator[Any]:
    made = owned.clone(persistent=True)
    yield made
    made.delete()


def through(door: str, dataset: Any, options: AnalysisOptions, stages: tuple[str, ...]) -> None:
    """The same analysis by a call, an operator or the command line."""
    if door == "call":
        analyze(dataset, options, stages=stages)
    elif door == "operator":
        operator = next(one for one in STAGED if one.stages == stages)
        call(operator.operator_name, dataset=dataset, params=params_from(options))
    else:
        arguments = []
        for name, value in options.to_dict().items():
            flag = f"--{name.replace('_', '-')}"
            if value is True and name != "use_enc":  # the command has no such switch
                arguments.append(flag)
            elif value not in (None, "") and not isinstance(value, bool):
                arguments += [flag, str(value)]
        line = ["analyze", dataset.name, "--quiet", *arguments, "--stages", *stages]
        chosen = cli.build_parser().parse_args(line)
        chosen.run(chosen)


def refusal(work: Callable[[], object]) -> str:
    """What was said where it was refused; empty where it was done. Other errors are errors."""
    try:
        work()
    except CapvizError as error:
        return str(error)
    except ExecutionError as error:
        if "The details are in" in str(error):  # no refusal: something broke
            raise
        return str(error)
    return ""


def without_texts(found: Snapshot) -> Snapshot:
    """For calls that were told to write over captions: nothing else changes."""
    texts = (CAPTIONS, SEVERAL, "scene")
    samples = [{k: v for k, v in one.items() if k not in texts} for one in found["samples"]]
    return {**found, "samples": samples}


@pytest.mark.parametrize("row", ROWS, ids=[f"row{i}" for i in range(len(ROWS))])
def test_an_analysis_changes_nothing_of_the_users(clone: Any, row: dict[str, Any]) -> None:
    given = dict(row)
    door, again, stages = (given.pop(name) for name in ("door", "again", "stages"))
    shown = without_texts if row["overwrite_captions"] else dict
    before = snapshot(clone)
    options = asked(**{k: v for k, v in given.items() if k != "dtype"})
    if again:  # something of another configuration is stored already
        first = replace(options, top_k=2, method="cross_attention", existing="skip")
        with suppress(CapvizError):
            analyze(clone, first)
        assert not lost(shown(before), shown(snapshot(clone)))
    refused = refusal(lambda: through(door, clone, options, stages))
    if refused and not again:
        assert not differences(before, snapshot(clone)), f"written, then refused: {refused}"
    assert not lost(shown(before), shown(snapshot(clone)))
    for name in {*list_runs(clone), options.caption_field}:
        delete_analysis(clone, name)
    assert not differences(before, snapshot(clone))


def levels(dataset: Any, operator: Any, folder: Path) -> dict[str, tuple[Any, ...]]:
    """What an operator's form offers, and fitting text where anything can be typed."""
    typed = {
        "caption_field": (CAPTIONS,),
        "segments_field": (LABELS,),
        "regions_field": (LABELS, SHAPES),
        "folder": (str(folder),),
        "confirm": (True,),
        "word": ("dog",),
        "prompt": ("a man with",),
        "segment_label": (None, "dog"),
        "encoder": (encoder(),),
        "more": (False,),
        "formats": (None, ["captions_csv"]),
        "measures": (["grounding"],),
        "sources": (["itm"],),
    }
    found: dict[str, tuple[Any, ...]] = {}
    for name, prop in form_of(operator, context(dataset, {"more": True}, app=True)).items():
        if name in typed:
            found[name] = typed[name]
        elif isinstance(prop.type, foo.types.Boolean):
            found[name] = (False, True)
        elif isinstance(prop.type, foo.types.Enum):
            found[name] = tuple(prop.type.values)
    return found


def extras(operator: Any) -> dict[str, Any]:
    """What every call names beside its form: the small models."""
    options = asked(caption_field=CAPTIONS, segments_field=LABELS, own_segments=True)
    models = {name: getattr(options, name) for name in ("captioner", "matcher", "encoder")}
    found: dict[str, Any] = {**models, "device": "cpu"}
    found |= {"caption_field": CAPTIONS, "segments_field": LABELS}
    if operator.operator_name == "evaluate_attribution":
        found |= {"heads": False, "bootstrap_samples": 5}
    if operator.operator_name == "change_stop_words":
        found |= {"words": "wolf"}
    return found


FIRST = {
    "accept_captions": ("steer_captions",),
    "undo_captions": ("steer_captions", "accept_captions"),
}
"""What must have happened for an operator to have something to do."""


@pytest.mark.parametrize("operator", OTHERS, ids=lambda one: one.operator_name)
def test_an_operator_changes_nothing_of_the_users(
    clone: Any, operator: Any, tmp_path: Path
) -> None:
    name = operator.operator_name
    before = snapshot(clone)
    # Own captions on own labels: all that is ours stands beside, or inside, the user's.
    options = asked(caption_field=CAPTIONS, segments_field=LABELS, own_segments=True)
    analyze(clone, options, stages=("match", "attribute"))
    save_workspace(clone, options)
    rows = pairwise(levels(clone, operator(), tmp_path / "out"))
    for first in FIRST.get(name, ()):
        call(first, dataset=clone, params={**extras(operator), "prompt": "a man with"})
    record = read_run(clone, CAPTIONS)
    assert record is not None
    assert record.added_attributes
    shown = without_texts if "accept_captions" in (name, *FIRST.get(name, ())) else dict
    done = []
    for row in rows:
        params = {**extras(operator), **row}
        refused = refusal(partial(call, name, dataset=clone, params=params))
        done += [] if refused else [row]
        assert not lost(shown(before), shown(snapshot(clone))), row
    assert done or name in ONLY_IN_THE_APP
    if name == "undo_captions":
        assert not lost(before, snapshot(clone))
    for one in {*list_runs(clone), CAPTIONS}:
        delete_analysis(clone, one)
    assert not differences(before, snapshot(clone))


ONLY_IN_THE_APP = ("steer_selection", "stream_caption", "restore_map", "show_evaluation")
"""They need a panel, an open image, or an evaluation."""

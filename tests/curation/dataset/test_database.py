"""A view that cannot be evaluated, a refusing server and a lost connection are told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from bson.errors import InvalidDocument
from fiftyone.operators.executor import ExecutionError
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    NotPrimaryError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WriteError,
)
from pymongo.synchronous.topology import Topology

import fiftyone_capviz as capviz
from fiftyone_capviz.cli import main
from fiftyone_capviz.curation.dataset.database import database_errors, database_problem
from fiftyone_capviz.curation.dataset.names import CaptionFields
from fiftyone_capviz.curation.dataset.schema import declare_candidates
from fiftyone_capviz.curation.steering.accept import accept_captions, undo_captions
from fiftyone_capviz.errors import DatabaseError, InputError
from operators.analyze_captions import AnalyzeCaptions
from operators.focus_word import FocusWord
from operators.steer_captions import SteerCaptions
from operators.undo_captions import UndoCaptions
from tests.worlds.analysed import analysed_dataset
from tests.worlds.asking import URI, call, context, problems
from tests.worlds.calls import Events
from tests.worlds.random_world import random_options

VIEW_SAYS = "must be one that the database can evaluate"
GONE = "did not answer"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fo.Dataset]:
    made = analysed_dataset(tmp_path_factory.mktemp("images"))
    declare_candidates(made, CaptionFields("steered"))
    for name in ("steered", "steered_steered", "steered_recipe", "steered_itm_steered"):
        made.set_values(name, made.values("caption"))
    yield made
    made.delete()


INVALID: dict[str, Callable[[fo.Dataset], Any]] = {
    "operator": lambda d: d.match({"$nosuch": 1}),
    "stage": lambda d: d.mongo([{"$nosuch": {}}]),
    "regular expression": lambda d: d.match({"caption": {"$regex": "(["}}),
    "value": lambda d: d.match({"$expr": {"$divide": [1, 0]}}),
    "what cannot be sent": lambda d: d.mongo([{"$match": {"caption": {1, 2}}}]),
}

CALLS: dict[str, Callable[[Any, Path], Any]] = {
    "analyze": lambda v, _: capviz.analyze(v, random_options(), progress=False),
    "estimate": lambda v, _: capviz.estimate(v, random_options()),
    "word_graph": lambda v, _: capviz.word_graph(v),
    "stale_captions": lambda v, _: capviz.stale_captions(v),
    "summarize": lambda v, _: capviz.summarize(v),
    "export_analysis": lambda v, p: capviz.export_analysis(v, p / "out"),
    "html_report": lambda v, p: capviz.html_report(v, p / "report.html"),
    "focus_word": lambda v, _: capviz.focus_word(v, "wolf"),
    "steer_captions": lambda v, _: capviz.steer_captions(v, capviz.Recipe("a wolf")),
    "accept_captions": lambda v, _: accept_captions(v, "steered"),
    "undo_captions": lambda v, _: undo_captions(v),
    "find_mismatches": lambda v, _: capviz.find_mismatches(v),
    "relate_view": lambda v, _: capviz.relate_view(v, encoder="scenes"),
    "an operator": lambda v, _: FocusWord()(v, "wolf"),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_call_tells_an_invalid_view(dataset: fo.Dataset, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=VIEW_SAYS) as caught:
        CALLS[name](INVALID["value"](dataset), tmp_path)
    assert "start it" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", INVALID)
def test_every_kind_of_invalid_view_is_told(dataset: fo.Dataset, kind: str) -> None:
    with pytest.raises(InputError, match=VIEW_SAYS):
        capviz.word_graph(INVALID[kind](dataset))


@pytest.mark.parametrize("name", CALLS)
def test_every_call_tells_a_lost_connection(
    dataset: fo.Dataset, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = dataset.limit(3)

    def gone(*_: Any, **__: Any) -> None:
        raise ServerSelectionTimeoutError("connection refused")

    monkeypatch.setattr(Topology, "select_server", gone)
    with pytest.raises(DatabaseError, match=f"{GONE}.*start it and run the same again"):
        CALLS[name](view, tmp_path)


FORMS = {AnalyzeCaptions: {}, SteerCaptions: {"prompt": "a wolf"}, UndoCaptions: {}}


@pytest.mark.parametrize("operator", FORMS)
def test_forms_tell_an_invalid_view(dataset: fo.Dataset, operator: Any) -> None:
    made = dataset.clone()
    made.set_values("caption_previous", [[{"caption": "a"}]] * len(made), dynamic=True)
    view = INVALID["value"](made)
    told = problems(operator(), context(made, FORMS[operator], view=view, app=True))
    made.delete()
    assert VIEW_SAYS in told["problem"]


@pytest.mark.parametrize("name", ["focus_word", "analyze_captions"])
def test_operators_that_fiftyone_runs_tell_an_invalid_view(dataset: fo.Dataset, name: str) -> None:
    view = INVALID["value"](dataset)
    with pytest.raises(ExecutionError, match=VIEW_SAYS):
        call(name, view=view, params={"word": "wolf"})


def test_panels_tell_an_invalid_view(dataset: fo.Dataset) -> None:
    view = INVALID["value"](dataset)
    answer = Events(f"{URI}caption_steering").ask(dataset, "scopes", view=view)
    assert VIEW_SAYS in answer["error"]


def test_the_command_line_tells_an_invalid_view(
    dataset: fo.Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    made = dataset.clone("invalid-view", persistent=True)
    made.save_view("wrong", INVALID["value"](made))
    code = main(["analyze", made.name, "--view", "wrong", "--stages", "match"])
    made.delete()
    said = capsys.readouterr().err
    assert code == 1
    assert VIEW_SAYS in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (AutoReconnect("closed"), DatabaseError, GONE),
        (NotPrimaryError("stepped down"), DatabaseError, GONE),
        (ConnectionError("Could not connect to `mongod`"), DatabaseError, GONE),
        (OperationFailure("not authorized", 13), DatabaseError, "refused"),
        (OperationFailure("no space left", 14031), DatabaseError, "refused"),
        (WriteError("bad", 2), DatabaseError, "refused"),
        (BulkWriteError({"writeErrors": []}), DatabaseError, "refused"),
        (OperationFailure("unknown operator", 2), InputError, VIEW_SAYS),
        (InvalidDocument("cannot encode object"), InputError, VIEW_SAYS),
    ],
)
def test_each_error_has_its_kind(error: Exception, kind: type[Exception], said: str) -> None:
    ours = database_problem(error)
    assert type(ours) is kind
    assert said in str(ours)


def test_other_errors_stay_what_they_are() -> None:
    assert database_problem(ValueError("no")) is None
    assert database_problem(ConnectionError("the hub")) is None
    with pytest.raises(ZeroDivisionError), database_errors():
        _ = 1 / 0


def test_what_a_long_run_is_refused_is_no_fault_of_the_view() -> None:
    with (
        pytest.raises(DatabaseError, match=r"refused.*3 of 8 samples are stored"),
        database_errors(lambda: "3 of 8 samples are stored", reads_view=False),
    ):
        raise OperationFailure("document too large", 10334)

"""The bridge between the library's progress and the App's stream."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.errors import InputError
from operators.frame.streaming import Notify, Outcome, message_of, run
from tests.worlds.asking import context, sent


def test_closing_the_form_stops_nothing(dataset: Any) -> None:
    go_on, finished = threading.Event(), threading.Event()

    def work(notify: Notify) -> Outcome:
        notify(Progress("samples", 1, 2, ""))
        assert go_on.wait(30)
        finished.set()
        return Outcome("done")

    messages: Any = run(context(dataset, app=True), work)
    next(messages)
    messages.close()
    go_on.set()
    assert finished.wait(30)


def test_progress_that_piled_up_is_sent_once(dataset: Any) -> None:
    def work(notify: Notify) -> Outcome:
        for done in range(1000):
            notify(Progress("samples", done, 1000, f"{done} of 1000"))
        return Outcome("done\nwith details", {"counts": 1})

    messages = [cast(Any, one).to_json() for one in run(context(dataset, app=True), work) or ()]
    assert len(sent(messages, "set_progress")) < 1000
    assert messages[-1]["body"] == {"summary": "done\nwith details", "counts": 1}
    assert sent(messages, "notify") == [{"message": "done", "variant": "success"}]


def test_a_call_from_python_gets_result_and_error(dataset: Any) -> None:
    assert run(context(dataset), lambda notify: Outcome("fine")) == {"summary": "fine"}

    def refuse(notify: Notify) -> Outcome:
        raise InputError("The rule; the value. The remedy.")

    with pytest.raises(InputError, match="The remedy"):
        run(context(dataset), refuse)


def test_errors_that_are_not_ours_name_the_log_file() -> None:
    assert message_of(InputError("as it is")) == "as it is"
    assert "capviz" in message_of(RuntimeError("odd"))
    assert "odd" in message_of(RuntimeError("odd"))

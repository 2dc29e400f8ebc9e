"""Requests that are cancelled by their name."""

from __future__ import annotations

from fiftyone_capviz.curation.inference.cancelled import REMEMBERED, cancel_request, cancelled


def test_a_request_is_cancelled_by_its_name_also_before_it_begins() -> None:
    assert cancelled(None) is None
    assert cancelled("") is None
    stop, other = cancelled("one"), cancelled("other")
    assert stop is not None
    assert other is not None
    assert not stop()
    cancel_request("one")
    assert stop()
    assert not other()
    for at in range(REMEMBERED):
        cancel_request(f"later {at}")
    assert not stop()  # long gone

"""A batch that waits for a decision, and acceptances that are undone in turn."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.steering.accept import accept_captions
from fiftyone_capviz.curation.steering.batch import (
    Batch,
    candidates,
    forget_accepted,
    last_accepted,
    note_accepted,
    pending_batch,
    remember_batch,
)
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.settings.steering import Recipe
from tests.worlds.random_world import random_options

COUNT = 4
PROMPT = "the man is wearing a hat"


def test_a_batch_waits_until_it_is_decided(dataset: Any, cache: Any) -> None:
    assert pending_batch(dataset, "caption") is None
    ids = dataset.values("id")
    report = steer_captions(dataset, Recipe(PROMPT, word="submarine"), cache=cache)
    remember_batch(dataset, Batch.of(report, "caption", ids))
    batch = pending_batch(dataset, "caption")
    assert batch is not None
    assert (batch.hits, batch.samples, set(batch.misses)) == (0, COUNT, set(ids))
    rows = candidates(dataset, batch, random_options(), limit=2)
    assert [row.says_word for row in rows] == [False, False]
    assert all(row.caption.startswith(PROMPT) for row in rows)
    assert pending_batch(dataset, "other") is None
    accept_captions(dataset, cache=cache)
    assert pending_batch(dataset, "caption") is None


def test_acceptances_are_undone_in_turn(dataset: Any) -> None:
    assert last_accepted(dataset, "caption") == []
    note_accepted(dataset, "caption", ["a"])
    note_accepted(dataset, "other", ["x"])
    note_accepted(dataset, "caption", ["b", "c"])
    assert last_accepted(dataset, "caption") == ["b", "c"]
    forget_accepted(dataset, "caption")
    assert last_accepted(dataset, "caption") == ["a"]
    assert last_accepted(dataset, "other") == ["x"]

"""Rows of a report: coverage, and hits and energies of every pair."""

from __future__ import annotations

import pytest

from fiftyone_capviz.curation.evaluation.method_groups import MethodGroups
from fiftyone_capviz.curation.evaluation.rows import coverage_rows, pair_columns
from fiftyone_capviz.evaluation.summaries import Variant
from tests.worlds.known_world import (
    BAD,
    DOG,
    GOOD,
    HAT,
    KnownSource,
    box_map,
    grounded,
    known_families,
    on_dog,
    on_hat,
)


def test_uncovered_is_what_no_map_lies_in() -> None:
    """The caption names the dog alone: the hat is unnamed, and uncovered by a right map."""
    blind = Variant("dual", "icam", 2)  # covers nothing: finds all, and half of it is wrong
    maps = {GOOD: on_dog, BAD: on_hat, blind: lambda word: box_map((0, 0, 0, 0))}
    run, _ = grounded([KnownSource("dual", maps)], text="a dog")
    good, bad, nothing = coverage_rows(run)
    assert (nothing["precision"], nothing["recall"], nothing["uncovered"]) == (0.5, 1, 16)
    assert (good["name"], good["precision"], good["recall"]) == (GOOD.name, 1, 1)
    assert (bad["name"], bad["precision"], bad["recall"]) == (BAD.name, 0, 0)
    assert {row["chance"] for row in (good, bad)} == {0.5}
    assert {row["unnamed"] for row in (good, bad)} == {8}


class TestPairColumns:
    def test_values_of_families_and_defaults_are_kept(self) -> None:
        families, run, _, defaults = known_families()
        columns = pair_columns(run, run.grounding(), families, kept=defaults)
        assert set(columns["hit"]) == {
            "itm gradcam", "dual second_order", "dual icam", "itm gradcam layer 0",
            "dual second_order layer 1", "dual icam layer 1",
        }  # fmt: skip
        assert columns["hit"]["dual icam"] == [1] * 16
        assert columns["energy"]["dual icam layer 1"] == [0] * 16
        assert columns["label"] == ["dog", "hat"] * 8

    def test_hits_and_energies_are_kept_apart(self) -> None:
        """Twice as strong in the dog as in the hat: the dog is hit, the hat has 4 of 22."""
        one = Variant("itm", "gradcam", 0)
        source = KnownSource("itm", {one: lambda word: 2 * box_map(DOG) + box_map(HAT)})
        run, _ = grounded([source], images=5)
        families = MethodGroups.of(run, run.grounding(), [one], seed=0)
        columns = pair_columns(run, run.grounding(), families, kept=[one])
        assert columns["hit"][one.name] == [1, 0] * 5
        assert columns["energy"][one.name] == pytest.approx([18 / 22, 4 / 22] * 5, abs=1e-4)

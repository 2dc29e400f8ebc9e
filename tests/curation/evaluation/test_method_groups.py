"""The best variant of each method, and methods compared."""

from __future__ import annotations

import pytest
from bson import ObjectId

from fiftyone_capviz.curation.evaluation.method_groups import comparison_rows
from fiftyone_capviz.evaluation.summaries import Variant
from tests.worlds.known_world import GOOD, OPTIONS, known_families


class TestFamilies:
    """Layer 0 is right, layer 1 is not; the default of second_order is the wrong one."""

    def test_rows_are_the_best_of_each_method(self) -> None:
        families, run, intervals, _ = known_families()
        rows = families.rows([pair.label for pair in run.pairs], intervals, unsigned=())
        assert [(row["name"], row["pga"]["value"], row["candidates"]) for row in rows] == [
            ("itm gradcam", 0.5, 1), ("dual second_order", 1, 2), ("dual icam", 1, 2),
        ]  # fmt: skip
        assert rows[2]["chosen"] == [GOOD.name, GOOD.name]
        assert families.chosen("dual", run.pairs[0].sample.id)[Variant("dual", "icam")] == GOOD
        assert list(families.chosen("itm", ObjectId())) == [Variant("itm", "gradcam")]

    def test_comparisons_are_first_minus_second(self) -> None:
        families, run, intervals, defaults = known_families()
        rows = comparison_rows(
            families, run, run.grounding(), intervals, defaults=defaults, options=OPTIONS
        )
        found = {(row["first"], row["second"]): row for row in rows}
        fair = found["dual second_order layer 1", "dual icam"]
        assert rows[0] is fair
        figures = (fair["pga"]["value"], fair["pge"]["value"], fair["epsilon"])
        # Energies are shares of float32 sums, whose last digit depends on their order.
        assert figures == pytest.approx((-1, -1, 1), abs=1e-6)
        assert found["dual second_order", "itm gradcam"]["pga"]["value"] == 0.5
        assert found["dual second_order", "itm gradcam"]["epsilon"] == 0
        default = found["itm gradcam layer 0", "dual second_order layer 1"]
        halves = (default["pga"]["value"], default["pge"]["value"])
        assert halves == pytest.approx((0.5, 0.5), abs=1e-6)
        assert len(rows) == len(found) == 5
        assert all(row["pga"]["n"] == 16 for row in rows)

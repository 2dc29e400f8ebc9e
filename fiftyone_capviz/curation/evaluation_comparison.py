"""Two stored evaluations side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fiftyone_capviz.curation.evaluation_report import EvaluationReport, Row
from fiftyone_capviz.curation.evaluation_table import columns, interval
from fiftyone_capviz.evaluation.statistics import Bootstrap
from fiftyone_capviz.evaluation.stochastic_order import almost_stochastic_order


@dataclass(frozen=True)
class EvaluationComparison:
    """What two evaluations have in common.

    Attributes:
        names: of the two.
        rows: per variant that both hold: PGA and PGE of both; where the objects are kept, the
            paired differences (second minus first) on the `common` objects and epsilon of the
            almost stochastic order (below 0.5: the second is better).
        changed: option -> (first, second), where they differ.
        text: for the terminal.
    """

    names: tuple[str, str]
    rows: list[Row]
    changed: dict[str, tuple[Any, Any]]
    text: str = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        changed = {key: list(values) for key, values in self.changed.items()}
        return {"names": list(self.names), "rows": self.rows, "changed": changed}


def compare_evaluations(
    first: EvaluationReport, second: EvaluationReport, *, names: Sequence[str], seed: int = 0
) -> EvaluationComparison:
    """Compare two evaluations, variant by variant.

    Args:
        first, second: of one dataset.
        names: what to call them.
        seed: of the draws of the paired intervals.
    """
    theirs = {row["name"]: row for row in second.grounding}
    rows = []
    for row in first.grounding:
        other = theirs.get(row["name"])
        if other is None:
            continue
        about: Row = {"name": row["name"], "head": row["head"]}
        both = {"pga": [row["pga"], other["pga"]], "pge": [row["pge"], other["pge"]]}
        rows.append(about | both | _paired(first, second, row["name"], seed))
    changed = _changed(first.about["options"], second.about["options"])
    pair = (str(names[0]), str(names[1]))
    return EvaluationComparison(pair, rows, changed, _text(pair, rows, changed))


def _paired(first: EvaluationReport, second: EvaluationReport, name: str, seed: int) -> Row:
    values = [_kept(report, name) for report in (first, second)]
    common = sorted(values[0].keys() & values[1].keys())
    if not common:
        return {}
    hits, energies = (
        np.array([[side[key][k] for key in common] for side in values]) for k in (0, 1)
    )
    bootstrap = Bootstrap([sample for sample, _ in common], seed=seed)
    return {
        "common": len(common),
        "pga_change": bootstrap.difference(hits[1], hits[0]).to_dict(),
        "pge_change": bootstrap.difference(energies[1], energies[0]).to_dict(),
        "epsilon": almost_stochastic_order(energies[1], energies[0], seed=seed),
    }


def _kept(report: EvaluationReport, name: str) -> dict[tuple[str, str], tuple[float, float]]:
    pairs = report.pairs
    if name not in pairs.get("energy", {}):
        return {}
    rows = zip(
        pairs["sample"], pairs["label"], pairs["hit"][name], pairs["energy"][name], strict=True
    )
    return {(s, label): (hit, energy) for s, label, hit, energy in rows if energy is not None}


def _changed(first: Row, second: Row) -> dict[str, tuple[Any, Any]]:
    keys = [key for key in first if key in second and first[key] != second[key]]
    return {key: (first[key], second[key]) for key in keys}


def _text(names: tuple[str, str], rows: list[Row], changed: dict[str, tuple[Any, Any]]) -> str:
    whole = [row for row in rows if row["head"] is None]
    if not whole:
        return f"{names[0]} and {names[1]} have no variant in common."
    lines = [
        (
            row["name"],
            *(interval(one) for one in (*row["pga"], row.get("pga_change"))),
            *(interval(one) for one in (*row["pge"], row.get("pge_change"))),
            f"{row['epsilon']:.3f}" if "epsilon" in row else "–",
        )
        for row in whole
    ]
    header = ("%", "PGA A", "PGA B", "B - A", "PGE A", "PGE B", "mean B - A", "ASO epsilon")
    said = [f"A: {names[0]}", f"B: {names[1]}"]
    said += [f"{key}: {before!r} against {after!r}" for key, (before, after) in changed.items()]
    return "\n".join([*said, "", columns(header, lines)])

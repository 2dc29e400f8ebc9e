"""Two stored evaluations side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.progress import UndividedReport
from fiftyone_capviz.curation.evaluation.report import EARLIER, EvaluationReport, Row
from fiftyone_capviz.curation.evaluation.table import columns, interval
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.statistics import GroupIntervals
from fiftyone_capviz.evaluation.stochastic_order import almost_stochastic_order

Object = tuple[str, str, int]
"""Sample, label, and the text's number, or which of the sample's pairs with this label it is."""
_TEXTS = ("caption_field", "caption_index", "all_captions", "expressions")
"""Options that say which texts were evaluated."""


@dataclass(frozen=True)
class EvaluationComparison(UndividedReport):
    """What two evaluations have in common.

    Attributes:
        names: of the two.
        rows: on the `n` common objects, for the cross-fitted best and the default of each source
            and method: PGA and PGE of both, their paired differences (second minus first), and
            epsilon of the almost stochastic order (below 0.5: the second is better), corrected for
            the number of rows. "name" is what is compared, "of" its name in either evaluation.
        variants: of every layer that both hold, PGA and PGE of each on all its own objects.
        differences: what was evaluated or how -> (first, second), where they differ.
        text: for the terminal.
    """

    names: tuple[str, str]
    rows: list[Row]
    variants: list[Row]
    differences: dict[str, tuple[Any, Any]]
    text: str = field(repr=False)

    def summary(self) -> str:
        """What is compared."""
        return f"{self.names[0]} and {self.names[1]}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        differences = {key: list(values) for key, values in self.differences.items()}
        return {
            "names": list(self.names),
            "rows": self.rows,
            "variants": self.variants,
            "differences": differences,
        }


@database_errors()
def compare_evaluations(
    first: EvaluationReport, second: EvaluationReport, *, names: Sequence[str], seed: int = 0
) -> EvaluationComparison:
    """Compare two evaluations, method by method.

    Args:
        first, second: of one dataset.
        names: what to call them.
        seed: of the draws of the paired intervals.

    Raises:
        InputError: an earlier version stored one, without the values that are compared, or their
            hits are of different rules.
    """
    for report, name in zip((first, second), names, strict=True):
        if EARLIER in report.notes:
            raise InputError(
                "A comparison needs every object's values for the best of each method; an earlier "
                f"version stored {name!r} without them. Evaluate again."
            )
    if first.rule != second.rule:
        raise InputError(
            f"A comparison needs hits by one rule; a hit of {names[0]!r} is that {first.rule}, of "
            f"{names[1]!r} that {second.rule}. Evaluate the older one again."
        )
    wanted = _wanted(first, second)
    rows = [_paired((first, second), *each, count=len(wanted), seed=seed) for each in wanted]
    variants = _side_by_side(first, second)
    differences = _differences(first, second)
    pair = (str(names[0]), str(names[1]))
    text = _text(pair, rows, variants, differences)
    return EvaluationComparison(pair, rows, variants, differences, text)


def _wanted(first: EvaluationReport, second: EvaluationReport) -> list[tuple[str, tuple[str, str]]]:
    """What is compared, and its name in either."""
    families = [{row["name"] for row in report.families} for report in (first, second)]
    best = [row["name"] for row in first.families if row["name"] in families[1]]
    defaults = [_defaults(report) for report in (first, second)]
    return [(f"{name}, best", (name, name)) for name in best if name in families[0]] + [
        (f"{family}, default", (name, defaults[1][family]))
        for family, name in defaults[0].items()
        if family in defaults[1]
    ]


def _defaults(report: EvaluationReport) -> dict[str, str]:
    """Source and method -> the name of its default."""
    names = set(report.about["defaults"])
    return {
        f"{row['source']} {row['method']}": row["name"]
        for row in report.grounding
        if row["name"] in names
    }


def _paired(
    reports: tuple[EvaluationReport, EvaluationReport],
    name: str,
    of: tuple[str, str],
    *,
    count: int,
    seed: int,
) -> Row:
    read = [[report.about["options"].get(each) for each in _TEXTS] for report in reports]
    same_texts = read[0] == read[1]
    kept = [
        _kept(report, one, numbered=same_texts) for report, one in zip(reports, of, strict=True)
    ]
    common = sorted(kept[0].keys() & kept[1].keys())
    hits, energies = (
        np.array([[side[key][k] for key in common] for side in kept], dtype=float) for k in (0, 1)
    )
    intervals = GroupIntervals([sample for sample, _, _ in common])
    epsilon = float("nan")
    if common:
        epsilon = almost_stochastic_order(
            energies[1], energies[0], groups=intervals.groups, comparisons=count, seed=seed
        )
    return {
        "name": name,
        "of": list(of),
        "n": len(common),
        "pga": [intervals.share(side).to_dict() for side in hits],
        "pge": [intervals.median(side).to_dict() for side in energies],
        "pga_change": intervals.difference(hits[1], hits[0]).to_dict(),
        "pge_change": intervals.difference(energies[1], energies[0]).to_dict(),
        "epsilon": epsilon if np.isfinite(epsilon) else None,
    }


def _kept(
    report: EvaluationReport, name: str, *, numbered: bool
) -> dict[Object, tuple[float, float]]:
    """Hit and energy of every object that counted; `numbered`: told apart by their texts."""
    pairs, seen, found = report.pairs, Counter[tuple[str, str]](), {}
    columns_of = (pairs[key] for key in ("sample", "label", "text"))
    for sample, label, text, hit, energy in zip(
        *columns_of, pairs["hit"][name], pairs["energy"][name], strict=True
    ):
        if energy is not None:
            number = text if numbered else seen[sample, label]
            found[sample, label, number] = (hit, energy)
        seen[sample, label] += 1
    return found


def _side_by_side(first: EvaluationReport, second: EvaluationReport) -> list[Row]:
    theirs = {row["name"]: row for row in second.grounding}
    return [
        {"name": row["name"], "head": row["head"]}
        | {key: [row[key], theirs[row["name"]][key]] for key in ("pga", "pge")}
        for row in first.grounding
        if row["name"] in theirs
    ]


def _differences(first: EvaluationReport, second: EvaluationReport) -> dict[str, tuple[Any, Any]]:
    parts = {"": "options", "revision of ": "revisions", "version of ": "versions"}
    found: dict[str, tuple[Any, Any]] = {}
    for prefix, part in parts.items():
        found |= _changed(first.about.get(part, {}), second.about.get(part, {}), prefix)
    found |= _changed(first.about.get("samples", {}), second.about.get("samples", {}), "samples: ")
    used = [{key: r.about.get(key) for key in ("device", "precision")} for r in (first, second)]
    found |= _changed(used[0], used[1], "used ")
    return found | _changed(
        {"state": first.about.get("state"), "objects": first.counts.get("pairs")},
        {"state": second.about.get("state"), "objects": second.counts.get("pairs")},
    )


def _changed(
    first: Mapping[str, Any], second: Mapping[str, Any], prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
    keys = dict.fromkeys([*first, *second])
    return {
        f"{prefix}{key}": (first.get(key), second.get(key))
        for key in keys
        if first.get(key) != second.get(key)
    }


def _text(
    names: tuple[str, str],
    rows: Sequence[Row],
    variants: Sequence[Row],
    differences: Mapping[str, tuple[Any, Any]],
) -> str:
    said = [f"A: {names[0]}", f"B: {names[1]}"]
    said += [f"{key}: {before!r} against {after!r}" for key, (before, after) in differences.items()]
    if not differences:
        said.append("Options, models and samples are the same.")
    if not rows:
        said.append("They have no source and method in common.")
    parts = ["\n".join(said)]
    if rows:
        parts.append(f"{_paired_table(rows)}\n{_NOTE}")
    whole = [row for row in variants if row["head"] is None]
    if whole:
        parts.append(_variant_table(whole))
    return "\n\n".join(parts)


_NOTE = (
    "best: the layer is chosen on one half of the images and measured on the other; B - A: paired, "
    "whole\nimages drawn; ASO epsilon: corrected for all rows; below 0.2 B is clearly better, "
    "below 0.5 weakly"
)


def _paired_table(rows: Sequence[Row]) -> str:
    header = (
        "on the n common objects, %", "n", "PGA A", "PGA B", "B - A", "PGE A", "PGE B",
        "mean B - A", "ASO epsilon",
    )  # fmt: skip
    lines = [
        (
            row["name"],
            str(row["n"]),
            *(interval(one) for one in (*row["pga"], row["pga_change"])),
            *(interval(one) for one in (*row["pge"], row["pge_change"])),
            "–" if row["epsilon"] is None else f"{row['epsilon']:.3f}",
        )
        for row in rows
    ]
    return columns(header, lines)


def _variant_table(rows: Sequence[Row]) -> str:
    header = ("each on all its own objects, %", "n A", "n B", "PGA A", "PGA B", "PGE A", "PGE B")
    lines = [
        (
            row["name"],
            *(str(one["n"]) for one in row["pga"]),
            *(interval(one) for one in (*row["pga"], *row["pge"])),
        )
        for row in rows
    ]
    return columns(header, lines)

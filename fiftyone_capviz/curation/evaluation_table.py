"""An evaluation as text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fiftyone_capviz.curation.evaluation_columns import columns, interval, percent
from fiftyone_capviz.curation.evaluation_grounding_table import grounding_table
from fiftyone_capviz.curation.evaluation_report import EvaluationReport, Row
from fiftyone_capviz.evaluation.failures import GROUPS
from fiftyone_capviz.evaluation.stochastic_order import CLEAR, NO_PREFERENCE

ASO_NOTE = (
    "No layer: cross-fitted best. Intervals are 95 % each. ASO epsilon: almost stochastic order of "
    "the\nenergies, upper bound at 95 % for all these comparisons together (Bonferroni), whole "
    f"images drawn;\nbelow {CLEAR} the first is clearly better, below {NO_PREFERENCE} weakly; "
    f"{NO_PREFERENCE} and above says nothing for it"
)


def evaluation_table(report: EvaluationReport) -> str:
    """Every part that was measured, as aligned columns."""
    parts = [_heading(report), grounding_table(report), _comparisons(report)]
    if report.completeness:
        error = report.completeness
        parts.append(
            f"Completeness of second_order, error / sum |A|: median {error['median']:.1e}, "
            f"largest {error['largest']:.1e} of {error['captions']} captions."
        )
    parts += [_discrimination(report), _faithfulness(report), _coverage(report)]
    parts += [_associations(report), _steering(report), _failures(report), *report.notes]
    return "\n\n".join(part for part in parts if part)


def headline(report: EvaluationReport) -> str:
    """The result in a sentence."""
    best = max(report.best(), key=lambda row: row["pga"]["value"], default=None)
    if best is None:
        return "No object is larger than a patch."
    return (
        f"{best['name']} points at {100 * best['pga']['value']:.1f} % of {best['pga']['n']} named "
        f"objects (best layer, cross-fitted), with a median energy of "
        f"{100 * best['pge']['value']:.1f} %."
    )


def _heading(report: EvaluationReport) -> str:
    about, counts = report.about, report.counts
    lines = [_described(report) if about["options"].get("expressions") else _named(report)]
    measured = [
        f"{name.removesuffix('_pairs')} {count}"
        for name, count in counts.items()
        if name.endswith("_pairs") and count
    ]
    lines.append(f"Larger than a patch: {', '.join(measured) or 'none'}. Seed {about['seed']}.")
    if report.stopped:
        lines.append("Stopped on request: the figures are of what was measured until then.")
    return "\n".join(lines)


def _named(report: EvaluationReport) -> str:
    about, counts = report.about, report.counts
    alone = counts["regions_named"] - counts["regions_repeated"]
    pairs = f" ({counts['pairs']} pairs)" if counts["pairs"] != alone else ""
    return (
        f"{alone} of {counts['regions']} regions in {about['regions_field']!r} are named by "
        f"{about['caption_field']!r} and alone of their label{pairs}; "
        f"{counts['captions_with_pair']} of {counts['captions']} captions name one. "
        f"{counts['regions_repeated']} named ones share their label or name with another."
    )


def _described(report: EvaluationReport) -> str:
    about, counts = report.about, report.counts
    return (
        f"{counts['pairs']} texts in {about['options']['expressions']!r} describe "
        f"{counts['regions_named']} of {counts['regions']} regions in {about['regions_field']!r}."
    )


def _comparisons(report: EvaluationReport) -> str:
    rows = [
        (
            f"{row['first']} - {row['second']}",
            interval(row["pga"]),
            interval(row["pge"]),
            str(row["pge"]["n"]),
            _plain(row["epsilon"]),
        )
        for row in report.comparisons
    ]
    if not rows:
        return ""
    header = ("on the same objects, difference", "PGA", "mean PGE", "n", "ASO epsilon")
    return f"{columns(header, rows)}\n{ASO_NOTE}"


def _discrimination(report: EvaluationReport) -> str:
    rows = [
        (row["name"], interval(row["score_lower"]), interval(row["attribution_lower"]))
        for row in report.discrimination
    ]
    header = ("one word swapped for another object, %", "lower score", "lower attribution")
    return columns(header, rows) if rows else ""


def _faithfulness(report: EvaluationReport) -> str:
    rows = [
        (
            f"{row['name']} ({row['score']})",
            *(interval(row[name], in_percent=False) for name in ("cii", "cid", "cti", "ctd")),
        )
        for row in report.faithfulness
    ]
    header = ("area under the score", "CII (high)", "CID (low)", "CTI (high)", "CTD (low)")
    if not rows:
        return ""
    return columns(header, rows) + (
        "\nlm has no text side: the likelihood of a text in pieces measures grammar first"
        if any(row["source"] == "lm" for row in report.faithfulness)
        else ""
    )


def _coverage(report: EvaluationReport) -> str:
    if report.coverage and not any(row["unnamed"] for row in report.coverage):
        return "Coverage: the captions name every labelled region, so none should be uncovered."
    defaults = report.about.get("defaults", ())
    rows = [
        (
            row["name"],
            percent(row["precision"]),
            percent(row["recall"]),
            percent(row["chance"]),
            str(row["unnamed"]),
        )
        for row in report.coverage
        if row["name"] in defaults
    ]
    header = (
        "uncovered finds what no word names, %",
        "precision",
        "recall",
        "by chance",
        "unnamed",
    )
    return columns(header, rows) if rows else ""


def _associations(report: EvaluationReport) -> str:
    rows = [
        (
            " + ".join(row["words"]),
            row["kind"],
            "too rare" if row["rank"] is None else f"{row['rank']} of {row['pairs']}",
        )
        for row in report.associations
    ]
    return columns(("planted pair", "kind", "rank by log-odds"), rows) if rows else ""


def _steering(report: EvaluationReport) -> str:
    rows = [
        (
            row["method"],
            f"{row['weight']:g}",
            interval(row["rate"]),
            interval(row.get("acceptable")),
            str(row["rate"]["n"]),
        )
        for row in report.steering
    ]
    if not rows:
        return ""
    header = ("steering names what was left out, %", "weight", "success", "acceptable", "objects")
    return f"{columns(header, rows)}\n{steering_note(report.steering)}"


def steering_note(rows: Sequence[Row]) -> str:
    """What the two rates count."""
    judge = rows[0].get("judge", "")
    names = "" if "match" in judge else ", and every name of the plain caption is kept"
    match = "match and likelihood" if "match" in judge else "likelihood"
    return (
        "success: the object is named, whatever else is said; acceptable: also no word twice in a "
        f"row{names},\nand {match} lose no more than the product allows"
    )


def _failures(report: EvaluationReport) -> str:
    counts = report.failures
    if not counts.get("failed"):
        return ""
    rows = [(f"{name}: {GROUPS[name]}", str(counts.get(name, "–"))) for name in GROUPS]
    rows.append(("none of these", str(counts.get("none_of_these", 0))))
    header = (f"energy below 0.2 with {report.about['shown']}: suggested groups", "objects")
    return columns(header, [("all", str(counts["failed"])), *rows])


def _plain(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"

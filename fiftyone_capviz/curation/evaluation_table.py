"""An evaluation as text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fiftyone_capviz.curation.evaluation_report import EvaluationReport, Row
from fiftyone_capviz.evaluation.failures import GROUPS

SHOWN_HEADS = 5


def evaluation_table(report: EvaluationReport) -> str:
    """Every part that was measured, as aligned columns."""
    parts = [_heading(report), _grounding(report), _comparisons(report)]
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
        f"objects, with a median energy of {100 * best['pge']['value']:.1f} %."
    )


def interval(stat: Row | None, *, percent: bool = True) -> str:
    """A statistic with its interval: "91.2 [88.0, 94.1]" in percent."""
    if not stat or stat["value"] is None:
        return "–"
    scale, digits = (100, 1) if percent else (1, 3)
    value = f"{stat['value'] * scale:.{digits}f}"
    if stat["low"] is None:
        return value
    return f"{value} [{stat['low'] * scale:.{digits}f}, {stat['high'] * scale:.{digits}f}]"


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text; the first column is aligned left, the others right."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def variant_label(row: Row, defaults: Sequence[str] = ()) -> str:
    """Source, method, layer and head; a star marks what the product uses by default."""
    return f"{row['name']}{' *' if row['name'] in defaults else ''}"


def _heading(report: EvaluationReport) -> str:
    about, counts = report.about, report.counts
    lines = [
        f"{counts['pairs']} of {counts['regions']} regions in {about['regions_field']!r} are named "
        f"by {about['caption_field']!r} and alone of their label; {counts['captions_with_pair']} "
        f"of {counts['captions']} captions name one. {counts['regions_repeated']} named ones "
        "share their label or name with another."
    ]
    measured = [
        f"{name.removesuffix('_pairs')} {count}"
        for name, count in counts.items()
        if name.endswith("_pairs") and count
    ]
    lines.append(f"Larger than a patch: {', '.join(measured) or 'none'}. Seed {about['seed']}.")
    if report.stopped:
        lines.append("Stopped on request: the figures are of what was measured until then.")
    return "\n".join(lines)


def _grounding(report: EvaluationReport) -> str:
    defaults = report.about.get("defaults", ())
    best = {row["name"] for row in report.best()}
    whole = [row for row in report.grounding if row["head"] is None and row["pga"]["n"]]
    header = (
        "grounding, % [95 % interval]", "PGA", "macro", "PGE median", "PGE > 0.8", "ranking",
        "own > 0", "other < 0",
    )  # fmt: skip
    lines = [
        (
            ("> " if row["name"] in best else "  ") + variant_label(row, defaults),
            interval(row["pga"]),
            _percent(row["macro"]),
            interval(row["pge"]),
            interval(row["high"]),
            interval(row["ranking"]),
            _percent(row["own_positive"]["value"]),
            _percent(row["cross_negative"]["value"]),
        )
        for row in whole
    ]
    text = columns(header, lines)
    text += "\n> best of its method by PGA, chosen on these images; * default; heads averaged"
    single = [row for row in report.grounding if row["head"] is not None and row["pga"]["n"]]
    single.sort(key=lambda row: -row["pga"]["value"])
    if single:
        heads = [(row["name"], interval(row["pga"])) for row in single[:SHOWN_HEADS]]
        text += "\n\n" + columns(("best single heads", "PGA"), heads)
    return text


def _comparisons(report: EvaluationReport) -> str:
    rows = [
        (
            f"{row['first']} - {row['second']}",
            interval(row["pga"]),
            interval(row["pge"]),
            _plain(row["epsilon"]),
        )
        for row in report.comparisons
    ]
    if not rows:
        return ""
    header = ("on the same objects, difference", "PGA", "mean PGE", "ASO epsilon")
    note = "ASO: almost stochastic order of the energies; below 0.5 the first is better"
    return f"{columns(header, rows)}\n{note}"


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
            *(interval(row[name], percent=False) for name in ("cii", "cid", "cti", "ctd")),
        )
        for row in report.faithfulness
    ]
    header = ("area under the score", "CII (high)", "CID (low)", "CTI (high)", "CTD (low)")
    return columns(header, rows) if rows else ""


def _coverage(report: EvaluationReport) -> str:
    if report.coverage and not any(row["unnamed"] for row in report.coverage):
        return "Coverage: the captions name every labelled region, so none should be uncovered."
    best = {row["name"] for row in report.best()}
    rows = [
        (
            row["name"],
            _percent(row["precision"]),
            _percent(row["recall"]),
            _percent(row["chance"]),
            str(row["unnamed"]),
        )
        for row in report.coverage
        if row["name"] in best
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
        (row["method"], f"{row['weight']:g}", interval(row["rate"]), str(row["rate"]["n"]))
        for row in report.steering
    ]
    header = ("steering names what was left out, %", "weight", "success", "objects")
    return columns(header, rows) if rows else ""


def _failures(report: EvaluationReport) -> str:
    counts = report.failures
    if not counts.get("failed"):
        return ""
    rows = [(f"{name}: {GROUPS[name]}", str(counts.get(name, 0))) for name in GROUPS]
    rows.append(("none of these", str(counts.get("none_of_these", 0))))
    header = (f"energy below 0.2 with {report.about['shown']}: suggested groups", "objects")
    return columns(header, [("all", str(counts["failed"])), *rows])


def _percent(value: Any) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _plain(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"

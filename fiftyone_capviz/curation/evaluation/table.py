"""An evaluation as text for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fiftyone_capviz.curation.evaluation.report import EvaluationReport, Row
from fiftyone_capviz.curation.evaluation.sanity import CONTROLS, MARK, sanity_note
from fiftyone_capviz.evaluation.failures import GROUPS
from fiftyone_capviz.evaluation.statistics import FEWEST_GROUPS
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
    parts += [_sanity(report), _discrimination(report), _faithfulness(report), _coverage(report)]
    parts += [_associations(report), _steering(report), _failures(report), *report.notes]
    return "\n\n".join(part for part in parts if part)


def _heading(report: EvaluationReport) -> str:
    about, counts = report.about, report.counts
    lines = [_described(report) if about["options"].get("expressions") else _named(report)]
    measured = [
        f"{name.removesuffix('_pairs')} {count}"
        for name, count in counts.items()
        if name.endswith("_pairs") and count
    ]
    lines.append(f"Counted: {', '.join(measured) or 'none'}. Seed {about['seed']}.")
    lines += left_out(counts)
    if report.stopped:
        lines.append("Stopped on request: the figures are of what was measured until then.")
    return "\n".join(lines)


def left_out(counts: Mapping[str, int]) -> list[str]:
    """Which named objects no map was asked to point at, and why; by either rule the same."""
    reasons = {
        "small": "are not larger than a patch",
        "centreless": "own no patch's centre",
    }
    found = []
    for key, reason in reasons.items():
        ending = f"_{key}"
        by_source = {k.removesuffix(ending): n for k, n in counts.items() if k.endswith(ending)}
        listed = ", ".join(f"{source} {n}" for source, n in by_source.items() if n)
        found += [f"Left out, as they {reason}: {listed}."] if listed else []
    return found


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


def _sanity(report: EvaluationReport) -> str:
    rows = [
        (f"{_mark(row)}{row['name']}", *(interval(row[key]) for key in ("pga", *CONTROLS)))
        for row in report.sanity
    ]
    header = ("PGA, % of the same objects", "as it is", "by lot", "in the middle", "object hidden")
    return f"{columns(header, rows)}\n{sanity_note(report.sanity)}".strip() if rows else ""


def _mark(row: Row) -> str:
    return MARK if row.get("beats") is False else "  "


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
            interval(row.get("overall")),
            interval(row.get("acceptable")),
            str(row["rate"]["n"]),
        )
        for row in report.steering
    ]
    if not rows:
        return ""
    what = "steering names what was left out, %"
    header = (what, "weight", "success", "of all asked", "acceptable", "objects")
    return f"{columns(header, rows)}\n{steering_note(report.steering)}"


def steering_note(rows: Sequence[Row]) -> str:
    """What the two rates count."""
    judge = rows[0].get("judge", "")
    names = "" if "match" in judge else ", and every name of the plain caption is kept"
    match = "match and likelihood" if "match" in judge else "likelihood"
    return (
        "success: the object is named, whatever else is said, and by more than the prompt; of all "
        "asked: of every image,\nalso those whose plain caption leaves nothing out; acceptable: "
        f"also no word twice in a row{names},\nand {match} lose no more than the product allows"
    )


def _failures(report: EvaluationReport) -> str:
    counts = report.groups
    if not counts.get("failed"):
        return ""
    rows = [(f"{name}: {GROUPS[name]}", str(counts.get(name, "–"))) for name in GROUPS]
    rows.append(("none of these", str(counts.get("none_of_these", 0))))
    header = (f"energy below 0.2 with {report.about['shown']}: suggested groups", "objects")
    return columns(header, [("all", str(counts["failed"])), *rows])


def _plain(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"


SHOWN_HEADS = 5
HEADER = (
    "grounding, % [95 % interval]", "n", "PGA", "macro", "lenient", "PGE median", "PGE > 0.8",
    "ranking", "own > 0", "other < 0",
)  # fmt: skip
BEST, CHANCE = "> ", "~ "


def grounding_table(report: EvaluationReport) -> str:
    """A row per variant, per method's cross-fitted best, and per level of chance."""
    defaults = report.about.get("defaults", ())
    whole = [row for row in report.grounding if row["head"] is None and row["pga"]["n"]]
    lines = [_line(f"  {_mark(row)}{variant_label(row, defaults)}", row) for row in whole]
    lines += [_line(f"{BEST}{_mark(row)}{family_label(row)}", row) for row in report.best()]
    lines += [
        _line(f"{CHANCE}  {row['name']}", row) for row in report.references if row["pga"]["n"]
    ]
    parts = [columns(HEADER, lines) + "\n" + _notes(report)]
    single = [row for row in report.grounding if row["head"] is not None and row["pga"]["n"]]
    single.sort(key=lambda row: -row["pga"]["value"])
    if single:
        heads = [(row["name"], interval(row["pga"])) for row in single[:SHOWN_HEADS]]
        header = ("highest single heads, chosen on these images", "PGA")
        parts.append(columns(header, heads))
    return "\n\n".join(parts)


def variant_label(row: Row, defaults: Sequence[str] = ()) -> str:
    """Source, method, layer and head; a star marks what the product uses by default."""
    return f"{row['name']}{' *' if row['name'] in defaults else ''}"


def family_label(row: Row) -> str:
    """Source and method, with the layers that were chosen on either half of the images."""
    if row["candidates"] == 1:
        return f"{row['chosen'][0]} (only one)"
    layers = dict.fromkeys(
        name.removeprefix(row["name"]).strip().removeprefix("layer ") for name in row["chosen"]
    )
    shown = " / ".join(layer for layer in layers if layer)
    return f"{row['name']} (best: layer {shown})" if shown else row["name"]


def differing_objects(report: EvaluationReport) -> str:
    """Which sources were measured on how many objects, where that differs; else empty."""
    counts: dict[str, int] = {}
    for row in report.grounding:
        counts.setdefault(row["source"], row["pga"]["n"])
    if len(set(counts.values())) < 2:
        return ""
    listed = ", ".join(f"{source} {count}" for source, count in counts.items())
    return (
        f"n differs by source ({listed}): a crop or a coarser grid loses objects. Compare sources "
        "by the differences on the same objects"
    )


def _line(label: str, row: Row) -> tuple[str, ...]:
    return (
        label,
        str(row["pga"]["n"]),
        interval(row["pga"]),
        percent(row["macro"]),
        interval(row.get("pga_lenient")),
        interval(row["pge"]),
        interval(row["high"]),
        interval(row["ranking"]),
        percent(row["own_positive"]["value"]),
        percent(row["cross_negative"]["value"]),
    )


def _notes(report: EvaluationReport) -> str:
    notes = [
        "* default; heads averaged",
        f"PGA: {report.rule}; lenient: the object owns a fifth of the patch's pixels. The same "
        "objects by both.\nPatches that share the largest value share the hit; a map that is the "
        "same everywhere points nowhere",
    ]
    if any(row.get("beats") is False for row in (*report.grounding, *report.families)):
        notes.append(
            f"{MARK}does not beat chance: more hits than a map by lot and than a bell around the "
            "middle are not certain"
        )
    if report.families:
        notes.append(
            f"{BEST}best layer of its method by PGA: chosen on one half of the images, measured on "
            "the other, both halves pooled"
        )
    if report.references:
        notes.append(
            f"{CHANCE}chance: a map drawn by lot (expected), and one bell around the middle of the "
            "image"
        )
    if any(row["own_positive"]["n"] == 0 for row in report.grounding if row["pga"]["n"]):
        notes.append("– under own > 0 and other < 0: values of this method are never negative")
    if any(row["pga"]["n"] and row["pga"]["low"] is None for row in report.grounding):
        notes.append(f"[–]: fewer than {FEWEST_GROUPS} images, too few for an interval")
    notes.append(differing_objects(report))
    return "\n".join(note for note in notes if note)


def interval(stat: Row | None, *, in_percent: bool = True) -> str:
    """A statistic with its interval: "91.2 [88.0, 94.1]" in percent."""
    if not stat or stat["value"] is None:
        return "–"
    scale, digits = (100, 1) if in_percent else (1, 3)
    value = f"{stat['value'] * scale:.{digits}f}"
    if stat["low"] is None:
        return f"{value} [–]"
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


def percent(value: Any) -> str:
    """A share in percent; a dash where it is unknown."""
    return "–" if value is None else f"{100 * value:.1f}"

"""The grounding figures of an evaluation as text: variants, cross-fitted best, chance."""

from __future__ import annotations

from collections.abc import Sequence

from fiftyone_capviz.curation.evaluation_columns import columns, interval, percent
from fiftyone_capviz.curation.evaluation_report import EvaluationReport, Row

SHOWN_HEADS = 5
HEADER = (
    "grounding, % [95 % interval]", "n", "PGA", "macro", "PGE median", "PGE > 0.8", "ranking",
    "own > 0", "other < 0",
)  # fmt: skip
BEST, CHANCE = "> ", "~ "


def grounding_table(report: EvaluationReport) -> str:
    """A row per variant, per method's cross-fitted best, and per level of chance."""
    defaults = report.about.get("defaults", ())
    whole = [row for row in report.grounding if row["head"] is None and row["pga"]["n"]]
    lines = [_line(f"  {variant_label(row, defaults)}", row) for row in whole]
    lines += [_line(f"{BEST}{family_label(row)}", row) for row in report.best()]
    lines += [_line(f"{CHANCE}{row['name']}", row) for row in report.references if row["pga"]["n"]]
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
        interval(row["pge"]),
        interval(row["high"]),
        interval(row["ranking"]),
        percent(row["own_positive"]["value"]),
        percent(row["cross_negative"]["value"]),
    )


def _notes(report: EvaluationReport) -> str:
    notes = ["* default; heads averaged"]
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
        notes.append("[–]: fewer than 5 images, too few for an interval")
    notes.append(differing_objects(report))
    return "\n".join(note for note in notes if note)

"""Figures of the report as SVG text: functions of data, without any library or script.

Colors are read from CSS variables of the page, so that a figure follows its light or dark theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.curation.pages.text_files import xml_text

TAG_COLORS = {"noun": "#2a6fbb", "verb": "#c8553d", "adjective": "#588b3b", "other": "#8a8f98"}
# Viridis at 0, 1/8, ... 1 (matplotlib, CC0).
_VIRIDIS = (
    *((68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141)),
    *((39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37)),
)
_TOGETHER, _APART = (214, 96, 37), (44, 106, 176)


@dataclass(frozen=True)
class Bar:
    """One bar: label, value, what hovering shows, and a class of color."""

    label: str
    value: float
    title: str
    color: str


def bars(items: Sequence[Bar], *, width: int = 520) -> str:
    """Horizontal bars, the longest one full width."""
    row, left, right = 22, 110, 56
    largest = max((item.value for item in items), default=1.0) or 1.0
    parts = []
    for i, item in enumerate(items):
        y = i * row
        length = (width - left - right) * item.value / largest
        parts.append(
            f"<g><title>{xml_text(item.title)}</title>"
            f'<text x="{left - 8}" y="{y + 15}" class="end">{xml_text(_short(item.label, 15))}'
            f'</text><rect x="{left}" y="{y + 3}" width="{max(length, 1):.1f}" height="{row - 6}" '
            f'rx="2" fill="{item.color}"/><text x="{left + length + 6:.1f}" y="{y + 15}" '
            f'class="faint">{item.value:g}</text></g>'
        )
    return _svg(width, max(len(items), 1) * row, parts, "Bars of word counts")


def histogram(
    values: Sequence[float], *, label: str, bins: int = 20, width: int = 520, height: int = 220
) -> str:
    """Counts of values in 0..1, with the mean marked."""
    counts, edges = np.histogram(np.clip(values, 0, 1), bins=bins, range=(0, 1))
    left, bottom, top = 44, 34, 12
    room, tall = width - left - 12, height - bottom - top
    largest = int(counts.max(initial=1)) or 1
    parts = [
        f'<line x1="{left}" y1="{top + tall}" x2="{width - 12}" y2="{top + tall}" class="axis"/>',
        f'<text x="{left - 6}" y="{top + 10}" class="end faint">{largest:,}</text>',
        f'<text x="{left - 6}" y="{top + tall}" class="end faint">0</text>',
    ]
    step = room / bins
    for i, count in enumerate(counts.tolist()):
        tallness = tall * count / largest
        parts.append(
            f"<g><title>{edges[i]:.2f} to {edges[i + 1]:.2f}: {count:,}</title>"
            f'<rect x="{left + i * step + 1:.1f}" y="{top + tall - tallness:.1f}" '
            f'width="{step - 2:.1f}" height="{tallness:.1f}" class="mark"/></g>'
        )
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x = left + tick * room
        parts.append(f'<text x="{x:.0f}" y="{height - 16}" class="mid faint">{tick:g}</text>')
    if len(values):
        mean = float(np.mean(values))
        x = left + min(max(mean, 0), 1) * room
        # The label stands on the side with more room.
        side, anchor = (-6, "end") if mean > 0.5 else (6, "start")
        parts.append(
            f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + tall}" class="mean"/>'
            f'<text x="{x + side:.1f}" y="{top + 10}" text-anchor="{anchor}">mean {mean:.2f}</text>'
        )
    parts.append(
        f'<text x="{left + room / 2:.0f}" y="{height - 2}" class="mid">{xml_text(label)}</text>'
    )
    return _svg(width, height, parts, f"Histogram of {label}")


def heat(
    words: Sequence[str],
    counts: NDArray[np.integer],
    log_odds: NDArray[np.floating],
    *,
    notable: NDArray[np.bool_],
    cell: int = 46,
) -> str:
    """Word-by-word table: color says together (orange) or apart (blue), numbers say how often.

    Args:
        words: of rows and columns.
        counts: "words words", captions that hold both.
        log_odds: "words words"; its sign and size give the color.
        notable: "words words", where chance does not explain the count; other cells stay pale.
        cell: pixels per cell.
    """
    left, top = 96, 84
    size = len(words)
    parts = []
    for j, word in enumerate(words):
        x = left + j * cell + cell / 2 + 4
        parts.append(
            f'<text transform="translate({x:.0f} {top - 8}) rotate(-50)">'
            f"{xml_text(_short(word, 13))}</text>"
        )
    for i, word in enumerate(words):
        y = top + i * cell
        parts.append(
            f'<text x="{left - 8}" y="{y + cell / 2 + 4:.0f}" class="end">'
            f"{xml_text(_short(word, 13))}</text>"
        )
        for j, other in enumerate(words):
            x = left + j * cell
            if i == j:
                parts.append(
                    f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" class="same"/>'
                )
                continue
            value, count = float(log_odds[i, j]), int(counts[i, j])
            strength = min(abs(value) / 4, 1) if notable[i, j] else 0.0
            red, green, blue = _TOGETHER if value > 0 else _APART
            shade = "inverse" if strength > 0.55 else "faint"
            parts.append(
                f"<g><title>{xml_text(word)} + {xml_text(other)}: {count:,} captions, "
                f"log-odds {value:.1f}</title>"
                f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" class="cell"/>'
                f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" '
                f'fill="rgb({red},{green},{blue})" fill-opacity="{strength:.2f}"/>'
                f'<text x="{x + cell / 2 - 1:.0f}" y="{y + cell / 2 + 3:.0f}" '
                f'class="mid {shade}">{count or "–"}</text></g>'
            )
    return _svg(left + size * cell + 40, top + size * cell, parts, "Which words go together")


NOT_SEEN_COLOR = "#e377c2"
"""Of segments outside what a model sees; far from every colour of the scale."""


def scatter(
    points: NDArray[np.floating],
    values: Sequence[float | None],
    titles: Sequence[str],
    *,
    width: int = 720,
    height: int = 520,
) -> str:
    """Points on a plane, colored by a value from 0 up (viridis), with a legend.

    A value of None, of a segment that is not seen, has a colour of its own.
    """
    pad = 16
    low, high = points.min(axis=0), points.max(axis=0)
    scale = np.where(high > low, high - low, 1)
    room = np.array([width - 2 * pad, height - 2 * pad - 30])
    places = (points - low) / scale * room + pad
    places[:, 1] = height - 30 - places[:, 1]
    largest = max([1, *(value for value in values if value is not None)])
    radius = 4 if len(points) < 800 else 2.6 if len(points) < 3000 else 1.8
    parts = []
    for (x, y), value, title in zip(places.tolist(), values, titles, strict=True):
        color = NOT_SEEN_COLOR if value is None else viridis(value / largest)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{color}">'
            f"<title>{xml_text(title)}</title></circle>"
        )
    parts.append(f'<text x="{pad}" y="{height - 8}" class="faint">0 words</text>')
    for i in range(24):
        x = pad + 58 + i * 6
        parts.append(
            f'<rect x="{x}" y="{height - 18}" width="6.5" height="12" fill="{viridis(i / 23)}"/>'
        )
    parts.append(
        f'<text x="{pad + 58 + 24 * 6 + 8}" y="{height - 8}" class="faint">{largest:g} words</text>'
    )
    if None in values:
        x = pad + 58 + 24 * 6 + 80
        parts.append(
            f'<rect x="{x}" y="{height - 18}" width="12" height="12" fill="{NOT_SEEN_COLOR}"/>'
        )
        parts.append(f'<text x="{x + 18}" y="{height - 8}" class="faint">not seen</text>')
    return _svg(width, height, parts, "Map of the segments")


def viridis(share: float) -> str:
    """Color for 0..1."""
    place = min(max(share, 0.0), 1.0) * (len(_VIRIDIS) - 1)
    i = min(int(place), len(_VIRIDIS) - 2)
    mixed = (
        round(a + (b - a) * (place - i)) for a, b in zip(_VIRIDIS[i], _VIRIDIS[i + 1], strict=True)
    )
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
        f'aria-label="{xml_text(label)}">{"".join(parts)}</svg>'
    )

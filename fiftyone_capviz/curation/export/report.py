"""The HTML report: one file with everything in it, to read or to send.

Pictures are small, with the segments that no word covers marked, and stand in it as data addresses.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
from bson import ObjectId
from fiftyone.core.collections import SampleCollection
from PIL import Image

from fiftyone_capviz.curation.dataset.collection import root_dataset, sample_documents
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.documents import Document, full_masks, is_not_seen
from fiftyone_capviz.curation.dataset.map_run import read_map
from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.runs import caption_names, read_run
from fiftyone_capviz.curation.dataset.samples import samples_of
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.curation.export.summary import least_covered, unseen_segments
from fiftyone_capviz.curation.pages.page import legend, page, picture, section, table, tiles
from fiftyone_capviz.curation.pages.svg import TAG_COLORS, Bar, bars, heat, histogram, scatter
from fiftyone_capviz.curation.pages.text_files import replacing, writable, xml_text
from fiftyone_capviz.curation.words.dataset_graph import word_graph
from fiftyone_capviz.errors import ImageError
from fiftyone_capviz.graph.association import Association
from fiftyone_capviz.graph.word_graph import WordGraph
from fiftyone_capviz.images import open_image
from fiftyone_capviz.records import BoolArray
from fiftyone_capviz.settings.field_names import require_free_names

WORDS, HEAT_WORDS, PAIRS = 24, 14, 8
GALLERY = 12
MAX_POINTS = 6000
NOTABLE = 0.05


@database_errors()
def html_report(
    collection: SampleCollection,
    path: str | os.PathLike[str],
    *,
    caption_field: str = "caption",
    segments_field: str = "segments",
    title: str | None = None,
) -> Path:
    """Write a report on the captions of a dataset or view.

    What was not computed is left out. The file loads nothing from elsewhere and runs no script.

    Args:
        collection: a dataset or view.
        path: the file.
        caption_field, segments_field: what was analysed.
        title: default the dataset's name.

    Raises:
        InputError: no such caption field, or a path that cannot be written.
    """
    require_free_names(caption_field=caption_field, segments_field=segments_field)
    target = writable(path)
    dataset, collection = root_dataset(collection), samples_of(collection)
    names = caption_names(root_dataset(collection), caption_field)
    marks = SegmentFields(segments_field)
    graph = word_graph(collection, caption_field)
    matches = _numbers(collection, names.itm)
    shares = _numbers(collection, names.coverage)
    heading = title or dataset.name
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    body = [
        f"<header>{_title(heading, f'Captions in “{caption_field}” · {now}')}</header>",
        tiles(_tiles(collection, graph, matches, shares, names=names, marks=marks)),
    ]
    if len(graph):
        body.append(_columns([_frequencies(graph), _histograms(matches, shares)]))
    if len(graph) > 1:
        body += [_heat(graph), _pairs(graph)]
    body += [_map(collection, marks), _gallery(collection, names, marks)]
    body.append(_provenance(dataset, caption_field))
    body.append("<footer>Written by fiftyone_capviz.</footer>")
    with replacing(target) as file:
        file.write(page(heading, [part for part in body if part]))
    return target


def _title(heading: str, note: str) -> str:
    return f'<h1>{xml_text(heading)}</h1><p class="note">{xml_text(note)}</p>'


def _numbers(collection: SampleCollection, path: str) -> list[float]:
    if not collection.has_field(path):
        return []
    return [float(v) for v in collection.values(path) if v is not None and np.isfinite(v)]


def _tiles(
    collection: SampleCollection,
    graph: WordGraph,
    matches: Sequence[float],
    shares: Sequence[float],
    *,
    names: CaptionFields,
    marks: SegmentFields,
) -> list[tuple[str, str]]:
    found = [
        (f"{len(collection):,}", "images"),
        (f"{graph.document_count:,}", "captions with words"),
        (f"{len(graph):,}", "different words"),
    ]
    if collection.has_field(marks.detections):
        found.append((f"{collection.count(marks.detections):,}", "segments"))
    unseen = sum(map(sum, unseen_segments(collection, marks)))
    if unseen:
        found.append((f"{unseen:,}", "segments not seen, which do not count"))
    unread = _unread_captions(collection, names)
    if unread:
        found.append((f"{unread:,}", "captions with words beyond the model's limit"))
    if matches:
        found.append((f"{np.mean(matches):.2f}", "mean match of image and caption"))
    if shares:
        low = sum(share < 0.5 for share in shares)
        found.append((f"{np.mean(shares):.0%}", "of an image's segments covered"))
        found.append((f"{low:,}", "images covered by less than half"))
    return found


def _unread_captions(collection: SampleCollection, names: CaptionFields) -> int:
    if not collection.has_field(names.unread):
        return 0
    return sum(bool(words) for words in collection.values(names.unread))


def _columns(parts: Sequence[str], *, style: str = "columns") -> str:
    cells = "".join(f"<div>{part}</div>" for part in parts if part)
    return f'<div class="{style}">{cells}</div>'


def _frequencies(graph: WordGraph) -> str:
    nodes = graph.dominant(WORDS)
    present = {node.tag for node in nodes}
    items = [
        Bar(
            node.word,
            node.count,
            f"{node.word} ({node.tag}): {node.count:,} captions, {node.share:.1%}",
            TAG_COLORS.get(node.tag, TAG_COLORS["other"]),
        )
        for node in nodes
    ]
    return section(
        "Dominant words",
        "Captions that hold each word.",
        legend([(tag, color) for tag, color in TAG_COLORS.items() if tag in present]),
        bars(items),
    )


def _histograms(matches: Sequence[float], shares: Sequence[float]) -> str:
    found = []
    if matches:
        found.append(
            section(
                "Match",
                "How well images and captions fit, by the matcher; the left end is worth a look.",
                histogram(matches, label="probability that image and caption match"),
            )
        )
    if shares:
        found.append(
            section(
                "Coverage",
                "Share of an image's segments that at least one word of its caption attends to.",
                histogram(shares, label="share of the segments covered"),
            )
        )
    return "".join(found)


def _heat(graph: WordGraph) -> str:
    associations = graph.associations(min_count=1)
    words = [node.word for node in graph.dominant(HEAT_WORDS) if node.word in associations.words]
    tested = [associations.words.index(word) for word in words]
    shape = (len(associations.words),) * 2
    counts, log_odds = np.zeros(shape, int), np.zeros(shape)
    notable = np.zeros(shape, bool)
    for ends in (
        (associations.first, associations.second),
        (associations.second, associations.first),
    ):
        counts[ends] = associations.count
        log_odds[ends] = associations.log_odds
        notable[ends] = associations.q_value < NOTABLE
    shown = np.ix_(tested, tested)
    return section(
        "What goes together",
        "Numbers: captions that hold both words. Orange: together more often than chance; blue: "
        "apart more often than chance; pale: chance explains it (false discovery rate 5 %).",
        heat(words, counts[shown], log_odds[shown], notable=notable[shown]),
    )


def _pairs(graph: WordGraph) -> str:
    strange = graph.strangest(PAIRS)
    parts = []
    for heading, note, pairs in (
        ("Thickest links", "Most captions share both.", graph.strongest(PAIRS)),
        ("Suspiciously together", "Far more often than chance.", strange.together),
        ("Strangely apart", "Far less often than chance.", strange.apart),
    ):
        listed = [pair for pair in pairs if pair.count or heading == "Strangely apart"]
        if listed:
            header = ("words", "captions", "expected", "lift")
            rows = table(header, [_pair_row(pair) for pair in listed], numbers=3)
            parts.append(section(heading, note, rows))
    return _columns(parts, style="columns three")


def _pair_row(pair: Association) -> tuple[str, str, str, str]:
    return (
        f"{pair.word_a} + {pair.word_b}",
        f"{pair.count:,}",
        f"{pair.expected:.1f}",
        f"{pair.lift:.2f}",
    )


def _map(collection: SampleCollection, marks: SegmentFields) -> str:
    points = read_map(root_dataset(collection), marks.segments)
    if not points or not collection.has_field(marks.attribute("coverage")):
        return ""
    paths = [marks.attribute(name) for name in ("id", "coverage", "top_word", "label")]
    places = []
    values: list[float | None] = []
    titles = []
    unseen = unseen_segments(collection, marks)
    for row, hidden in zip(zip(*collection.values(paths), strict=True), unseen, strict=True):
        cells = [*(column or [] for column in row), hidden or [False] * len(row[0] or [])]
        for one, count, top, label, outside in zip(*cells, strict=True):
            if one in points and (count is not None or outside):
                places.append(points[one])
                values.append(None if outside else float(count))
                told = "not seen" if outside else f"{count:g} words, first {top or 'none'}"
                titles.append(f"{label or ''}: {told}")
    if len(places) < 2:
        return ""
    chosen = np.arange(len(places))
    note = "Each point is a segment, near those that look alike; dark ones are in no caption."
    if len(places) > MAX_POINTS:
        chosen = np.sort(np.random.default_rng(51).permutation(len(places))[:MAX_POINTS])
        note += f" {MAX_POINTS:,} of {len(places):,} are drawn."
    drawn = scatter(
        np.array(places)[chosen], [values[i] for i in chosen], [titles[i] for i in chosen]
    )
    return section("Map of the segments", note, drawn)


def _gallery(collection: SampleCollection, names: CaptionFields, marks: SegmentFields) -> str:
    worst = least_covered(
        collection, caption_field=names.caption, segments_field=marks.segments, n=GALLERY
    )
    if not worst:
        return ""
    raw = _raw_segments(collection, [one.sample_id for one in worst], marks)
    figures = []
    for one in worst:
        segments = raw[one.sample_id]
        uncovered = [each for each in segments if each.get("coverage") == 0]
        unseen = [
            each for each in segments if is_not_seen(each.get("coverage"), each.get("word_scores"))
        ]
        outside = f", {len(unseen)} not seen" if unseen else ""
        figures.append(
            picture(
                marked_thumbnail(one.filepath, uncovered, unseen=unseen),
                strong=f"{one.coverage:.0%}",
                text=one.caption,
                faint=f"{one.uncovered} of {one.segments} segments in no word{outside} · "
                f"{os.path.basename(one.filepath)}",
            )
        )
    return section(
        "Least covered",
        "The images whose captions leave most out; the segments that no word attends to are "
        "outlined in orange, those that the model does not see in pink.",
        f'<div class="gallery">{"".join(figures)}</div>',
    )


def _raw_segments(
    collection: SampleCollection, ids: Sequence[str], marks: SegmentFields
) -> dict[str, list[dict[str, Any]]]:
    found = sample_documents(root_dataset(collection)).find(
        {"_id": {"$in": [ObjectId(one) for one in ids]}}, {marks.detections: 1}
    )
    return {str(row["_id"]): row[marks.segments]["detections"] for row in found}


def _provenance(dataset: fo.Dataset, caption_field: str) -> str:
    record = read_run(dataset, caption_field)
    if record is None:
        return ""
    rows = [(name.replace("_", " "), str(value)) for name, value in record.options.items()]
    rows += [(f"{kind} revision", revision) for kind, revision in record.revisions.items()]
    rows += [(f"{name} version", one) for name, one in record.versions.items()]
    rows += [("precision", record.precision), ("device", record.device)]
    rows.append(("stop words of this dataset", ", ".join(own_stop_words(dataset))))
    known = [row for row in rows if row[1] not in ("", "None")]
    return section("Where it came from", "Models, options and versions.", table(("", ""), known))


SIDE = 280
MARK = np.array([255, 96, 0], np.float32)
UNSEEN_MARK = np.array([227, 119, 194], np.float32)
_TINT, _EDGE, _DIMMED = 0.28, 0.95, 0.72


def marked_thumbnail(
    filepath: str,
    uncovered: Sequence[Document],
    *,
    unseen: Sequence[Document] = (),
    side: int = SIDE,
) -> str:
    """The image at thumbnail size, the uncovered segments tinted and outlined, the rest dimmed.

    Args:
        filepath: of the image.
        uncovered: raw documents of the segments to mark.
        unseen: of those to mark in the colour of what the model does not see.
        side: pixels of the longer side.

    Returns:
        A ``data:image/jpeg`` address; empty where the image cannot be read.
    """
    try:
        image = open_image(Path(filepath))
    except ImageError:
        return ""
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(image.convert("RGB"), np.float32)
    height, width = pixels.shape[:2]
    marked = [
        (masks, color)
        for segments, color in ((unseen, UNSEEN_MARK), (uncovered, MARK))
        if len(masks := _thumbnail_masks(segments, width=width, height=height))
    ]
    if marked:
        inside = np.logical_or.reduce([mask for masks, _ in marked for mask in masks], axis=0)
        pixels = np.where(inside[..., None], pixels, pixels * _DIMMED)
    for masks, color in marked:
        inside = np.logical_or.reduce(masks, axis=0)
        pixels[inside] = pixels[inside] * (1 - _TINT) + color * _TINT
        edges = np.zeros((height, width), bool)
        for mask in masks:
            edges |= _outline(mask)
        pixels[edges] = pixels[edges] * (1 - _EDGE) + color * _EDGE
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _thumbnail_masks(segments: Sequence[Document], *, width: int, height: int) -> BoolArray:
    """Masks at the thumbnail's size; none where a mask file cannot be read."""
    try:
        return full_masks(segments, width=width, height=height)
    except ImageError:
        return np.zeros((0, height, width), bool)


def _outline(mask: BoolArray) -> BoolArray:
    """Pixels of a mask at its border; not at the image's."""
    inner = mask
    for _ in range(2):  # two pixels wide
        padded = np.pad(inner, 1, mode="edge")
        sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
        inner = inner & np.logical_and.reduce(sides)
    outline: BoolArray = mask & ~inner
    return outline

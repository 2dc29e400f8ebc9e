"""Captions, word graph and associations as files that other tools read.

Text goes out as it is stored: any language, quotes, new lines. One exception, in CSV only: a cell
of text that a spreadsheet would run as a formula (it begins with ``=``, ``+``, ``-``, ``@``, a tab
or a carriage return) gets a leading apostrophe, as spreadsheets themselves do. JSON, COCO and
GraphML hold the text unchanged.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.coverage import kept_words
from fiftyone_capviz.curation.dataset.collection import root_dataset
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.names import SegmentFields
from fiftyone_capviz.curation.dataset.progress import UndividedReport
from fiftyone_capviz.curation.dataset.runs import caption_names
from fiftyone_capviz.curation.dataset.samples import samples_of
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.curation.export.summary import unseen_segments
from fiftyone_capviz.curation.pages.text_files import replacing, writable, write_csv
from fiftyone_capviz.curation.words.dataset_graph import caption_values, word_graph
from fiftyone_capviz.curation.words.graph_files import (
    association_rows,
    link_rows,
    word_rows,
    write_graphml,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.export import FORMATS
from fiftyone_capviz.settings.field_names import require_free_names

CaptionFormat = Literal["json", "csv", "coco"]
GraphFormat = Literal["graphml", "csv"]


class ExportReport(UndividedReport, list[Path]):
    """The files that an export wrote, in order.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def summary(self) -> str:
        """How many there are, and their names."""
        names = "\n".join(f"- `{path}`" for path in self)
        return f"{len(self)} files written to {self.folder}\n\n{names}"

    def to_dict(self) -> dict[str, object]:
        """As JSON can hold it."""
        return {"files": [str(path) for path in self]}


def export_captions(
    collection: SampleCollection,
    path: str | os.PathLike[str],
    *,
    caption_field: str = "caption",
    segments_field: str = "segments",
    format: CaptionFormat = "json",
) -> Path:
    """Write the captions of a dataset or view, with what the analysis knows about them.

    Args:
        collection: a dataset or view; also one that was never analysed.
        path: the file; its folder is made.
        caption_field: any field of captions.
        segments_field: segments to list in the JSON.
        format: "json": one record per sample, with words, match, coverage and segments; words
            that were not read stand in "unread", and a segment that is not seen has "seen": false;
            "csv": one row per sample; "coco": COCO captions, one annotation per caption.

    Returns:
        The file.

    Raises:
        InputError: unknown format, no such field, or a path that cannot be written.
    """
    require_free_names(caption_field=caption_field, segments_field=segments_field)
    collection = samples_of(collection)
    if format == "json":
        records = list(_records(collection, caption_field, segments_field))
        document = {
            "dataset": root_dataset(collection).name,
            "caption_field": caption_field,
            "stop_words": list(own_stop_words(collection)),
            "samples": records,
        }
        return _write_json(path, document)
    if format == "coco":
        return _write_json(path, _coco(collection, caption_field))
    if format == "csv":
        rows = _caption_rows(collection, caption_field, segments_field)
        return write_csv(writable(path), rows)
    raise InputError(f"Captions go out as json, csv or coco; got {format!r}. Choose one of them.")


def export_graph(
    collection: SampleCollection,
    path: str | os.PathLike[str],
    *,
    caption_field: str = "caption",
    format: GraphFormat = "graphml",
    min_count: int = 1,
    top: int | None = None,
) -> list[Path]:
    """Write the word graph: one GraphML file, or two CSV files for words and links.

    Args:
        collection: a dataset or view.
        path: the file; for CSV, ``NAME.csv`` becomes ``NAME_words.csv`` and ``NAME_links.csv``.
        caption_field: any field of captions.
        format: "graphml" or "csv".
        min_count, top: as in ``word_graph``.
    """
    if format not in get_args(GraphFormat):
        raise InputError(f"A graph goes out as graphml or csv; got {format!r}. Choose one of them.")
    target = writable(path)
    graph = word_graph(collection, caption_field, min_count=min_count, top=top)
    if format == "graphml":
        return [write_graphml(target, graph)]
    return [
        write_csv(target.with_name(f"{target.stem}_words.csv"), word_rows(graph)),
        write_csv(target.with_name(f"{target.stem}_links.csv"), link_rows(graph)),
    ]


def export_associations(
    collection: SampleCollection,
    path: str | os.PathLike[str],
    *,
    caption_field: str = "caption",
    min_count: int = 5,
    top: int | None = None,
) -> Path:
    """Write the table of word pairs: counts, expectation, lift, PMI, log-odds, p and q values.

    Args:
        collection: a dataset or view.
        path: the CSV file.
        caption_field: any field of captions.
        min_count: pairs of words that occur in at least this many samples each.
        top: only the most frequent words.
    """
    target = writable(path)
    graph = word_graph(collection, caption_field, top=top)
    return write_csv(target, association_rows(graph, min_count=min_count))


@database_errors()
def export_analysis(
    collection: SampleCollection,
    folder: str | os.PathLike[str],
    *,
    caption_field: str = "caption",
    segments_field: str = "segments",
    formats: Sequence[str] = FORMATS,
) -> ExportReport:
    """Write several files into a folder.

    Args:
        collection: a dataset or view.
        folder: made where it does not exist; files of the same names are replaced.
        caption_field, segments_field: what was analysed.
        formats: some of `FORMATS`.

    Returns:
        The files, as a list.
    """
    unknown = [one for one in formats if one not in FORMATS]
    if unknown:
        raise InputError(
            f"An export format is one of {', '.join(FORMATS)}; got {unknown[0]!r}. Choose one."
        )
    root = Path(folder).expanduser()
    paths = ExportReport(root)
    kinds: dict[str, CaptionFormat] = {
        "captions_json": "json",
        "captions_csv": "csv",
        "captions_coco": "coco",
    }
    names = {"captions_json": "captions.json", "captions_csv": "captions.csv"}
    for one in formats:
        if one in kinds:
            path = root / names.get(one, "captions_coco.json")
            paths.append(
                export_captions(
                    collection,
                    path,
                    caption_field=caption_field,
                    segments_field=segments_field,
                    format=kinds[one],
                )
            )
        elif one == "graph_graphml":
            paths += export_graph(collection, root / "graph.graphml", caption_field=caption_field)
        elif one == "graph_csv":
            paths += export_graph(
                collection, root / "graph.csv", caption_field=caption_field, format="csv"
            )
        elif one == "associations_csv":
            path = root / "associations.csv"
            paths.append(export_associations(collection, path, caption_field=caption_field))
        else:
            from fiftyone_capviz.curation.export.report import html_report

            paths.append(
                html_report(
                    collection,
                    root / "report.html",
                    caption_field=caption_field,
                    segments_field=segments_field,
                )
            )
    return paths


def _columns(collection: SampleCollection, paths: Sequence[str]) -> list[list[Any]]:
    """Values of each path; Nones where the dataset has no such field."""
    found = [path for path in paths if collection.has_field(path)]
    values = dict(zip(found, collection.values(found), strict=True)) if found else {}
    count = len(collection)
    return [list(values.get(path, [None] * count)) for path in paths]


def _records(
    collection: SampleCollection, caption_field: str, segments_field: str
) -> Iterator[dict[str, Any]]:
    names = caption_names(root_dataset(collection), caption_field)
    marks = SegmentFields(segments_field)
    captions = caption_values(collection, caption_field)
    sample = ["id", "filepath", names.itm, names.coverage, names.words, names.word_tags]
    keys = ("id", "label", "bounding_box", "area", "coverage", "covered_by", "top_word", "entropy")
    ids, files, matches, shares, words, tags, unread = _columns(collection, [*sample, names.unread])
    segments = _columns(collection, [marks.attribute(key) for key in keys])
    stop = own_stop_words(collection)
    unseen = unseen_segments(collection, marks)
    for i, caption in enumerate(captions):
        columns = [column[i] for column in segments]
        listed = []
        for n in range(len(columns[0] or [])):
            one = {k: _json(c[n]) for k, c in zip(keys, columns, strict=True) if c}
            listed.append(one | ({"seen": False} if any(unseen[i][n : n + 1]) else {}))
        kept = kept_words(words[i] or [], stop)
        yield {
            "id": ids[i],
            "filepath": files[i],
            "caption": caption,
            "match": _json(matches[i]),
            "coverage": _json(shares[i]),
            "words": [words[i][place] for place in kept],
            "word_tags": [tags[i][place] for place in kept if tags[i]],
            "unread": [word for word in unread[i] or [] if word not in stop],
            "segments": listed,
        }


def _json(value: Any) -> Any:
    """Numbers that JSON has: nan and infinity are null."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _caption_rows(
    collection: SampleCollection, caption_field: str, segments_field: str
) -> Iterator[Sequence[Any]]:
    names = caption_names(root_dataset(collection), caption_field)
    marks = SegmentFields(segments_field)
    yield "id", "filepath", "caption", "match", "coverage", "words", "unread", "segments_not_seen"
    paths = ["id", "filepath", names.itm, names.coverage, names.words, names.unread]
    captions = caption_values(collection, caption_field)
    stop = own_stop_words(collection)
    for caption, (one, file, match, share, words, unread), unseen in zip(
        captions,
        zip(*_columns(collection, paths), strict=True),
        unseen_segments(collection, marks),
        strict=True,
    ):
        text = "\n".join(caption) if isinstance(caption, list) else caption
        kept, beyond = (
            " ".join(word for word in column or [] if word not in stop)
            for column in (words, unread)
        )
        yield one, file, text, _json(match), _json(share), kept, beyond, sum(unseen)


def _coco(collection: SampleCollection, caption_field: str) -> dict[str, Any]:
    """COCO captions: integer ids from 1 in the order of the view."""
    captions = caption_values(collection, caption_field)
    paths = ["id", "filepath", "metadata.width", "metadata.height"]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (caption, (one, file, width, height)) in enumerate(
        zip(captions, zip(*_columns(collection, paths), strict=True), strict=True), start=1
    ):
        image = {"id": number, "file_name": os.path.basename(file), "fiftyone_id": one}
        if width and height:
            image |= {"width": int(width), "height": int(height)}
        images.append(image)
        texts = caption if isinstance(caption, list) else [caption]
        for text in texts:
            if text:
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": number, "caption": text}
                )
    info = {"description": f"{caption_field} of {root_dataset(collection).name}", "version": "1.0"}
    return {
        "info": info,
        "licenses": [],
        "type": "captions",
        "images": images,
        "annotations": annotations,
    }


def _write_json(path: str | os.PathLike[str], document: dict[str, Any]) -> Path:
    target = writable(path)
    with replacing(target) as file:
        json.dump(document, file, ensure_ascii=False, indent=1, allow_nan=False)
    return target

"""Many ids from the database at once, without a Python object per document.

A panel asks for the ids of all samples or segments in view, 40,000 and more. As dictionaries they
cost several times what the database takes, most of it in the garbage collector. Documents of
nothing but ids and counts all have the same layout, so a batch of them is a table of bytes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from fiftyone.core.collections import SampleCollection
from numpy.typing import NDArray

from fiftyone_capviz.curation.dataset.collection import aggregation_of, dataset_of, sample_documents

Kind = Literal["id", "int"]

_BSON: dict[Kind, tuple[bytes, str]] = {"id": (b"\x07", "V12"), "int": (b"\x10", "<i4")}
"""Type byte and value of a field: an ObjectId, and a 32-bit number (https://bsonspec.org)."""


def id_columns(
    collection: SampleCollection, pipeline: Sequence[Mapping[str, Any]], columns: Mapping[str, Kind]
) -> dict[str, NDArray[Any]]:
    """What a pipeline finds in a dataset or view, column by column.

    Args:
        collection: a dataset or view.
        pipeline: ends with documents of exactly these fields, in this order.
        columns: the fields and what each holds: "id" an ObjectId, "int" a 32-bit number.

    Returns:
        The columns: strings of 24 hexadecimal digits, int64 numbers.

    Raises:
        ValueError: the pipeline finds documents of another layout.
    """
    layout: list[tuple[str, str]] = [("size", "<i4")]
    marks: dict[str, bytes] = {}
    for name, kind in columns.items():
        mark, value = _BSON[kind]
        marks[name] = mark + name.encode() + b"\0"
        layout += [(f"mark {name}", f"V{len(marks[name])}"), (f"value {name}", value)]
    row = np.dtype([*layout, ("end", "V1")])

    view = collection.view()
    stages = aggregation_of(view, pipeline)
    samples = sample_documents(dataset_of(view))
    with _collector_paused():
        data = b"".join(samples.aggregate_raw_batches(stages, allowDiskUse=True))
    rows = np.frombuffer(data[: len(data) - len(data) % row.itemsize], row)
    if len(data) % row.itemsize or any(
        (rows[f"mark {name}"] != np.void(mark)).any() for name, mark in marks.items()
    ):
        raise ValueError(f"The pipeline must find documents of {dict(columns)} alone: {pipeline}.")

    return {name: _column(rows[f"value {name}"], kind) for name, kind in columns.items()}


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No garbage collection inside.

    The driver wraps each document of a batch in an object that lives for an instant. So many of
    them set off full collections, each of which looks at everything the process holds: longer than
    all else.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _column(values: NDArray[Any], kind: Kind) -> NDArray[Any]:
    if kind == "int":
        return values.astype(np.int64)
    return np.frombuffer(values.tobytes().hex().encode(), "S24").astype("U24")

"""Follows one sample through `analyze`, from the call to the stored document, file by file.

    python -m benchmarks.trace_analysis

A stop is a call of one of our functions that is handed the sample: its id, its state, its task,
its item, its result, or a collection of these. What it calls with none of them (a model, a word, a
path) is no stop. Printed are the stops in order, and of each file how often the sample comes back
to it. `tests/test_trace.py` holds the numbers: few files, and none returned to more than twice.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from bson import ObjectId

PACKAGE = Path(__file__).resolve().parent.parent / "fiftyone_capviz"
RECORDS = ("SampleState", "Task", "Item", "SampleResult", "ImageSamples", "Plan")


class SampleTrace:
    """Notes the stops of one sample while it is entered.

    Attributes:
        stops: (file, function), in order, the same file once in a row.
    """

    def __init__(self, sample_id: ObjectId) -> None:
        self.stops: list[tuple[str, str]] = []
        self._sample_id = sample_id
        self._lock = threading.Lock()

    def __enter__(self) -> SampleTrace:
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    @property
    def files(self) -> list[str]:
        """The files that the sample passes, in the order of the first stop in each."""
        return list(dict.fromkeys(file for file, _ in self.stops))

    @property
    def returns(self) -> Counter[str]:
        """How often the sample comes back to each file after it went on to another."""
        visits = Counter(file for file, _ in self.stops)
        return Counter({file: count - 1 for file, count in visits.items()})

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_name
        if event != "call" or name.startswith("<"):
            return
        _, found, file = frame.f_code.co_filename.rpartition(f"{PACKAGE}/")
        if not found or not self._is_handed(frame):
            return
        with self._lock:
            if not self.stops or self.stops[-1][0] != file:
                self.stops.append((file, name))

    def _is_handed(self, frame: FrameType) -> bool:
        code = frame.f_code
        count = code.co_argcount + code.co_kwonlyargcount
        values = (frame.f_locals.get(name) for name in code.co_varnames[:count] if name != "self")
        return code.co_name == "analyze" or any(self._is_sample(value) for value in values)

    def _is_sample(self, value: Any) -> bool:
        if type(value).__name__ in RECORDS:
            return True
        if isinstance(value, ObjectId):
            return value == self._sample_id
        if isinstance(value, list | tuple) and value:
            return self._is_sample(value[0])
        return False


def trace_one() -> SampleTrace:
    """Analyse one drawn image with the bundled models, and follow it."""
    import fiftyone as fo

    from fiftyone_capviz.curation.analysis.analyze import analyze
    from fiftyone_capviz.curation.demo import make_scenes, scenes_dataset
    from fiftyone_capviz.settings.analysis import SCENES_OPTIONS

    with tempfile.TemporaryDirectory() as folder:
        make_scenes(1, seed=0, folder=Path(folder))
        name = "capviz-trace"
        if fo.dataset_exists(name):
            fo.delete_dataset(name)
        dataset = scenes_dataset(name, Path(folder))
        stages = ("caption", "match", "segment", "attribute")
        try:
            with SampleTrace(dataset.values("_id")[0]) as trace:
                analyze(dataset, SCENES_OPTIONS, stages=stages, progress=False)
        finally:
            dataset.delete()
    return trace


def lines(trace: SampleTrace) -> Iterator[str]:
    """The trace for people."""
    for number, (file, function) in enumerate(trace.stops, start=1):
        yield f"{number:3}  {file:45} {function}"
    yield ""
    yield f"{len(trace.files)} files; returned to most often: {_most(trace.returns.most_common(3))}"


def _most(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{file} ({count})" for file, count in counts)


if __name__ == "__main__":
    for line in lines(trace_one()):
        print(line)

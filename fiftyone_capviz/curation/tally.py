"""What has been stored so far: counts, failures, and what the map will need."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from bson import ObjectId

from fiftyone_capviz.curation.logs import get_logger
from fiftyone_capviz.curation.report import Failure
from fiftyone_capviz.curation.results import SampleResult
from fiftyone_capviz.records import FloatArray


@dataclass
class Tally:
    """Kept by the writer's thread; read when it has ended.

    Attributes:
        counts: see :class:`~fiftyone_capviz.curation.report.Report`.
        failures: samples that could not be used.
        touched: ids of all samples that were written to.
        embeddings: label id -> pooled features of the segment.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    touched: list[ObjectId] = field(default_factory=list)
    embeddings: dict[str, FloatArray] = field(default_factory=dict)

    def stored(self, result: SampleResult) -> None:
        """Count a sample that is stored; runs in the writer's thread."""
        sample, todo = result.task.sample, result.task.stages
        self.touched.append(sample.id)
        if result.error is not None:
            self._failed(result, result.error)
            return
        self.counts["done"] += 1
        self.counts["captions"] += result.caption is not None
        self.counts["matches"] += "match" in todo and result.match is not None
        self.counts["attributed"] += "attribute" in todo
        segments = result.segments
        if segments is not None and "segment" in todo:
            self.counts["segmented"] += 1
            self.counts["segments"] += len(segments)
        if segments is not None and segments.embeddings is not None:
            rows = segments.embeddings.astype(np.float32)
            self.embeddings |= dict(zip(map(str, segments.ids), rows, strict=True))

    def rejected(self, result: SampleResult, reason: str) -> None:
        self.touched.append(result.task.sample.id)
        self._failed(result, reason)

    def _failed(self, result: SampleResult, reason: str) -> None:
        sample = result.task.sample
        self.counts["failed"] += 1
        self.failures.append(Failure(str(sample.id), sample.filepath, reason))
        get_logger().warning("%s: %s", sample.filepath, reason)

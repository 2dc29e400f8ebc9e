"""How fast a run was, stage by stage: what the next one's estimate is made of."""

from __future__ import annotations

from collections.abc import Mapping

from fiftyone_capviz.curation.options import SECOND_ORDER, AnalysisOptions

# Stage -> what a report counts of it.
COUNTED = {
    "caption": "captions",
    "match": "matches",
    "segment": "segmented",
    "attribute": "attributed",
}
OTHER = ("decode", "words", "pool", "write")
MACHINERY = ("captioner", "matcher", "segmenter", "method", "num_beams", "device", "dtype")


def measure_pace(counts: Mapping[str, int], seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds per sample of each stage that ran, "other" for the rest, "models" for loading."""
    pace = {
        stage: seconds[stage] / counts[counted]
        for stage, counted in COUNTED.items()
        if seconds.get(stage) and counts.get(counted)
    }
    if counts.get("done"):
        pace["other"] = sum(seconds.get(name, 0.0) for name in OTHER) / counts["done"]
    if "models" in seconds:
        pace["models"] = seconds["models"]
    return pace


def same_machinery(stored: Mapping[str, object], options: AnalysisOptions) -> bool:
    """Whether times measured with the stored options say something about these."""
    asked = options.to_dict()
    names = (*MACHINERY, "encoder") if options.method == SECOND_ORDER else MACHINERY
    return all(stored.get(name) == asked[name] for name in names)

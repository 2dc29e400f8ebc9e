"""Which samples need which stages: found out before anything is loaded, computed or changed.

A stage's stored result is *same* if it came from this configuration and from the present text and
segments, *stale* if the configuration is this one but the text or the segments have changed since,
*different* if another configuration (or the user) made it, and *missing* otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.analysis.segment_map import require_map_method
from fiftyone_capviz.curation.dataset.documents import text_hash
from fiftyone_capviz.curation.dataset.runs import read_run, what_differs
from fiftyone_capviz.curation.dataset.samples import ImageSamples, image_samples
from fiftyone_capviz.curation.dataset.schema import check_fields
from fiftyone_capviz.curation.dataset.states import SAMPLE_STAGES, SampleState, Task, read_states
from fiftyone_capviz.curation.inference.loaded_models import Setting, resolve_setting
from fiftyone_capviz.errors import ExistingResultsError, InputError
from fiftyone_capviz.models.attention_shape import attention_shape, require_gradient
from fiftyone_capviz.settings.analysis import (
    GRADCAM,
    STAGES,
    AnalysisOptions,
    Stage,
    validated_stages,
)
from fiftyone_capviz.settings.hashing import REASONS

State = Literal["missing", "same", "different", "stale"]


@dataclass(frozen=True)
class ExistingResults:
    """How many samples hold which kind of result, per stage.

    Attributes:
        edited: captions that were changed by hand since they were written.
        foreign: captions and segments that this package did not write.
        differences: option or model -> (stored, asked), from the last run's record.
    """

    missing: dict[str, int] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)
    different: dict[str, int] = field(default_factory=dict)
    stale: dict[str, int] = field(default_factory=dict)
    edited: int = 0
    foreign: dict[str, int] = field(default_factory=dict)
    differences: dict[str, tuple[object, object]] = field(default_factory=dict)

    @property
    def conflicts(self) -> bool:
        """Whether something stored would have to be replaced."""
        return bool(sum(self.different.values()) or sum(self.stale.values()))

    def message(self) -> str:
        """What would be replaced and what differs, in plain sentences; empty without conflicts."""
        parts = []
        for stage in SAMPLE_STAGES:
            if self.foreign.get(stage):
                what = "captions" if stage == "caption" else "segments"
                parts.append(f"{self.foreign[stage]} samples hold {what} of another origin")
            ours = self.different.get(stage, 0) - self.foreign.get(stage, 0)
            if ours:
                parts.append(f"'{stage}' of {ours} samples came from another configuration")
            if self.stale.get(stage):
                parts.append(
                    f"'{stage}' of {self.stale[stage]} samples belongs to an older text or segments"
                )
        if not parts:
            return ""
        text = "Stored results would change: " + "; ".join(parts) + "."
        if self.edited:
            text += f" {self.edited} captions were edited by hand."
        if self.differences:
            shown = [f"{k} was {was!r}, now {now!r}" for k, (was, now) in self.differences.items()]
            text += " What differs: " + "; ".join(shown) + "."
        else:
            changed = [REASONS[s] for s in SAMPLE_STAGES if self.different.get(s) and s in REASONS]
            if changed:
                text += f" What changed since: {'; '.join(dict.fromkeys(changed))}."
        return text


@dataclass(frozen=True)
class Plan:
    """What a run would do."""

    tasks: list[Task]
    total: int
    existing: ExistingResults
    without_text: int


def stage_states(
    sample: SampleState, hashes: Mapping[str, str], *, own_segments: bool
) -> dict[Stage, State]:
    """How each stage's stored result relates to what is asked.

    Args:
        hashes: stage -> configuration hash, for the stages asked for.
    """
    states: dict[Stage, State] = {}
    stages, current = sample.stages, text_hash(sample.text)
    if "caption" in hashes:
        if sample.text is not None and stages.get("caption") == hashes["caption"]:
            states["caption"] = "same"
        else:
            states["caption"] = "different" if sample.text else "missing"
    if "segment" in hashes and not own_segments:
        if sample.segment_count is None:
            states["segment"] = "missing"
        else:
            same = sample.segments_stage == hashes["segment"]
            states["segment"] = "same" if same else "different"
    fresh = stages.get("text") == current
    if "match" in hashes:
        states["match"] = _derived_state(stages.get("match"), hashes["match"], fresh)
    if "attribute" in hashes:
        fresh = fresh and stages.get("segments") == sample.signature
        states["attribute"] = _derived_state(stages.get("attribute"), hashes["attribute"], fresh)
    return states


def _derived_state(stored: str | None, asked: str, fresh: bool) -> State:
    if stored is None:
        return "missing"
    if stored != asked:
        return "different"
    return "same" if fresh else "stale"


def check_run(dataset: fo.Dataset, options: AnalysisOptions, stages: Sequence[Stage]) -> None:
    """Refuse a run that could not end well, before anything is loaded, computed or changed.

    Raises:
        InputError: a field of another type, a layer at which the method says nothing, or a
            method whose package is not installed.
    """
    check_fields(dataset, options, stages)
    if "attribute" in stages and (options.source, options.method) == ("itm", GRADCAM):
        shape = attention_shape("matcher", options.matcher)
        if shape is not None:
            require_gradient(options.matcher, options.layer, shape)
    if "map" in stages:
        require_map_method(options.map_method)


def make_plan(
    dataset: fo.Dataset,
    ids: Sequence[ObjectId],
    options: AnalysisOptions,
    hashes: Mapping[str, str],
    *,
    differences: Mapping[str, tuple[object, object]] | None = None,
) -> Plan:
    """Decide for every sample which stages have to run.

    With ``existing="skip"`` what another configuration stored stays and is built upon; with
    "replace" (and "error", whose caller refuses first) it is computed anew, and so is what
    derives from it.
    """
    counts: dict[State, Counter[str]] = {
        state: Counter() for state in ("missing", "same", "different", "stale")
    }
    foreign: Counter[str] = Counter()
    tasks, total, edited, without_text = [], 0, 0, 0
    redo = ("missing",) if options.existing == "skip" else ("missing", "different", "stale")
    for sample in read_states(dataset, ids, options):
        total += 1
        states = stage_states(sample, hashes, own_segments=options.own_segments)
        for stage, state in states.items():
            counts[state][stage] += 1
        foreign["caption"] += states.get("caption") == "different" and not sample.stages.get(
            "caption"
        )
        foreign["segment"] += states.get("segment") == "different" and not sample.segments_stage
        edited += sample.edited
        todo = {stage for stage, state in states.items() if state in redo}
        if "caption" in todo:
            todo |= states.keys() & {"match", "attribute"}
        elif sample.text is None:
            without_text += bool(todo & {"match", "attribute"})
            todo -= {"match", "attribute"}
        if "segment" in todo and ("caption" in todo or sample.text is not None):
            todo |= states.keys() & {"attribute"}
        if todo:
            tasks.append(Task(sample, frozenset(todo)))
    existing = ExistingResults(
        missing=dict(counts["missing"]),
        same=dict(counts["same"]),
        different=dict(counts["different"]),
        stale=dict(counts["stale"]),
        edited=edited,
        foreign={stage: n for stage, n in foreign.items() if n},
        differences=dict(differences or {}),
    )
    return Plan(tasks, total, existing, without_text)


REMEDY = (
    "Pass existing='skip' to keep them and compute only what is missing, existing='replace' to "
    "compute them anew, or another caption_field or segments_field to keep both."
)
OWN_REMEDY = (
    " To use what is there: own_segments=True for segments of your own; leave the stage 'caption' "
    "out for captions of your own."
)


def existing_results(
    collection: SampleCollection,
    options: AnalysisOptions | None = None,
    stages: Sequence[str] = STAGES,
) -> ExistingResults:
    """What is stored already, and what a run with these options would replace.

    Raises:
        InputError, ModelError: as :func:`analyze`.
    """
    return preview(collection, options or AnalysisOptions(), stages).existing


def preview(collection: SampleCollection, options: AnalysisOptions, stages: Sequence[str]) -> Plan:
    """What a run with these options would do; changes nothing and loads no weights."""
    chosen, asked = options.validated(), validated_stages(stages)
    samples = image_samples(collection)
    check_run(samples.dataset, chosen, asked)
    return plan_of(samples, chosen, asked, resolve_setting(chosen, asked))


def stage_hashes(
    options: AnalysisOptions, stages: Sequence[Stage], setting: Setting
) -> dict[str, str]:
    """Stage -> hash of what its result depends on."""
    return {
        stage: options.stage_hash(stage, setting.revisions, precision=setting.precision)
        for stage in stages
        if not (stage == "segment" and options.own_segments)
    }


def plan_of(
    samples: ImageSamples, options: AnalysisOptions, stages: tuple[Stage, ...], setting: Setting
) -> Plan:
    """Which samples need which stages."""
    hashes = stage_hashes(options, [s for s in stages if s in SAMPLE_STAGES], setting)
    differences = what_differs(
        read_run(samples.dataset, options.caption_field),
        options,
        stages,
        revisions=setting.revisions,
        precision=setting.precision,
    )
    return make_plan(samples.dataset, samples.ids, options, hashes, differences=differences)


def refuse_conflicts(plan: Plan, options: AnalysisOptions, stages: Sequence[Stage]) -> None:
    """Raise what keeps a planned run from starting.

    Raises:
        ExistingResultsError: stored results would be replaced without being asked.
        InputError: words are to be attributed, and no sample has a text.
    """
    existing = plan.existing
    if options.existing == "error" and existing.conflicts:
        own = OWN_REMEDY if existing.foreign else ""
        raise ExistingResultsError(f"{existing.message()} {REMEDY}{own}")
    if plan.without_text == plan.total and "caption" not in stages:
        raise InputError(
            f"Scores and attributions need captions; none of the {plan.total} samples has text in "
            f"{options.caption_field!r}. Run the stage 'caption' too, or choose another field."
        )

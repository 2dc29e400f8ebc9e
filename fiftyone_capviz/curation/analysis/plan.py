"""Which samples need which stages: found out before anything is loaded, computed or changed.

A stage's stored result is *same* if it came from this configuration and from the present text and
segments, *stale* if the configuration is this one but the text or the segments have changed since,
*different* if another configuration made it, and *missing* otherwise.

A caption that we did not write is the user's: it is kept, whatever becomes of the results, unless
`overwrite_captions` says to write over it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.analysis.segment_map import require_map_method
from fiftyone_capviz.curation.dataset.caption_fields import check_fields
from fiftyone_capviz.curation.dataset.documents import text_hash
from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.ownership import (
    refuse_their_map,
    refuse_their_run,
    refuse_theirs,
)
from fiftyone_capviz.curation.dataset.runs import read_run, what_differs, with_prefix
from fiftyone_capviz.curation.dataset.samples import ImageSamples, image_samples
from fiftyone_capviz.curation.dataset.schema import run_schema
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

State = Literal["missing", "same", "different", "stale", "kept", "overwritten"]


@dataclass(frozen=True)
class ExistingResults:
    """How many samples hold which kind of result, per stage.

    Attributes:
        edited: captions that were changed by hand since they were written.
        theirs: captions that this package did not write, edited ones among them.
        overwritten: of these, how many the run would write over.
        foreign: captions that no analysis has read yet, and segments, that this package did not
            write.
        differences: option or model -> (stored, asked), from the last run's record.
    """

    missing: dict[str, int] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)
    different: dict[str, int] = field(default_factory=dict)
    stale: dict[str, int] = field(default_factory=dict)
    edited: int = 0
    theirs: int = 0
    overwritten: int = 0
    foreign: dict[str, int] = field(default_factory=dict)
    differences: dict[str, tuple[object, object]] = field(default_factory=dict)

    @property
    def conflicts(self) -> bool:
        """Whether something stored would have to be replaced."""
        own = self.foreign.get("caption")
        return bool(sum(self.different.values()) or sum(self.stale.values()) or own)

    def message(self) -> str:
        """What would be replaced and what differs, in plain sentences; empty without conflicts."""
        parts = []
        for stage in SAMPLE_STAGES:
            if self.foreign.get(stage):
                what = "captions" if stage == "caption" else "labels"
                kept = ", which stay and stand in for segments" if what == "labels" else ""
                parts.append(f"{self.foreign[stage]} samples hold {what} of another origin{kept}")
            foreign = 0 if stage == "caption" else self.foreign.get(stage, 0)
            ours = self.different.get(stage, 0) - foreign
            if ours:
                parts.append(f"'{stage}' of {ours} samples came from another configuration")
            if self.stale.get(stage):
                parts.append(
                    f"'{stage}' of {self.stale[stage]} samples belongs to an older text or segments"
                )
        if not parts:
            return ""
        replaced = sum(self.different.values()) - self.foreign.get("segment", 0)
        replaced += sum(self.stale.values())
        text = "Stored results would change: " if replaced else "Something is there already: "
        text += "; ".join(parts) + "."
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
    sample: SampleState,
    hashes: Mapping[str, str],
    *,
    own_segments: bool,
    overwrite: bool = False,
) -> dict[Stage, State]:
    """How each stage's stored result relates to what is asked.

    Args:
        hashes: stage -> configuration hash, for the stages asked for.
        overwrite: captions of the user's are written over.
    """
    states: dict[Stage, State] = {}
    stages, current = sample.stages, text_hash(sample.text)
    if "caption" in hashes:
        if not sample.has_text:
            states["caption"] = "missing"
        elif sample.theirs:
            states["caption"] = "overwritten" if overwrite else "kept"
        else:
            same = stages.get("caption") == hashes["caption"]
            states["caption"] = "same" if same else "different"
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
    refuse_theirs(dataset, run_schema(*written_fields(options, stages)))
    refuse_their_run(dataset, CaptionFields.of(options))
    if "attribute" in stages and (options.source, options.method) == ("itm", GRADCAM):
        shape = attention_shape("matcher", options.matcher)
        if shape is not None:
            require_gradient(options.matcher, options.layer, shape)
    if "map" in stages and options.map_method != "none":
        require_map_method(options.map_method)
        refuse_their_map(dataset, options.segments_field)


def written_fields(
    options: AnalysisOptions, stages: Sequence[Stage]
) -> tuple[CaptionFields | None, SegmentFields | None]:
    """The caption and the segments whose fields these stages write."""
    captions = {"caption", "match", "attribute"} & set(stages)
    segments = {"segment", "attribute"} & set(stages)
    return (
        CaptionFields.of(options) if captions else None,
        SegmentFields(options.segments_field) if segments else None,
    )


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
    derives from it. A text that is not ours stays in any case, unless `overwrite_captions` is on.
    """
    counts: dict[State, Counter[str]] = {state: Counter() for state in get_args(State)}
    foreign: Counter[str] = Counter()
    tasks, total, edited, theirs, without_text = [], 0, 0, 0, 0
    redo = {"missing", "overwritten"}
    redo |= set() if options.existing == "skip" else {"different", "stale"}
    for sample in read_states(dataset, ids, options):
        total += 1
        states = stage_states(
            sample,
            hashes,
            own_segments=options.own_segments,
            overwrite=options.overwrite_captions,
        )
        for stage, state in states.items():
            counts[state][stage] += 1
        foreign["caption"] += states.get("caption") == "kept" and _is_unread(sample)
        foreign["segment"] += states.get("segment") == "different" and not sample.segments_stage
        edited += sample.edited
        theirs += sample.theirs
        todo = {stage for stage, state in states.items() if state in redo}
        if sample.segments_stage is None and states.get("segment") == "different":
            todo.discard("segment")  # labels of the user's: they stand in for segments
        if sample.place is None:  # nothing that a text could stand in: a number, say
            todo.discard("caption")
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
        theirs=theirs,
        overwritten=counts["overwritten"]["caption"],
        foreign={stage: n for stage, n in foreign.items() if n},
        differences=dict(differences or {}),
    )
    return Plan(tasks, total, existing, without_text)


def _is_unread(sample: SampleState) -> bool:
    """Whether nothing of the text was computed yet: nobody has said what is to become of it."""
    return sample.stages.get("text") != text_hash(sample.text)


REMEDY = (
    "Pass existing='skip' to keep them and compute only what is missing, existing='replace' to "
    "compute them anew, or another caption_field or segments_field to keep both."
)
OWN_REMEDY = (
    " To use what is there: own_segments=True for labels of your own, which are never replaced; "
    "captions of your own stay with both and are scored, unless overwrite_captions=True writes "
    "over them."
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
    chosen = with_prefix(samples.dataset, chosen)
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

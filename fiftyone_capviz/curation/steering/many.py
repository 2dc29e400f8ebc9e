"""Captions anew by a recipe: candidates beside the captions, until they are accepted.

report = steer_captions(view, Recipe(prompt="the man is wearing", word="hat"))
print(report.summary())          # 193 of 214 that did not say 'hat' now do: 90.2 % ...
accept_captions(view)            # or discard_candidates(view); later undo_captions(view)
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Unpack

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.caption_fields import check_derived_names
from fiftyone_capviz.curation.dataset.collection import root_dataset
from fiftyone_capviz.curation.dataset.job import Job, JobKeywords, long_run
from fiftyone_capviz.curation.dataset.names import CaptionFields
from fiftyone_capviz.curation.dataset.ownership import refuse_theirs
from fiftyone_capviz.curation.dataset.progress import Failure
from fiftyone_capviz.curation.dataset.runs import continued_options, read_run, write_run
from fiftyone_capviz.curation.dataset.samples import reload_samples, sample_ids
from fiftyone_capviz.curation.dataset.schema import declare_candidates
from fiftyone_capviz.curation.dataset.states import SampleState, Task, read_states
from fiftyone_capviz.curation.dataset.store import clear_stop
from fiftyone_capviz.curation.inference.batch_loop import run_batches
from fiftyone_capviz.curation.steering.candidates import (
    Steered,
    SteeringWork,
    steering_hash,
    stored_candidates,
)
from fiftyone_capviz.curation.steering.duplicates import content_keys
from fiftyone_capviz.curation.steering.reports import SteerReport
from fiftyone_capviz.errors import InputError, ModelError
from fiftyone_capviz.evaluation.steering_success import SteeringSuccess, measure_success
from fiftyone_capviz.settings.analysis import AnalysisOptions, Stage
from fiftyone_capviz.settings.steering import Recipe
from fiftyone_capviz.text.prompt_template import FilledPrompt, fill_prompt
from fiftyone_capviz.text.wanted_words import says_any, wanted_words


def steer_captions(
    collection: SampleCollection,
    recipe: Recipe,
    options: AnalysisOptions | None = None,
    *,
    caption_field: str | None = None,
    **job: Unpack[JobKeywords],
) -> SteerReport:
    """Caption the samples of a view by a recipe; store the results as candidates.

    Candidates go to ``<caption>_steered``, their match to ``<caption>_steered_itm``, the recipe
    as used on each image to ``<caption>_steered_recipe``: its ``prompt`` is the one that was filled
    in. The captions stay as they are. A sample that has a candidate by this very recipe, models and
    decoding already is not captioned again, unless its caption now has another subject to fill in.

    Args:
        collection: a dataset or view.
        recipe: how to steer.
        options: models, fields and decoding; default those of the last analysis.
        caption_field: default the options'.
        job: progress, stop, cache, as in ``analyze``.

    Raises:
        InputError: a recipe, field or view that cannot be used.
        ModelError: a model cannot be had, or failed on every image.
        DatabaseError: MongoDB went away; what was stored stays.
    """
    tally = SteeringTally(recipe)
    with long_run(tally.stored_text):
        return _steer(collection, recipe.validated(), options, caption_field, tally, Job(**job))


def _steer(
    collection: SampleCollection,
    recipe: Recipe,
    options: AnalysisOptions | None,
    caption_field: str | None,
    tally: SteeringTally,
    job: Job,
) -> SteerReport:
    started = time.perf_counter()
    dataset = root_dataset(collection)
    chosen = continued_options(dataset, caption_field, options)
    refuse_theirs(dataset, CaptionFields.of(chosen).steered)
    ids = [ObjectId(one) for one in sample_ids(collection)]
    if not ids:
        raise InputError("Steering needs at least one sample; the view is empty.")
    if recipe.chooses_segments and not dataset.has_field(chosen.segments_field):
        raise InputError(
            f"The recipe chooses segments, and there is no field {chosen.segments_field!r}. Run "
            "segment_images first, or steer by the prompt alone."
        )
    check_derived_names(dataset, CaptionFields.of(chosen))
    work = SteeringWork(dataset.name, recipe, chosen, steering_hash(recipe, chosen))
    candidates = stored_candidates(dataset, CaptionFields.of(chosen), ids, work.hash)
    stages: frozenset[Stage] = frozenset({"attribute"} if recipe.chooses_segments else ())
    tasks = []
    for state in read_states(dataset, ids, chosen):
        text, subject = candidates.get(state.id, (None, None))
        prompt = fill_prompt(recipe.prompt, state.text)
        if text is not None and subject == prompt.subject:
            tally.skip(state, text, prompt)
        else:
            tasks.append(Task(state, stages))
    declare_candidates(dataset, CaptionFields.of(chosen))
    clear_stop(dataset)
    tally.to_do = len(tasks)
    if tasks:
        loop = run_batches(
            work, tasks, job, dataset=dataset, stored=tally.stored, rejected=tally.rejected
        )
        tally.stopped = loop.stopped
    _note(dataset, chosen.caption_field, tally)
    reload_samples(dataset)
    if tally.failures and not tally.texts:
        raise ModelError(f"No image could be captioned: {tally.failures[0].message}")
    return tally.report(time.perf_counter() - started)


@dataclass(frozen=True)
class NewCaption:
    """A candidate beside the sample's caption.

    Attributes:
        sample: as it was read, with its present caption.
        text: the candidate.
        prompt: that it was continued from.
    """

    sample: SampleState
    text: str
    prompt: str | None


@dataclass
class SteeringTally:
    """What steering has stored so far."""

    recipe: Recipe
    to_do: int = 0
    texts: dict[ObjectId, NewCaption] = field(default_factory=dict)
    unweighted: int = 0
    subjects: Counter[str] = field(default_factory=Counter)
    without_subject: int = 0
    at_limit: int = 0
    skipped: int = 0
    failures: list[Failure] = field(default_factory=list)
    failed: list[SampleState] = field(default_factory=list)
    stopped: bool = False

    def stored_text(self) -> str:
        """What is in the database, for messages."""
        done = len(self.texts) - self.skipped
        return f"{done} of {self.to_do} candidates are stored"

    def skip(self, state: SampleState, text: str, prompt: FilledPrompt) -> None:
        """Count a candidate that is there already."""
        self._count(prompt)
        self.texts[state.id] = NewCaption(state, text, prompt.text)
        self.skipped += 1

    def stored(self, result: Steered) -> None:
        """Count a result; runs in the writer's thread."""
        if result.error is not None:
            self.rejected(result, result.error)
            return
        prompt = result.recipe.get("prompt")
        self.texts[result.sample.id] = NewCaption(result.sample, result.text, prompt)
        self.unweighted += result.unweighted
        self._count(result.prompt)
        self.at_limit += result.at_limit

    def rejected(self, result: Steered, reason: str) -> None:
        """Count a result that cannot be stored; runs in the writer's thread."""
        self.failed.append(result.sample)
        self.failures.append(Failure(str(result.sample.id), result.sample.filepath, reason))

    def report(self, seconds: float) -> SteerReport:
        """What was done."""
        word, made = self.recipe.word, list(self.texts.values())
        wanted = wanted_words(word)
        misses = [
            str(one.sample.id) for one in made if not says_any(one.text, wanted, prompt=one.prompt)
        ]
        return SteerReport(
            samples=len(made),
            changed=sum(one.text != one.sample.text for one in made),
            word=word,
            hits=len(made) - len(misses) if word else None,
            before=sum(says_any(one.sample.text, wanted) for one in made) if word else None,
            misses=misses if word else [],
            success=self._success() if word else None,
            unweighted=self.unweighted,
            subjects=self.subjects.most_common(),
            without_subject=self.without_subject,
            at_limit=self.at_limit,
            skipped=self.skipped,
            failures=self.failures,
            stopped=self.stopped,
            seconds=seconds,
        )

    def _count(self, prompt: FilledPrompt) -> None:
        self.without_subject += prompt.lacks_subject
        if prompt.subject is not None:
            self.subjects[prompt.subject] += 1

    def _success(self) -> SteeringSuccess:
        """By images: those that failed were asked, too."""
        made = list(self.texts.values())
        asked = [*(one.sample for one in made), *self.failed]
        missing = [None] * len(self.failed)
        return measure_success(
            [one.text for one in asked],
            [*(one.text for one in made), *missing],
            wanted_words(self.recipe.word),
            prompts=[*(one.prompt for one in made), *missing],
            images=content_keys([one.filepath for one in asked]),
        )


def _note(dataset: fo.Dataset, caption_field: str, tally: SteeringTally) -> None:
    """The recipe in the run, and how many images it could not be used on in full."""
    record = read_run(dataset, caption_field)
    if record is not None:
        lacking = {"unweighted": tally.unweighted, "without_subject": tally.without_subject}
        noted = {"recipe": tally.recipe.to_dict(), "recipe_lacking": lacking}
        write_run(dataset, replace(record, extra={**record.extra, **noted}))

"""What captions put into a prompt with `{subject}`, before anything runs."""

from __future__ import annotations

from collections import Counter

from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.collection import root_dataset
from fiftyone_capviz.curation.dataset.samples import sample_ids
from fiftyone_capviz.curation.dataset.states import read_states
from fiftyone_capviz.curation.steering.reports import named_subjects
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.text.prompt_template import asks_subject, fill_prompt

PREVIEWED = 200


def subject_preview(
    collection: SampleCollection, prompt: str | None, options: AnalysisOptions
) -> str:
    """One sentence on the first captions of a view; empty where the prompt has no field."""
    if not asks_subject(prompt):
        return ""
    dataset = root_dataset(collection)
    ids = [ObjectId(one) for one in sample_ids(collection.limit(PREVIEWED))]
    texts = [state.text for state in read_states(dataset, ids, options)]
    prompts = [fill_prompt(prompt, text) for text in texts]
    subjects = Counter(one.subject for one in prompts if one.subject is not None)
    lacking = sum(one.lacks_subject for one in prompts)
    named = named_subjects(subjects.most_common()) or "none"
    found = f"Subjects of the first {len(texts)} captions: {named}."
    if lacking:
        found += f" {lacking} name none: they go on from the captioner's own prompt."
    return found

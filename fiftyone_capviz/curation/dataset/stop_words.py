"""A dataset's own stop words: words of its captions that nothing shall be counted by.

They stand in one custom run, so that they go along with a clone and an export. What an analysis
stored of a word stays stored (its place in ``<caption>_words``, its map, its scores): a stop word
is left out when these are read, and `curation/segments/stop_words.py` derives anew what was made of
them. So taking a word off the list brings everything back.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import fiftyone as fo

from fiftyone_capviz.curation.dataset.collection import root_dataset
from fiftyone_capviz.errors import InputError

STOP_WORDS_KEY = "capviz__stop_words"
"""No caption field's run has this key: a field's name cannot begin with an underscore."""
KIND = "stop_words"


@dataclass(frozen=True)
class StopWords:
    """What the run stores.

    Attributes:
        words: the stop words, in the order in which they were added.
        history: the earlier lists, oldest first: undo goes back to the last one.
        theirs: ids of segments whose label is the user's although it looks like one of ours.
        pending: words whose change has not been carried out on all samples.
    """

    words: tuple[str, ...] = ()
    history: tuple[tuple[str, ...], ...] = ()
    theirs: frozenset[str] = field(default_factory=frozenset)
    pending: frozenset[str] = field(default_factory=frozenset)


def own_stop_words(dataset: fo.Dataset) -> tuple[str, ...]:
    """The dataset's own stop words, in the order in which they were added.

    Args:
        dataset: a dataset, or a view of it.
    """
    return read_stop_words(root_dataset(dataset)).words


def require_counted(dataset: fo.Dataset, word: str) -> None:
    """Refuse a stop word.

    Raises:
        InputError: it is one of this dataset.
    """
    if word in own_stop_words(dataset):
        raise InputError(
            f"A stop word cannot be in focus; {word!r} is one of this dataset. Take it off the "
            "list first, in the Word Graph or by remove_stop_words."
        )


def read_stop_words(dataset: fo.Dataset) -> StopWords:
    """All that is stored of them."""
    if not dataset.has_run(STOP_WORDS_KEY):
        return StopWords()
    config = dataset.get_run_info(STOP_WORDS_KEY).config
    return StopWords(
        tuple(str(one) for one in config.words),
        tuple(tuple(str(one) for one in each) for each in config.history),
        frozenset(str(one) for one in config.theirs),
        frozenset(str(one) for one in config.pending),
    )


def write_stop_words(dataset: fo.Dataset, kept: StopWords) -> None:
    """Store them; the run goes when there is nothing left to store."""
    if kept == StopWords(theirs=kept.theirs):
        if dataset.has_run(STOP_WORDS_KEY):
            dataset.delete_run(STOP_WORDS_KEY)
        return
    plain = {
        name: sorted(value) if isinstance(value, frozenset) else [*value]
        for name, value in asdict(kept).items()
    }
    plain["history"] = [list(each) for each in kept.history]
    config = dataset.init_run(kind=KIND, **plain)
    if dataset.has_run(STOP_WORDS_KEY):
        dataset.update_run_config(STOP_WORDS_KEY, config)
    else:
        dataset.register_run(STOP_WORDS_KEY, config)

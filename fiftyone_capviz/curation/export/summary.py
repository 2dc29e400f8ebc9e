"""What a dataset's captions say and leave out, as text for a terminal or a log."""

from __future__ import annotations

from dataclasses import dataclass, replace

import fiftyone as fo
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.curation.dataset.captions import is_there
from fiftyone_capviz.curation.dataset.collection import root_dataset
from fiftyone_capviz.curation.dataset.documents import is_not_seen
from fiftyone_capviz.curation.dataset.names import SegmentFields
from fiftyone_capviz.curation.dataset.runs import caption_names, last_options, list_runs
from fiftyone_capviz.curation.dataset.samples import samples_of
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.curation.words.dataset_graph import caption_values, stale_ids, word_graph
from fiftyone_capviz.graph.association import Association
from fiftyone_capviz.graph.word_graph import WordGraph
from fiftyone_capviz.settings.analysis import AnalysisOptions

SHOWN = 10
PAIRS = 5
IMAGES = 5


@dataclass(frozen=True)
class Uncovered:
    """A sample whose caption leaves much out.

    Attributes:
        sample_id, filepath, caption: which.
        coverage: share of its segments that a word covers, 0..1.
        segments, uncovered: how many of its segments are seen, and how many no word covers.
        area: largest share of the image that one uncovered segment owns, 0..1.
    """

    sample_id: str
    filepath: str
    caption: str
    coverage: float
    segments: int
    uncovered: int
    area: float


def least_covered(
    collection: SampleCollection,
    *,
    caption_field: str = "caption",
    segments_field: str = "segments",
    n: int = IMAGES,
) -> list[Uncovered]:
    """The samples with the lowest coverage; of equals, those with the largest uncovered segment."""
    names = caption_names(root_dataset(collection), caption_field)
    marks = SegmentFields(segments_field)
    collection = samples_of(collection)
    paths = [names.coverage, marks.attribute("coverage"), marks.attribute("area")]
    if not is_there(root_dataset(collection), caption_field) or not all(
        collection.has_field(path) for path in paths
    ):
        return []
    found = []
    texts = caption_values(collection, caption_field)
    for text, sample_id, file, share, counts, areas in zip(
        texts, *collection.values(["id", "filepath", *paths]), strict=True
    ):
        if share is None or not counts:
            continue
        seen = [one for one in counts if one is not None]
        pale = [a or 0.0 for c, a in zip(counts, areas or [], strict=True) if c == 0]
        caption = "; ".join(text) if isinstance(text, list) else text or ""
        largest = max(pale, default=0.0)
        found.append(Uncovered(sample_id, file, caption, share, len(seen), len(pale), largest))
    found.sort(key=lambda one: (one.coverage, -one.area, one.sample_id))
    return found[:n]


def unseen_segments(collection: SampleCollection, marks: SegmentFields) -> list[list[bool]]:
    """Of each sample, which segments the model that attributed does not see, in their order.

    No entry where nothing was attributed.
    """
    paths = [marks.attribute(name) for name in ("coverage", "word_scores")]
    if not all(collection.has_field(path) for path in paths):
        return [[] for _ in range(len(collection))]
    return [
        [is_not_seen(*one) for one in zip(counts or [], scores or [], strict=True)]
        for counts, scores in zip(*collection.values(paths), strict=True)
    ]


def summarize(
    collection: SampleCollection,
    options: AnalysisOptions | None = None,
    *,
    report: Report | None = None,
) -> str:
    """Dominant words, associations, the least covered images, times and failures.

    Args:
        collection: a dataset or view.
        options: whose fields; default those of the report, else the fields' default names, else
            those of the only analysis that there is.
        report: of the run, for its times and failures.
    """
    dataset = root_dataset(collection)
    options = options or _analysed(dataset, report)
    lines = [] if report is None else [report.summary(), ""]
    if not is_there(dataset, options.caption_field):
        return "\n".join([*lines, _no_captions(dataset, options.caption_field)])
    graph = word_graph(collection, options.caption_field)
    lines += _words(graph)
    stop = own_stop_words(collection)
    if stop:
        lines.append(f"  left out as stop words of this dataset: {', '.join(stop)}")
    lines += _associations(graph)
    lines += _coverage(collection, options)
    stale = stale_ids(collection, options.caption_field)
    if stale:
        lines += [
            "",
            f"{len(stale)} captions were changed since; run the analysis again for those.",
        ]
    return "\n".join(lines)


def _analysed(dataset: fo.Dataset, report: Report | None) -> AnalysisOptions:
    """The fields that a report speaks of, or those that the dataset was analysed with."""
    options = AnalysisOptions()
    if report is not None and report.caption_field is not None:
        return replace(
            options,
            caption_field=report.caption_field,
            segments_field=report.segments_field or options.segments_field,
        )
    runs = list_runs(dataset)
    field = options.caption_field
    if field not in runs and not is_there(dataset, field) and len(runs) == 1:
        (field,) = runs
    return last_options(dataset, field) or options


def _no_captions(dataset: fo.Dataset, caption_field: str) -> str:
    runs = ", ".join(list_runs(dataset))
    other = f"Analysed are: {runs}; name one" if runs else "Name the field of your captions"
    return (
        f"The caption field must exist; {dataset.name!r} has no {caption_field!r}. {other} with "
        "AnalysisOptions(caption_field=...), or run the stage 'caption'."
    )


def _words(graph: WordGraph) -> list[str]:
    if not len(graph):
        return ["No caption holds a word to count."]
    heading = f"Dominant words ({len(graph):,} words in {graph.document_count:,} captions)"
    parts = [f"{one.word} {one.share:.0%}" for one in graph.dominant(SHOWN)]
    return [heading, "  " + ", ".join(parts)]


def _associations(graph: WordGraph) -> list[str]:
    if len(graph) < 2:
        return []
    lines = []
    strongest = [pair for pair in graph.strongest(PAIRS) if pair.count]
    if strongest:
        lines += ["", "Strongest associations (most captions share both)"]
        lines += [
            f"  {_named(one)}  {one.count:,} captions, lift {one.lift:.1f}" for one in strongest
        ]
    strange = graph.strangest(PAIRS)
    if strange.together:
        lines += ["", "Suspiciously together (far more often than chance)"]
        lines += [f"  {_named(one)}  {_counted(one)}" for one in strange.together]
    if strange.apart:
        lines += ["", "Strangely apart (far less often than chance)"]
        lines += [f"  {_named(one)}  {_counted(one)}" for one in strange.apart]
    return lines


def _named(pair: Association) -> str:
    return f"{pair.word_a} + {pair.word_b}"


def _counted(pair: Association) -> str:
    times = "never" if pair.count == 0 else f"{pair.count} times"
    return f"{times}, {pair.expected:.1f} expected (q = {pair.q_value:.1g})"


def _coverage(collection: SampleCollection, options: AnalysisOptions) -> list[str]:
    names = caption_names(root_dataset(collection), options.caption_field)
    collection = samples_of(collection)
    if not collection.has_field(names.coverage):
        return []
    shares = [one for one in collection.values(names.coverage) if one is not None]
    if not shares:
        return []
    low = sum(one < 0.5 for one in shares)
    unseen = sum(map(sum, unseen_segments(collection, SegmentFields(options.segments_field))))
    left_out = f"; {unseen:,} segments are not seen and do not count" if unseen else ""
    lines = [
        "",
        f"Coverage: {sum(shares) / len(shares):.0%} of an image's segments on average; "
        f"{low:,} of {len(shares):,} images below one half{left_out}",
        "Least covered",
    ]
    for one in least_covered(
        collection, caption_field=options.caption_field, segments_field=options.segments_field
    ):
        text = one.caption if len(one.caption) <= 60 else one.caption[:57] + "..."
        lines.append(
            f"  {one.coverage:4.0%}  {one.uncovered} of {one.segments} segments in no word, the "
            f'largest {one.area:.0%} of the image  "{text}"  {one.filepath}'
        )
    return lines

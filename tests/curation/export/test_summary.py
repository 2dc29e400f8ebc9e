"""The printed summary, stale captions, and the graph of a view."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.curation.dataset.progress import Failure
from fiftyone_capviz.curation.export.summary import least_covered, summarize
from fiftyone_capviz.curation.words.dataset_graph import stale_captions, stale_ids, word_graph
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions
from tests.worlds.analysed import analysed_dataset

MANY = (
    *["a wolf in the snow"] * 20,
    *["a dog on the grass"] * 20,
    *["a man with a fish"] * 10,
    *["a woman in a red dress"] * 10,
)


def test_the_summary_tells_what_stands_out(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path, captions=MANY)
    report = Report(
        counts={"samples": 61, "done": 60},
        seconds={"caption": 1.25, "total": 2.5},
        failures=[Failure("1", "/broken.jpg", "The image cannot be read.")],
    )
    text = summarize(dataset, report=report)
    assert "dog 33%" in text
    assert "snow + wolf  20 captions" in text
    assert "dog + wolf  never" in text
    assert "caption 1.25" in text
    assert "/broken.jpg: The image cannot be read." in text
    worst = least_covered(dataset)[0]
    assert worst.coverage == min(dataset.values("caption_coverage"))
    assert worst.filepath in text


def test_a_summary_without_captions_scores_or_segments(tmp_path: Path) -> None:
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath=str(tmp_path / "x.png"), mine=None))
    assert "must exist" in summarize(dataset)
    dataset.add_sample_field("caption", fo.StringField)
    assert "No caption holds a word" in summarize(dataset)
    dataset.set_values("caption", ["the of and"])
    assert "No caption holds a word" in summarize(dataset)
    dataset.set_values("caption", ["dog"])
    assert "dog 100%" in summarize(dataset, AnalysisOptions())


def test_a_summary_is_of_the_field_that_the_report_is_of(tmp_path: Path) -> None:
    dataset = analysed_dataset(
        tmp_path, captions=MANY, caption_field="caption_large", segments_field="parts"
    )
    report = Report({}, {}, caption_field="caption_large", segments_field="parts")
    assert Report.from_dict(report.to_dict()) == report
    for text in (summarize(dataset, report=report), summarize(dataset)):
        assert "dog 33%" in text
        assert "Least covered" in text
    dataset.set_values("caption", ["a cat"] * len(dataset))
    assert "dog 33%" in summarize(dataset, report=report)
    assert "cat 100%" in summarize(dataset)


def test_a_summary_without_captions_names_no_field_of_our_own(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path, caption_field="first")
    text = summarize(dataset, AnalysisOptions(caption_field="nothing"))
    assert "Analysed are: first" in text
    assert "first_" not in text


def test_an_edited_caption_is_stale_until_it_is_put_back(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    assert stale_ids(dataset) == []
    sample = dataset.first()
    text = sample.caption
    for edited in ("a wolf at night", None):
        sample.caption = edited
        sample.save()
        assert stale_ids(dataset) == [sample.id]
        assert stale_captions(dataset).values("id") == [sample.id]
    assert stale_ids(dataset.skip(1)) == []
    sample.caption = text
    sample.save()
    assert stale_ids(dataset) == []
    assert stale_ids(fo.Dataset()) == []


def test_the_graph_reads_edited_captions_anew(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    graph = word_graph(dataset)
    assert graph.words[graph.position("wolf")] == "wolf"
    sample = dataset.first()
    sample.caption = "two penguins"
    sample.save()
    assert "penguin" in word_graph(dataset).words
    assert "fish" not in word_graph(dataset).words


def test_the_graph_takes_any_text_field(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    dataset.add_sample_field("many", fo.ListField, subfield=fo.StringField)
    dataset.set_values("many", [["a cat", "a cat on a mat"], [], None, ["dogs"], ["a.b $where"]])
    graph = word_graph(dataset, "many")
    assert graph.document_count == 3
    assert graph.counts[graph.position("cat")] == 1
    for field in ("segments", "caption_itm", "nothing"):
        with pytest.raises(InputError):
            word_graph(dataset, field)


def test_the_graph_of_a_view(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    view = dataset.match({"caption_words": "wolf"})
    assert word_graph(view).document_count == 2
    assert word_graph(view.to_patches("segments")).document_count == 2

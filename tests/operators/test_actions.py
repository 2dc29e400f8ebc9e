"""The operators that work on a finished analysis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import pytest

from fiftyone_capviz.curation.app.workspace import recolor_params
from fiftyone_capviz.curation.dataset.names import SegmentFields
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.curation.dataset.store import clear_stop, stop_requested
from fiftyone_capviz.errors import InputError
from operators.delete_analysis import DeleteAnalysis
from operators.focus_word import FocusWord
from operators.frame.app import mapped_segments
from operators.open_workspace import OpenWorkspace
from operators.restore_map import RestoreMap
from tests.worlds.analysed import add_captions, analysed_dataset
from tests.worlds.asking import URI, call, context, sent, stream


@pytest.fixture
def analysed(tmp_path: Path) -> Any:
    """Five captioned samples with four segments each."""
    return analysed_dataset(tmp_path)


def add_map(dataset: Any) -> None:
    """A map of the segments, at made-up places."""
    import fiftyone.brain as fob
    import numpy as np

    rng = np.random.default_rng(0)
    ids = [one for row in dataset.values("segments.detections.id") for one in row]
    fob.compute_visualization(
        dataset,
        patches_field="segments",
        points={one: rng.normal(size=2) for one in ids},
        brain_key=SegmentFields("segments").map_key,
        method="manual",
    )


def test_stop_analysis_sets_the_flag(dataset: Any) -> None:
    call("stop_analysis", dataset=dataset)
    assert stop_requested(dataset)
    clear_stop(dataset)
    foo.get_operator(f"{URI}stop_analysis")(dataset.limit(1))
    assert stop_requested(dataset)


def test_focus_word_writes_attention(analysed: Any) -> None:
    report = foo.get_operator(f"{URI}focus_word")(analysed, "wolf")
    assert report.samples_with_word == 2
    call("focus_word", dataset=analysed, params={"word": "man"})
    analysed.reload()
    rows = analysed.values("segments.detections.attention")
    assert any(value for value in rows[0])
    assert not any(rows[2])


def test_focus_word_offers_the_words_by_frequency(analysed: Any) -> None:
    fields = FocusWord().resolve_type(context(analysed, app=True), "inputs").type.properties
    assert fields["word"].view.choices[0].value in ("wolf", "snow")


def test_activate_captions(analysed: Any) -> None:
    add_captions(analysed, ["a red hat"] * 5, caption_field="other", seed=1)
    call("activate_captions", dataset=analysed, params={"caption_field": "caption"})
    analysed.reload()
    words = {w for row in analysed.values("segments.detections.covered_by") for c in row for w in c}
    assert "hat" not in words


def test_export_analysis(analysed: Any, tmp_path: Path) -> None:
    params = {"folder": str(tmp_path / "out"), "formats": ["captions_json", "associations_csv"]}
    call("export_analysis", dataset=analysed, params=params)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "captions.json",
        "associations.csv",
    }


def test_delete_analysis_asks_twice_and_leaves_nothing(analysed: Any) -> None:
    with pytest.raises(InputError, match="confirm"):
        DeleteAnalysis().execute(context(analysed))
    call("delete_analysis", dataset=analysed, params={"confirm": True})
    analysed.reload()
    assert not [path for path in analysed.get_field_schema() if path.startswith("caption")]
    assert analysed.list_runs() == []


def test_open_workspace_loads_it_and_opens_the_map(
    analysed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operators.frame.app.PAUSES", (0.0, 0.0))
    messages = stream(OpenWorkspace(), context(analysed, app=True))
    assert sent(messages, "set_spaces")
    assert not sent(messages, "set_panel_data")
    add_map(analysed)
    told = sent(stream(OpenWorkspace(), context(analysed, app=True)), "set_panel_data")
    assert len(told) == 2
    assert told[0]["data"] == {
        "openKey": "segments_map",
        "colorField": "segments.detections.coverage",
    }


def test_the_map_is_restored_where_a_panel_waits_for_it(
    analysed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operators.frame.app.PAUSES", (0.0,))
    add_map(analysed)
    assert mapped_segments(analysed) == "segments"
    panel = fo.Panel(type="Embeddings")
    space = fo.Space(children=[panel], active_child=panel.component_id)
    told = sent(
        stream(RestoreMap(), context(analysed, app=True, spaces=space.to_dict())),
        "set_panel_data",
    )
    assert [one["panel_id"] for one in told] == [panel.component_id]
    assert stream(RestoreMap(), context(analysed, app=True, spaces=None)) == []


def test_a_map_that_is_restored_keeps_the_color_that_was_asked_for_meanwhile(
    analysed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operators.frame.app.PAUSES", (0.0, 0.0, 0.0))
    add_map(analysed)
    panel = fo.Panel(type="Embeddings")
    space = fo.Space(children=[panel], active_child=panel.component_id)
    recolor_params(space, color_by="attention")  # of before, as in another page
    colors = []
    for message in RestoreMap().execute(context(analysed, app=True, spaces=space.to_dict())):
        told = sent([message.to_json()], "set_panel_data")
        colors += [one["data"]["colorField"] for one in told]
        if len(colors) == 1:
            recolor_params(space, color_by="entropy")  # the user is quicker than the App
    path = "segments.detections."
    assert colors == [f"{path}coverage", f"{path}entropy", f"{path}entropy"]


def test_restoring_leaves_other_datasets_alone(dataset: Any) -> None:
    panel = fo.Panel(type="Embeddings")
    space = fo.Space(children=[panel], active_child=panel.component_id)
    assert stream(RestoreMap(), context(dataset, app=True, spaces=space.to_dict())) == []


def test_stop_words_are_added_removed_and_undone(analysed: Any) -> None:
    def change(**params: Any) -> tuple[str, ...]:
        call("change_stop_words", dataset=analysed, params=params)
        analysed.reload()
        return own_stop_words(analysed)

    assert change(words="Wolf, snow") == ("wolf", "snow")
    assert change(change="remove", words="snow") == ("wolf",)
    assert change(change="undo") == ("wolf", "snow")
    report = foo.get_operator(f"{URI}change_stop_words")(analysed, ["man"])
    assert report.words == ("wolf", "snow", "man")
    with pytest.raises(InputError, match="add, remove, undo"):
        foo.get_operator(f"{URI}change_stop_words")(analysed, ["man"], change="drop")

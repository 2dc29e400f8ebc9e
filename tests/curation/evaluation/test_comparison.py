"""Two stored evaluations side by side, and those that an earlier version stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest

from fiftyone_capviz.curation.evaluation.comparison import compare_evaluations
from fiftyone_capviz.curation.evaluation.html import comparison_page, evaluation_page
from fiftyone_capviz.curation.evaluation.plots import comparison_figures, evaluation_figures
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.evaluation.storage import load_evaluation, save_evaluation
from fiftyone_capviz.curation.evaluation.table import evaluation_table
from fiftyone_capviz.errors import InputError

EARLIER = Path(__file__).with_name("earlier_evaluation.json")
STAT = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 30}
LABELS = ("dog", "hat", "dog")


def row(name: str) -> dict[str, Any]:
    source, method, *layer = name.split()
    place = int(layer[1]) if layer else None
    about = {"source": source, "method": method, "layer": place, "head": None, "name": name}
    figures = ("pga", "pge", "high", "ranking", "own_positive", "cross_negative")
    return about | dict.fromkeys(figures, STAT) | {"macro": 0.5, "by_label": {}}


def report(
    *,
    images: range = range(20),
    layer: int = 1,
    better: float = 0.0,
    revision: str = "1",
    **options: Any,
) -> EvaluationReport:
    """Three objects per image; energies fall with the image's number, and are `better` by this."""
    default = f"itm gradcam layer {layer}"
    names = ["itm gradcam", default, "lm gradcam", "lm gradcam layer 0"]
    rng = np.random.default_rng(0)
    energies = {i: rng.random(3) / 2 for i in range(100)}
    known = np.concatenate([energies[i] for i in images]) + better
    columns = {name: known.tolist() for name in names}
    hits = {name: (known > 0.25).astype(float).tolist() for name in names}
    columns[default][0] = hits[default][0] = None  # an object too small to count
    best = [row(name) | {"chosen": [f"{name} layer 0"] * 2, "candidates": 3}
            for name in ("itm gradcam", "lm gradcam")]  # fmt: skip
    return EvaluationReport(
        about={
            "caption_field": "caption", "regions_field": "boxes", "name": "", "seed": 0,
            "options": {"regions_field": "boxes", "seed": 0} | options,
            "revisions": {"itm": revision}, "versions": {"torch": "2"}, "state": "done",
            "samples": {"texts": len(images), "digest": str(images)}, "shown": default,
            "defaults": [default, "lm gradcam layer 0"],
        },
        counts={"pairs": 3 * len(images)},
        grounding=[row(name) for name in (default, "lm gradcam layer 0", "lm gradcam layer 9")],
        families=best,
        pairs={
            "sample": [f"image{i}" for i in images for _ in LABELS],
            "label": list(LABELS) * len(images),
            "word": list(LABELS) * len(images),
            "text": [0, 0, 1] * len(images),
            "energy": columns,
            "hit": hits,
        },
    )  # fmt: skip


def test_methods_are_compared_on_common_objects_whatever_their_layers() -> None:
    first = report(images=range(20), layer=1)
    second = report(images=range(10, 40), layer=2, better=0.1)
    compared = compare_evaluations(first, second, names=("one", "two"))
    found = {one["name"]: one for one in compared.rows}
    assert list(found) == [
        "itm gradcam, best", "lm gradcam, best", "itm gradcam, default", "lm gradcam, default",
    ]  # fmt: skip
    best, default = found["itm gradcam, best"], found["itm gradcam, default"]
    assert best["n"] == 30
    assert default["of"] == ["itm gradcam layer 1", "itm gradcam layer 2"]
    assert default["n"] == 29  # in the second, the first of the common objects does not count
    for one in (best, default):
        assert one["pge_change"]["value"] == pytest.approx(0.1)
        assert one["pge"][1]["value"] - one["pge"][0]["value"] == pytest.approx(0.1)
        gained = one["pga"][1]["value"] - one["pga"][0]["value"]
        assert gained > 0.05
        assert one["pga_change"]["value"] == pytest.approx(gained)
        assert one["epsilon"] == 0
    other = compare_evaluations(second, first, names=("two", "one")).rows[0]
    assert other["pge_change"]["value"] == pytest.approx(-0.1)
    assert other["epsilon"] == 1
    layers = [one["name"] for one in compared.variants]
    assert layers == ["lm gradcam layer 0", "lm gradcam layer 9"]


def test_figures_are_of_the_common_objects_alone() -> None:
    """A and B differ on their own objects only: on the common ones they are the same."""
    compared = compare_evaluations(report(), report(images=range(15, 60)), names=("A", "B"))
    for one in compared.rows[:2]:
        assert one["n"] == 15
        assert one["pga"][0] == one["pga"][1]
        assert (one["pga_change"]["value"], one["pge_change"]["value"]) == (0, 0)
        assert one["epsilon"] >= 0.5


def test_objects_of_the_same_texts_are_told_apart_by_their_text() -> None:
    """The second lost the first dog of every image: the other dog is not compared with it."""
    first, second = report(), report()
    kept = [i for i in range(60) if i % 3 != 0]
    for columns in (second.pairs, second.pairs["energy"], second.pairs["hit"]):
        for key, values in columns.items():
            if isinstance(values, list):
                columns[key] = [values[i] for i in kept]
    best = compare_evaluations(first, second, names=("A", "B")).rows[0]
    assert (best["n"], best["pge_change"]["value"]) == (40, 0)
    assert best["pge"][0] == best["pge"][1]
    second.about["options"]["caption_field"] = "another"  # whose texts are no counterparts
    other = compare_evaluations(first, second, names=("A", "B")).rows[0]
    assert other["n"] == 40
    assert other["pge_change"]["value"] != 0


def test_all_that_differs_is_listed() -> None:
    first = report(images=range(9), clamp="grad")
    second = report(revision="2", clamp="none", view="mine")
    second.about["options"]["regions_field"] = "masks"
    second.about["versions"]["torch"] = "3"
    second.about["state"] = "stopped"
    compared = compare_evaluations(first, second, names=("A", "B"))
    assert compared.differences == {
        "regions_field": ("boxes", "masks"),
        "clamp": ("grad", "none"),
        "view": (None, "mine"),
        "revision of itm": ("1", "2"),
        "version of torch": ("2", "3"),
        "samples: texts": (9, 20),
        "samples: digest": ("range(0, 9)", "range(0, 20)"),
        "state": ("done", "stopped"),
        "objects": (27, 60),
    }
    for key in compared.differences:
        assert key in compared.text
    json.dumps(compared.to_dict(), allow_nan=False)
    same = compare_evaluations(first, first, names=("A", "B"))
    assert "Options, models and samples are the same" in same.text


@pytest.mark.parametrize("images", [range(50, 60), range(17, 40)])
def test_few_common_images_are_said_to_be_few(images: range) -> None:
    compared = compare_evaluations(report(), report(images=images), names=("A", "B"))
    common = 3 * len(set(images) & set(range(20)))
    best = compared.rows[0]
    assert best["n"] == common
    assert (best["pga_change"]["value"] is None) == (common == 0)
    assert best["pga_change"]["low"] is None
    assert best["epsilon"] is None
    json.dumps(compared.to_dict(), allow_nan=False)
    page = comparison_page(compared, title="</script><b>scenes")
    assert "<b>scenes" not in page
    assert len(comparison_figures(compared)) == (3 if common else 0)


def test_plots_are_plotlys() -> None:
    import plotly.graph_objects as go

    compared = compare_evaluations(report(), report(better=0.1), names=("A", "B"))
    for one in comparison_figures(compared):
        go.Figure(data=one.data, layout=one.layout)
    bars = comparison_figures(compared)[1]
    assert [trace["name"] for trace in bars.data] == ["A: A", "B: B"]
    assert np.subtract(bars.data[1]["y"], bars.data[0]["y"]) == pytest.approx(np.full(4, 0.1))


@pytest.fixture
def dataset() -> Iterator[Any]:
    made = fo.Dataset()
    yield made
    made.delete()


class TestEarlier:
    """A report as the version before the cross-fitted figures wrote it."""

    @pytest.fixture
    def earlier(self, dataset: Any) -> EvaluationReport:
        values = json.loads(EARLIER.read_text())
        as_then = {k: v for k, v in values.items() if k not in ("families", "references")}
        key = save_evaluation(dataset, EvaluationReport.from_dict(as_then))
        results = dataset.init_run_results(key, report=json.dumps(values))
        dataset.save_run_results(key, results, overwrite=True, cache=False)
        return load_evaluation(dataset, "truth_caption")

    def test_it_loads_and_is_shown_for_what_it_is(self, earlier: EvaluationReport) -> None:
        assert earlier.earlier
        assert earlier.best() == []
        text = evaluation_table(earlier)
        assert "Stored by an earlier version" in text
        assert "itm gradcam layer 1 *" in text
        assert "scale" in text
        assert evaluation_figures(earlier)
        assert "earlier version" in evaluation_page(earlier, title="then")

    def test_it_stays_so_when_it_is_stored_again(
        self, dataset: Any, earlier: EvaluationReport
    ) -> None:
        save_evaluation(dataset, earlier)
        again = load_evaluation(dataset, "truth_caption")
        assert again.earlier
        assert again.notes.count(again.notes[-1]) == 1

    def test_it_is_not_compared(self, earlier: EvaluationReport) -> None:
        for pair in ((earlier, report()), (report(), earlier)):
            with pytest.raises(InputError, match=r"earlier version stored 'A|earlier .* 'B"):
                compare_evaluations(*pair, names=("A", "B"))


def test_devices_and_precisions_that_auto_came_to_are_told() -> None:
    first, second = report(), report()
    first.about.update(device="cpu", precision="float32")
    second.about.update(device="cuda:0", precision="float32")
    found = compare_evaluations(first, second, names=("A", "B")).differences
    assert found == {"used device": ("cpu", "cuda:0")}

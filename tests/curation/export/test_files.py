"""Files that other tools read."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import fiftyone as fo
import networkx
import pytest

from fiftyone_capviz.curation.export.files import (
    export_analysis,
    export_associations,
    export_captions,
    export_graph,
)
from fiftyone_capviz.curation.pages.text_files import safe_cell
from fiftyone_capviz.curation.words.dataset_graph import word_graph
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.export import FORMATS
from tests.worlds.analysed import analysed_dataset

HARD = (
    'she said "hi, there"',
    "a dog\nand a cat",
    "一个女人和一只狗",
    "a 👩‍🚀 on the moon 🌕",
    "<script>alert('x')</script> & a.b $where",
    "=HYPERLINK(1)",
    "",
)


def read_csv(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def test_json_holds_everything_the_analysis_knows(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    path = export_captions(dataset, tmp_path / "new" / "captions.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["caption_field"] == "caption"
    assert [one["caption"] for one in document["samples"]] == dataset.values("caption")
    first = document["samples"][0]
    assert first["match"] == dataset.first().caption_itm
    assert first["words"] == list(dataset.first().caption_words)
    stored = dataset.first().segments.detections[2]
    assert first["segments"][2]["covered_by"] == list(stored.covered_by)
    assert first["segments"][2]["bounding_box"] == list(stored.bounding_box)


@pytest.mark.parametrize("format", ["json", "csv", "coco"])
def test_text_survives_as_it_is(tmp_path: Path, format: Any) -> None:
    dataset = analysed_dataset(tmp_path, captions=HARD)
    path = export_captions(dataset, tmp_path / f"captions.{format}", format=format)
    if format == "csv":
        found = [row["caption"] for row in read_csv(path)]
        assert found == [safe_cell(text) for text in HARD]
        return
    document = json.loads(path.read_text(encoding="utf-8"))
    if format == "json":
        assert [one["caption"] for one in document["samples"]] == list(HARD)
    else:
        assert [one["caption"] for one in document["annotations"]] == list(HARD[:-1])


def read_coco(path: Path) -> dict[int, list[str]]:
    """As strict as a reader of COCO captions can be."""
    document = json.loads(path.read_text(encoding="utf-8"))
    assert set(document) >= {"info", "images", "annotations", "licenses"}
    ids = [image["id"] for image in document["images"]]
    assert all(type(one) is int for one in ids)
    assert len(set(ids)) == len(ids)
    found: dict[int, list[str]] = {one: [] for one in ids}
    numbers = [one["id"] for one in document["annotations"]]
    assert len(set(numbers)) == len(numbers)
    for one in document["annotations"]:
        assert type(one["id"]) is int
        assert isinstance(one["caption"], str)
        found[one["image_id"]].append(one["caption"])
    for image in document["images"]:
        assert isinstance(image["file_name"], str)
        assert type(image["width"]) is int
        assert type(image["height"]) is int
    return found


def test_coco_has_an_annotation_per_caption(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    dataset.add_sample_field("many", fo.ListField, subfield=fo.StringField)
    dataset.set_values("many", [["a", "b"], ["c"], [], None, ["d", ""]])
    path = export_captions(dataset, tmp_path / "coco.json", caption_field="many", format="coco")
    assert list(read_coco(path).values()) == [["a", "b"], ["c"], [], [], ["d"]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "  =1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["a dog", "", "1=2", 3, 0.5, -0.5])
def test_other_cells_stay(value: object) -> None:
    assert safe_cell(value) == value


def test_graphml_is_read_by_networkx(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path, captions=[*HARD, "a dog and a cat", "a dog \x07 bell"])
    (path,) = export_graph(dataset, tmp_path / "graph.graphml")
    graph = word_graph(dataset)
    loaded = networkx.read_graphml(path)
    words = {data["word"]: data for _, data in loaded.nodes(data=True)}
    assert set(words) == set(graph.words)
    assert {word: data["count"] for word, data in words.items()} == dict(
        zip(graph.words, graph.counts.tolist(), strict=True)
    )
    assert loaded.number_of_edges() == graph.pair_counts.nnz
    names = networkx.get_node_attributes(loaded, "word")
    found = {
        frozenset((names[a], names[b])): data["count"] for a, b, data in loaded.edges(data=True)
    }
    assert found == {frozenset((one.source, one.target)): one.count for one in graph.links()}
    ElementTree.parse(path)


def test_graph_tables(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    words, links = export_graph(dataset, tmp_path / "graph.csv", format="csv")
    assert (words.name, links.name) == ("graph_words.csv", "graph_links.csv")
    graph = word_graph(dataset)
    assert [row["word"] for row in read_csv(words)] == list(graph.words)
    assert {(row["source"], row["target"], int(row["count"])) for row in read_csv(links)} == {
        (one.source, one.target, one.count) for one in graph.links()
    }


def test_association_table(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path, captions=["a wolf in the snow"] * 3 + ["a dog"] * 3)
    rows = read_csv(export_associations(dataset, tmp_path / "pairs.csv", min_count=2))
    pairs = {(row["word_a"], row["word_b"]): row for row in rows}
    assert int(pairs["snow", "wolf"]["count"]) == 3
    assert pairs["dog", "wolf"]["pmi"] == ""
    assert float(pairs["snow", "wolf"]["lift"]) == 2


def test_everything_at_once_and_again(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path, captions=HARD)
    paths = export_analysis(dataset, tmp_path / "out")
    assert len(paths) == len(FORMATS) + 1
    assert all(path.is_file() and path.stat().st_size for path in paths)
    before = sorted(path.name for path in (tmp_path / "out").iterdir())
    export_analysis(dataset, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == before


def test_captions_that_were_never_analysed_can_go_out(tmp_path: Path) -> None:
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath=str(tmp_path / "x.png"), mine="a dog"))
    for format in ("json", "csv", "coco"):
        export_captions(dataset, tmp_path / format, caption_field="mine", format=format)
    export_graph(dataset, tmp_path / "g.graphml", caption_field="mine")
    with pytest.raises(InputError, match="Choose one of mine"):
        export_captions(dataset, tmp_path / "x", caption_field="nothing")


def test_paths_and_formats_that_cannot_be(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    with pytest.raises(InputError, match="is a folder"):
        export_captions(dataset, tmp_path)
    with pytest.raises(InputError, match="json, csv or coco"):
        export_captions(dataset, tmp_path / "x", format="xml")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="report_html"):
        export_analysis(dataset, tmp_path, formats=["pdf"])
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="must be writable"):
        export_captions(dataset, tmp_path / "file" / "x.json")


def test_a_view_and_a_patches_view(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    for view in (dataset.limit(2), dataset.limit(2).to_patches("segments")):
        path = export_captions(view, tmp_path / "v.json")
        assert len(json.loads(path.read_text())["samples"]) == 2

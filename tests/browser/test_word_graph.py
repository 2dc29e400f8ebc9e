"""The Word Graph in the real App: every gesture, and what the grid, the plot and the disk see."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from fiftyone_capviz.curation.words.dataset_graph import word_graph
from fiftyone_capviz.graph.word_graph import Link, Node, WordGraph
from tests.browser.conftest import SCENES, Demo
from tests.worlds.analysed import analysed_dataset
from tests.worlds.app import expect_samples, lasso, open_panel, operator

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Keep = Callable[[Page, str], Path]
DATASET = "capviz-demo"
CROWD = "capviz-crowd"


def open_graph(page: Page, demo: Demo, dataset: str = DATASET) -> Locator:
    """The panel beside the samples, its words at rest."""
    page.goto(f"{demo.url}datasets/{dataset}")
    samples = page.locator("[data-cy='panel-content-Samples']")
    expect(samples.get_by_text("samples").first).to_be_visible()
    panel = page.locator("[data-cy=capviz-word-graph]")
    if not panel.count():
        open_panel(page, "word_graph")
    expect(panel.locator("[data-word]").first).to_be_visible()
    expect(panel.locator("[data-pair]").first).to_be_visible()
    return panel


@pytest.fixture
def graph() -> WordGraph:
    """What the panel shows, counted here."""
    return word_graph(fo.load_dataset(DATASET))


@pytest.fixture
def panel(demo: Demo, page: Page) -> Locator:
    return open_graph(page, demo)


def word(panel: Locator, name: str) -> Locator:
    return panel.locator(f"[data-word='{name}']")


def center(panel: Locator, name: str) -> tuple[float, float]:
    """Where a word stands; its element is as large as its neighbors leave room for."""
    box = word(panel, name).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def frequent(graph: WordGraph) -> Node:
    """The most frequent word that does not stand in every caption."""
    return next(one for one in graph.nodes() if one.count < graph.document_count)


def link(graph: WordGraph) -> Link:
    """The most frequent pair that is rarer than either of its words."""
    counts = {one.word: one.count for one in graph.nodes()}
    return next(
        one for one in graph.links() if one.count < min(counts[one.source], counts[one.target])
    )


def test_a_click_narrows_the_grid_and_escape_gives_it_back(
    panel: Locator, page: Page, graph: WordGraph, keep: Keep
) -> None:
    expect(panel.locator("[data-word]")).to_have_count(len(graph))
    chosen = frequent(graph)
    word(panel, chosen.word).click()
    expect_samples(page, chosen.count)
    expect(word(panel, chosen.word)).to_have_attribute("aria-pressed", "true")
    message = f"is in {chosen.count} of {SCENES} captions"
    expect(panel.locator("[data-cy=capviz-focus-message]")).to_contain_text(message)
    keep(page, "word-graph-focus")
    # The panel's own selection does not count its words anew.
    expect(panel.locator("[data-word]")).to_have_count(len(graph))
    page.keyboard.press("Escape")
    expect_samples(page, SCENES)
    expect(word(panel, chosen.word)).to_have_attribute("aria-pressed", "false")


def test_clearing_the_apps_selection_takes_the_word_out_of_focus(
    panel: Locator, page: Page, graph: WordGraph
) -> None:
    chosen = frequent(graph)
    word(panel, chosen.word).click()
    expect_samples(page, chosen.count)
    operator(page, "set_extended_selection", reset=True)
    expect_samples(page, SCENES)
    expect(word(panel, chosen.word)).to_have_attribute("aria-pressed", "false")
    plot = page.locator("[data-cy='panel-content-Embeddings']")
    expect(plot.get_by_text("segments.detections.coverage").first).to_be_visible()


def test_a_link_and_a_shift_click_mean_both_words(
    panel: Locator, page: Page, graph: WordGraph
) -> None:
    both = link(graph)
    name = "|".join(sorted((both.source, both.target)))
    panel.locator(f"[data-pair='{name}']").click()
    expect_samples(page, both.count)
    page.keyboard.press("Escape")
    expect_samples(page, SCENES)
    word(panel, both.source).click()
    word(panel, both.target).click(modifiers=["Shift"])
    expect_samples(page, both.count)
    word(panel, both.target).click(modifiers=["Shift"])
    counts = {one.word: one.count for one in graph.nodes()}
    expect_samples(page, counts[both.source])


def test_the_keyboard_reaches_every_word(panel: Locator, page: Page, graph: WordGraph) -> None:
    first, chosen = graph.nodes()[0], frequent(graph)
    word(panel, first.word).focus()
    reached = set()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp") * 3:
        page.keyboard.press(key)
        reached.add(page.evaluate("document.activeElement.dataset.word"))
    assert len(reached) > 1
    word(panel, chosen.word).focus()
    page.keyboard.press("p")
    expect(word(panel, chosen.word)).to_have_attribute("data-pinned", "true")
    page.keyboard.press("p")
    expect(word(panel, chosen.word)).to_have_attribute("data-pinned", "false")
    page.keyboard.press("Enter")
    expect_samples(page, chosen.count)
    page.keyboard.press("Escape")
    expect_samples(page, SCENES)


def test_filters_choose_the_words(panel: Locator, graph: WordGraph) -> None:
    shown = panel.locator("[data-word]")
    often = [one for one in graph.nodes() if one.count >= 3]
    panel.locator("[data-cy=capviz-min-count]").fill("3")
    expect(shown).to_have_count(len(often))
    panel.locator("[data-cy=capviz-min-count]").fill("1")
    panel.locator("[data-cy=capviz-top]").fill("5")
    expect(shown).to_have_count(5)
    panel.locator("[data-cy=capviz-top]").fill("100")
    panel.locator("[data-cy=capviz-tag-noun]").click()
    expect(shown).to_have_count(sum(one.tag != "noun" for one in graph.nodes()))
    panel.locator("[data-cy=capviz-tag-noun]").click()
    links = panel.locator("[data-pair]")
    panel.locator("[data-cy=capviz-min-pairs]").fill("2")
    expect(links).to_have_count(len(graph.links(2)))
    panel.locator("[data-cy=capviz-min-pairs]").fill("1")
    rare = graph.nodes()[-1].word
    panel.locator("[data-cy=capviz-search]").fill(rare)
    expect(word(panel, rare)).to_be_visible()
    assert shown.count() < len(graph)
    panel.locator("[data-cy=capviz-search]").fill("no such word")
    expect(panel.get_by_text("No word passes these filters.")).to_be_visible()
    panel.locator("[data-cy=capviz-search]").fill("")
    expect(shown).to_have_count(len(graph))


def test_the_brush_draws_the_rings(
    panel: Locator, page: Page, graph: WordGraph, keep: Keep
) -> None:
    chosen = frequent(graph)
    assert word(panel, chosen.word).get_attribute("data-ring") is None
    brush = panel.locator("[data-cy=capviz-itm-brush]")
    box = brush.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.51 * box["width"], box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.99 * box["width"], box["y"] + 10, steps=5)
    page.mouse.up()
    share = sum(chosen.score_histogram[10:]) / sum(chosen.score_histogram)
    expect(word(panel, chosen.word)).to_have_attribute("data-ring", f"{share:.3f}")
    expect(panel.locator("[data-cy=capviz-itm-range]")).to_have_text("0.50–1.00")
    keep(page, "word-graph-rings")
    brush.press("Escape")
    expect(panel.locator("[data-ring]")).to_have_count(0)


def test_a_pin_survives_views_and_a_reload_until_it_is_released(
    panel: Locator, page: Page, demo: Demo, graph: WordGraph
) -> None:
    name = graph.nodes()[0].word
    x, y = center(panel, name)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=6)
    page.mouse.up()
    expect(word(panel, name)).to_have_attribute("data-pinned", "true")
    moved = center(panel, name)
    assert moved[0] - x == pytest.approx(40, abs=3)
    expect(panel.locator("[data-cy=capviz-focus]")).to_have_count(0)
    panel.locator("[data-cy=capviz-top]").fill("3")
    expect(panel.locator("[data-word]")).to_have_count(3)
    assert center(panel, name) == pytest.approx(moved, abs=1)
    again = open_graph(page, demo)
    expect(word(again, name)).to_have_attribute("data-pinned", "true")
    assert center(again, name) == pytest.approx(moved, abs=2)
    word(again, name).dblclick()
    expect(word(again, name)).to_have_attribute("data-pinned", "false")


def test_the_graph_follows_the_sidebars_filters_and_words_keep_their_places(
    panel: Locator, page: Page, graph: WordGraph
) -> None:
    dataset = fo.load_dataset(DATASET)
    chosen = frequent(graph)
    part = word_graph(dataset.match({"caption_words": chosen.word}))
    panel.locator("[data-cy=capviz-in]").click()  # from here on the panel does not fit anew
    word(panel, chosen.word).click(trial=True)  # waits until it stands still
    box = word(panel, chosen.word).bounding_box()
    filters = {"caption_words": {"values": [chosen.word], "exclude": False, "isMatching": True}}
    operator(page, "set_filters", **filters)
    expect(panel.locator("[data-word]")).to_have_count(len(part))
    expect_samples(page, chosen.count)
    after = word(panel, chosen.word).bounding_box()
    assert after is not None
    assert box is not None
    assert after["x"] + after["width"] / 2 == pytest.approx(box["x"] + box["width"] / 2, abs=2)


def test_a_lasso_in_the_plot_counts_its_captions_and_a_word_colors_the_plot(
    demo: Demo, page: Page, keep: Keep, graph: WordGraph
) -> None:
    page.goto(f"{demo.url}datasets/{DATASET}")
    plot = page.locator("[data-cy='panel-content-Embeddings']")
    expect(plot.get_by_text("points")).to_be_visible()
    open_panel(page, "word_graph")
    panel = page.locator("[data-cy=capviz-word-graph]")
    expect(panel.locator("[data-pair]").first).to_be_visible()
    chosen = frequent(graph)
    word(panel, chosen.word).click()
    expect_samples(page, chosen.count)
    expect(plot.get_by_text("segments.detections.attention").first).to_be_visible()
    keep(page, "word-graph-attention")
    page.keyboard.press("Escape")
    expect(plot.get_by_text("segments.detections.coverage").first).to_be_visible()
    lasso(page)
    chip = panel.locator("[data-cy=capviz-lasso]")
    expect(chip).to_be_visible()
    images = int((chip.text_content() or "").split()[1])
    assert 0 < images <= SCENES
    expect_samples(page, images)
    expect(panel.get_by_text(f"{images} captions")).to_be_visible()
    keep(page, "word-graph-lasso")
    chip.get_by_role("button").click()
    expect(chip).to_have_count(0)
    expect_samples(page, SCENES)


def test_pairs_are_sorted_and_clicked(panel: Locator, page: Page, graph: WordGraph) -> None:
    table = panel.locator("[data-cy=capviz-pairs-table]")
    rows = table.locator("tbody tr")
    assert len(graph.links()) > 3
    counts = [int(one) for one in rows.locator("td:nth-child(2)").all_text_contents()]
    assert counts == sorted(counts, reverse=True)
    table.get_by_role("button", name="Together").click()
    counts = [int(one) for one in rows.locator("td:nth-child(2)").all_text_contents()]
    assert counts == sorted(counts)
    table.get_by_role("button", name="Together").click()
    first = graph.links()[0]
    rows.first.click()
    expect_samples(page, first.count)
    page.keyboard.press("Escape")
    table.get_by_role("tab", name="Never together").click()
    expect(table.get_by_role("tab", name="Never together")).to_have_attribute(
        "aria-selected", "true"
    )


def test_two_values_of_a_field_stand_side_by_side(
    panel: Locator, page: Page, keep: Keep, graph: WordGraph
) -> None:
    panel.locator("[data-cy=capviz-compare]").click()
    panel.locator("[data-cy=capviz-compare-by]").select_option("truth_background")
    counts = fo.load_dataset(DATASET).count_values("truth_background")
    first, second = sorted(counts, key=lambda one: (-counts[one], one))[:2]
    sides = [panel.locator(f"[data-cy=capviz-compare-{one}]") for one in "ab"]
    for side, name in zip(sides, (first, second), strict=True):
        expect(side.get_by_role("heading")).to_contain_text(name)
        expect(side.locator("[data-word]").first).to_be_visible()
    keep(page, "word-graph-compare")
    panel.locator("[data-cy=capviz-compare]").click()
    expect(panel.locator("[data-word]")).to_have_count(len(graph))


def test_every_export_opens(panel: Locator, page: Page, tmp_path: Path, graph: WordGraph) -> None:
    words = set(graph.words)
    for kind in ("svg", "png", "graphml", "csv-words", "csv-links", "csv-pairs"):
        panel.locator("[data-cy=capviz-export]").click()
        with page.expect_download() as download:
            panel.locator(f"[data-cy=capviz-export-{kind}]").click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        if kind == "png":
            assert np.asarray(Image.open(path).convert("RGB")).std() > 5
        elif kind in ("svg", "graphml"):
            root = ET.fromstring(path.read_text("utf-8"))
            texts = {one.text for one in root.iter()}
            assert len(words & texts) > len(words) // 3, kind
        else:
            rows = list(csv.reader(path.open(encoding="utf-8", newline="")))
            wanted = {"csv-words": len(words), "csv-links": len(graph.links())}
            assert len(rows) - 1 == wanted.get(kind, len(words) * (len(words) - 1) // 2)


def test_dark_and_light(panel: Locator, page: Page, keep: Keep) -> None:
    def background() -> tuple[int, ...]:
        color = panel.evaluate("(one) => getComputedStyle(one).backgroundColor")
        return tuple(int(one) for one in color.removeprefix("rgb(").rstrip(")").split(","))

    keep(page, "word-graph-dark")
    dark = sum(background()) < 200
    page.locator("[title='Light mode'], [title='Dark mode']").first.click()
    page.wait_for_function(
        "(was) => (getComputedStyle(document.querySelector('[data-cy=capviz-word-graph]'))"
        ".backgroundColor.match(/\\d+/g).map(Number).reduce((a, b) => a + b) < 200) !== was",
        arg=dark,
    )
    keep(page, "word-graph-light")


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Any]:
    """300 words and more than 2,000 links; one caption holds HTML."""
    rng = np.random.default_rng(0)
    words = [f"thing{i}" for i in range(299)]
    chances = 1 / (5 + np.arange(len(words)))
    captions = [
        "a " + " ".join(rng.choice(words, 9, replace=False, p=chances / chances.sum()))
        for _ in range(400)
    ]
    captions[0] = "<img src=x onerror=\"document.body.dataset.harm='done'\"> " + " ".join(words)
    dataset = analysed_dataset(tmp_path, captions=captions, segments=1)
    dataset.name = CROWD
    yield dataset
    dataset.delete()


def test_a_large_graph_is_drawn_and_html_stays_text(
    crowd: Any, demo: Demo, page: Page, keep: Keep
) -> None:
    panel = open_graph(page, demo, CROWD)
    panel.locator("[data-cy=capviz-top]").fill("300")
    expect(panel.locator("[data-word]")).to_have_count(300)
    expect(panel.locator("[data-pair]")).to_have_count(2000)
    expect(panel.locator("[data-pair]").first).to_be_visible()
    keep(page, "word-graph-300")
    panel.locator("[data-cy=capviz-search]").fill("onerror")
    expect(word(panel, "onerror")).to_be_visible()
    assert page.evaluate("document.body.dataset.harm") is None

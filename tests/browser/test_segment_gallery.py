"""The Segment Gallery in the real App: cards, focus, lasso, methods, colors, keyboard, themes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from fiftyone_capviz.curation.app.panel_focus import clear_panel_focus, set_panel_focus
from fiftyone_capviz.curation.segments.focus import focus_word
from tests.browser.conftest import Demo
from tests.worlds.app import close_sample, lasso, open_panel, operator

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Keep = Callable[[Page, str], Path]
PROGRESS = "[data-cy='capviz-gallery-progress']"


@pytest.fixture
def gallery(demo: Demo, page: Page) -> Locator:
    """The panel beside the samples of the demo."""
    clear_panel_focus(fo.load_dataset("capviz-demo"))
    page.goto(f"{demo.url}datasets/capviz-demo")
    expect(page.locator("[data-cy='panel-content-Samples']")).to_be_visible()
    return opened(page)


def opened(page: Page) -> Locator:
    open_panel(page, "segment_gallery")
    found = page.locator("[data-cy='capviz-segment-gallery']")
    expect(cards(found).first).to_be_visible()
    return found


def cards(gallery: Locator) -> Locator:
    return gallery.locator("[data-cy='capviz-segment-card']")


def labels(gallery: Locator) -> list[str]:
    return [str(one.get_attribute("data-label-id")) for one in cards(gallery).all()]


def a_word() -> str:
    """The noun that most captions hold, and not all."""
    dataset = fo.load_dataset("capviz-demo")
    counts = dataset.count_values("caption_words")
    return str(max((n, word) for word, n in counts.items() if n < len(dataset))[1])


def tell(page: Page, version: int) -> None:
    """What the Word Graph does when a word is clicked."""
    panel_id = page.evaluate(
        """() => new Promise(done => __foo__.executeOperator("list_open_panels", {}, {
            callback: ({result}) => done(result.find(one => one.name === "segment_gallery").id)
        }))"""
    )
    operator(page, "patch_panel_data", panel_id=panel_id, data={"focus_version": version})


def focus(page: Page, gallery: Locator, word: str) -> None:
    dataset = fo.load_dataset("capviz-demo")
    focus_word(dataset, word)
    tell(page, set_panel_focus(dataset, [word]).version)
    expect(gallery.locator(f"[data-card-word='{word}'][data-focused='true']").first).to_be_visible()


def settled(gallery: Locator) -> None:
    expect(gallery).to_have_attribute("aria-busy", "false")
    expect(gallery.locator(PROGRESS)).to_have_count(0)


def painted(gallery: Locator, path: Path) -> Image.Image:
    gallery.screenshot(path=path)
    return Image.open(path).convert("RGB")


def test_random_cards_redraw_and_page_size(gallery: Locator, page: Page, keep: Keep) -> None:
    settled(gallery)
    first = labels(gallery)
    assert len(first) == len(set(first)) == 12
    gallery.locator("[data-cy='capviz-redraw']").click()
    expect(cards(gallery).first).not_to_have_attribute("data-label-id", first[0])
    settled(gallery)
    assert labels(gallery) != first
    gallery.locator("[data-cy='capviz-page-size']").select_option("6")
    expect(cards(gallery)).to_have_count(6)
    keep(page, "gallery-view")


def test_a_word_in_focus_fills_the_gallery(
    gallery: Locator, page: Page, keep: Keep, tmp_path: Path
) -> None:
    word = a_word()
    focus(page, gallery, word)
    settled(gallery)
    expect(gallery.locator("h2")).to_contain_text(word)
    shown = cards(gallery).all()
    assert all(one.locator(f"[data-card-word='{word}']").count() for one in shown)
    first = shown[0].locator(f"[data-card-word='{word}']").first
    expect(first).to_have_attribute("data-covers", "true")  # covering segments come first
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-cy=capviz-segment-card] canvas')]"
        ".every(one => one.style.visibility === 'visible')"
    )
    keep(page, "gallery-focus")
    assert _yellow(painted(gallery, tmp_path / "focus.png")) > 200
    # Another word of the caption: its heat instead.
    unpressed = shown[0].locator("[data-card-word][aria-pressed='false']").first
    name = unpressed.get_attribute("data-card-word")
    unpressed.click()
    other = shown[0].locator(f"[data-card-word='{name}']").first
    expect(other).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-cy='modal']")).to_have_count(0)


def _yellow(image: Image.Image) -> int:
    """Pixels of the marker's color."""
    red, green, blue = np.moveaxis(np.asarray(image).astype(int), 2, 0)
    return int(((red > 240) & (abs(green - 225) < 15) & (abs(blue - 110) < 40)).sum())


def test_methods_layers_and_heads_change_the_reading(
    gallery: Locator, page: Page, keep: Keep, tmp_path: Path
) -> None:
    focus(page, gallery, a_word())
    settled(gallery)
    before = labels(gallery)
    pictures = [painted(gallery, tmp_path / "stored.png")]
    for cy, value in (
        ("capviz-method", "lm:cross_attention"),
        ("capviz-layer", "1"),
        ("capviz-head", "2"),
        ("capviz-method", "itm:cross_attention"),
    ):
        gallery.locator(f"[data-cy='{cy}']").select_option(value)
        settled(gallery)
        expect(gallery.locator("[data-cy='capviz-gallery-error']")).to_have_count(0)
        pictures.append(painted(gallery, tmp_path / f"{value}.png".replace(":", "-")))
    assert labels(gallery) == before
    for one, other in pairwise(pictures):
        assert (
            np.asarray(one).shape != np.asarray(other).shape
            or (np.asarray(one) != np.asarray(other)).any()
        )
    keep(page, "gallery-method")
    gallery.locator("[data-cy='capviz-method']").select_option("itm:gradcam")
    settled(gallery)
    expect(gallery.locator("[data-cy='capviz-head']")).to_have_value("mean")


def test_a_lasso_in_the_plot_fills_the_gallery(demo: Demo, page: Page, keep: Keep) -> None:
    clear_panel_focus(fo.load_dataset("capviz-demo"))
    page.goto(f"{demo.url}datasets/capviz-demo?workspace=captions")
    plot = page.locator("[data-cy='panel-content-Embeddings']")
    expect(plot.get_by_text("points")).to_be_visible()
    gallery = opened(page)
    everything = gallery.locator("h2").inner_text()
    marked = lasso(page)
    expect(gallery.locator("h2")).to_contain_text("in the lasso")
    settled(gallery)
    total = int(gallery.locator("h2 b").inner_text().split()[-2])
    assert total == marked
    keep(page, "gallery-lasso")
    gallery.locator("[data-cy='capviz-redraw']").click()
    settled(gallery)
    expect(gallery.locator("h2")).to_contain_text("in the lasso")
    plot.get_by_label("Clear filters and selection").click()
    expect(gallery.locator("h2")).to_have_text(everything)


def test_the_plot_takes_the_color(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.url}datasets/capviz-demo?workspace=captions")
    plot = page.locator("[data-cy='panel-content-Embeddings']")
    expect(plot.get_by_text("points")).to_be_visible()
    gallery = opened(page)
    color = gallery.locator("[data-cy='capviz-color']")
    for by in ("entropy", "area", "top_word", "coverage"):
        color.select_option(by)
        expect(plot.get_by_text(f"segments.detections.{by}").first).to_be_visible()


def test_the_keyboard_reaches_everything(gallery: Locator, page: Page) -> None:
    settled(gallery)
    first = cards(gallery).first
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(cards(gallery).nth(1)).to_be_focused()
    page.keyboard.press("Home")
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-cy='modal']")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-cy='modal']")).to_have_count(0)
    close_sample(page)


def test_a_click_opens_the_sample(gallery: Locator, page: Page, keep: Keep) -> None:
    settled(gallery)
    cards(gallery).nth(2).click()
    expect(page.locator("[data-cy='modal']")).to_be_visible()
    keep(page, "gallery-modal")
    close_sample(page)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_both_themes_and_narrow_panels(demo: Demo, page: Page, keep: Keep, theme: str) -> None:
    page.add_init_script(f"localStorage.setItem('mui-mode', '{theme}')")
    page.set_viewport_size({"width": 1500, "height": 900})
    page.goto(f"{demo.url}datasets/capviz-demo")
    expect(page.locator("[data-cy='panel-content-Samples']")).to_be_visible()
    gallery = opened(page)
    settled(gallery)
    keep(page, f"gallery-{theme}")
    overflow = "node => node.scrollWidth - node.clientWidth"
    assert gallery.evaluate(overflow) <= 0
    dark = np.asarray(painted(gallery, keep(page, f"gallery-{theme}-panel"))).mean() < 128
    assert dark == (theme == "dark")

"""Pair Explainer in the real App: words, box, segment, comparison; grid and modal."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Demo
from tests.worlds.app import close_sample, open_panel, operator

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Keep = Callable[[Page, str], Path]


@pytest.fixture
def sample(demo: Demo) -> Any:
    return fo.load_dataset("capviz-demo").first()


def part(panel: Locator, name: str) -> Locator:
    return panel.locator(f"[data-cy='capviz-pair-{name}']")


def test_words_a_box_and_a_second_caption(demo: Demo, page: Page, sample: Any, keep: Keep) -> None:
    page.goto(f"{demo.url}datasets/capviz-demo")
    open_panel(page, "pair_explainer")
    operator(page, "set_selected_samples", samples=[sample.id])
    panel = page.locator("[data-cy='capviz-pair-explainer']")
    expect(part(panel, "name")).to_have_text(Path(sample.filepath).name)
    word = part(panel, "word").first
    expect(word).to_be_visible()
    pressed = word.get_attribute("aria-pressed")
    word.click()
    expect(word).to_have_attribute("aria-pressed", "false" if pressed == "true" else "true")
    expect(part(panel, "error")).to_contain_text("completeness error")
    expect(part(panel, "from")).to_contain_text("the whole image")
    whole = part(panel, "word").all_inner_texts()
    frame = part(panel, "stage").bounding_box()
    assert frame is not None
    left, top, width, height = (frame[key] for key in ("x", "y", "width", "height"))
    page.mouse.move(left + 0.3 * width, top + 0.3 * height)
    page.mouse.down()
    page.mouse.move(left + 0.8 * width, top + 0.9 * height, steps=4)
    page.mouse.up()
    expect(part(panel, "box")).to_be_visible()
    expect(part(panel, "from")).to_contain_text("the box")
    assert part(panel, "word").all_inner_texts() != whole
    part(panel, "segment").first.click()
    expect(part(panel, "from")).to_contain_text("the segment")
    keep(page, "pairs-segment")
    part(panel, "compare-caption").click()
    expect(part(panel, "difference")).to_be_visible()
    expect(part(panel, "error")).to_have_count(2)
    part(panel, "compare-image").click()
    expect(part(panel, "difference").locator("tbody tr").first).to_be_visible()
    keep(page, "pairs-images")


def test_it_stands_in_the_modal(demo: Demo, page: Page, sample: Any, keep: Keep) -> None:
    page.goto(f"{demo.url}datasets/capviz-demo")
    expect(page.locator("[data-cy='panel-content-Samples']")).to_be_visible()
    operator(page, "open_sample", id=sample.id)
    modal = page.locator("[data-cy='modal']")
    modal.locator("[data-cy='panel-tab-pair_explainer']").first.click()
    panel = modal.locator("[data-cy='capviz-pair-explainer']")
    expect(part(panel, "name")).to_have_text(Path(sample.filepath).name)
    expect(part(panel, "word").first).to_be_visible()
    expect(part(panel, "next")).to_have_count(0)
    usual = part(panel, "layer").locator("option").first
    expect(usual).to_have_text(re.compile(r"default \(\d+\)"))
    expect(part(panel, "sums")).to_contain_text("words on patches")
    part(panel, "layer").select_option("0")
    expect(part(panel, "error")).to_contain_text(re.compile("miss the whole|sum to"))
    keep(page, "pairs-modal")
    close_sample(page)

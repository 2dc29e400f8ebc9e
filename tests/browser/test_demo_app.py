"""The demo's App in a real browser: workspace, map of the segments, and an analysis run in it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from fiftyone_capviz.curation.demo import make_scenes, scenes_dataset
from tests.browser.conftest import SCENES, Demo

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Keep = Callable[[Page, str], Path]
FEW = "capviz-few"


def test_the_workspace_opens_with_the_colored_map(demo: Demo, page: Page, keep: Keep) -> None:
    page.goto(demo.url)
    samples = page.locator("[data-cy='panel-content-Samples']")
    map_panel = page.locator("[data-cy='panel-content-Embeddings']")
    expect(samples).to_be_visible()
    expect(samples.get_by_text(f"{SCENES} samples")).to_be_visible()
    expect(map_panel.get_by_text("segments_map")).to_be_visible()
    expect(map_panel.get_by_text("segments.detections.coverage").first).to_be_visible()
    expect(map_panel.get_by_text("points")).to_be_visible()
    expect(map_panel.locator("canvas").first).to_be_visible()
    page.wait_for_timeout(3000)  # the points are drawn by WebGL, which tells nobody when it is done
    whole = keep(page, "demo")
    part = whole.with_name("demo-map.png")
    map_panel.screenshot(path=part)
    assert _hues(part) > 3


def _hues(screenshot: Path) -> int:
    """How many clearly different hues a screenshot shows: the color bar's and the points'."""
    pixels = np.asarray(Image.open(screenshot).convert("HSV")).reshape(-1, 3)
    vivid = pixels[(pixels[:, 1] > 90) & (pixels[:, 2] > 90)]
    return len(np.unique(vivid[:, 0] // 16))


def test_analyze_captions_from_the_operator_browser(
    demo: Demo, page: Page, keep: Keep, tmp_path: Path
) -> None:
    make_scenes(3, seed=900, folder=tmp_path)
    dataset = scenes_dataset(FEW, tmp_path)
    try:
        page.goto(f"{demo.url}datasets/{FEW}")
        expect(page.get_by_text("3 samples").first).to_be_visible()
        page.keyboard.press("Backquote")
        page.keyboard.type("Analyze captions")
        page.wait_for_timeout(500)
        page.keyboard.press("Enter")
        form = page.get_by_role("dialog")
        expect(form.get_by_text("3 of 3 samples to do")).to_be_visible()
        keep(page, "analyze-form")
        for label in ("Captioner", "Matcher", "Segmenter"):
            _choose(page, label, "scenes")
        form.get_by_role("button", name="Execute").click()
        expect(page.get_by_text("3 of 3 samples analysed").first).to_be_visible(timeout=300_000)
        keep(page, "analyze-done")
        dataset.reload()
        assert all(dataset.values("caption"))
        assert all(one > 0 for one in map(len, dataset.values("segments.detections")))
        assert dataset.has_brain_run("segments_map")
    finally:
        dataset.delete()


def _choose(page: Page, label: str, value: str) -> None:
    """Type into the autocomplete field of that label."""
    title = f"xpath=.//*[normalize-space(text())='{label}']/following::input[1]"
    field = page.get_by_role("dialog").locator(title).first
    field.fill(value)
    field.press("Tab")  # Enter would take the first suggestion
    page.wait_for_timeout(1500)


@pytest.mark.ends_the_demo
def test_ending_the_demo_leaves_no_server(demo: Demo) -> None:
    assert demo.end() == 0
    assert "Closing the App" in demo.log.read_text()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", demo.port)) != 0

"""Gestures in the App that several tests make."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect


def operator(page: Page, uri: str, **params: Any) -> None:
    """Run an operator of the App's own, or of a plugin."""
    expect(page.locator("[data-cy='panel-content-Samples']")).to_be_visible()
    page.wait_for_function("window.__foo__")
    page.evaluate("([uri, params]) => __foo__.executeOperator(uri, params)", [uri, params])


def close_sample(page: Page) -> None:
    """Close the sample's own window so that the session forgets it, and the next page has none."""
    operator(page, "close_sample")
    expect(page.locator("[data-cy='modal']")).to_have_count(0)
    expect(page).not_to_have_url(re.compile(r"[?&]id="))
    page.wait_for_timeout(1000)  # nothing tells that the server has taken it


def open_panel(page: Page, name: str) -> None:
    """Beside the samples, and in front."""
    operator(page, "open_panel", name=name, layout="horizontal", isActive=True)


def expect_samples(page: Page, count: int) -> None:
    """That the grid shows so many samples."""
    samples = page.locator("[data-cy='panel-content-Samples']")
    text = f"{count:,} sample" if count == 1 else f"{count:,} samples"
    expect(samples.get_by_text(text, exact=True)).to_be_visible()


def only_file(page: Page, path: str) -> None:
    """Filter the grid to one image."""
    samples = page.locator("[data-cy='panel-content-Samples']")
    wanted = {"values": [path], "exclude": False, "isMatching": True}
    for _ in range(10):  # the App drops filters that are set while it opens a workspace
        operator(page, "set_filters", filepath=wanted)
        try:
            expect(samples.get_by_text("1 sample", exact=True)).to_be_visible(timeout=5000)
        except AssertionError:
            continue
        return
    raise AssertionError("the App took no filter")


def lasso(page: Page) -> int:
    """Drag around most of the Embeddings plot; how many points it holds."""
    plot = page.locator("[data-cy='panel-content-Embeddings']")
    marked = plot.get_by_text("selected ·")
    operator(page, "clear_selected_samples")  # what was ticked before is kept by the session
    expect(marked).to_have_count(0)
    plot.get_by_text("Select", exact=True).click()
    for _ in range(10):  # WebGL tells nobody when it has drawn, and takes no lasso before
        _drag_around(page, plot.locator("canvas").first)
        try:
            expect(marked).to_be_visible(timeout=5000)
        except AssertionError:
            continue
        return int(marked.inner_text().split()[0].replace(",", ""))
    raise AssertionError("the plot took no lasso")


def _drag_around(page: Page, canvas: Locator) -> None:
    box = canvas.bounding_box()
    assert box is not None
    left, right = (box["x"] + share * box["width"] for share in (0.05, 0.95))
    top, bottom = (box["y"] + share * box["height"] for share in (0.25, 0.9))
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top + 3)):
        page.mouse.move(x, y, steps=8)
    page.mouse.up()

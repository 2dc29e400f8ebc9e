"""Caption Steering in the real App: prompt, segments, weights, batch, undo; grid and modal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from fiftyone_capviz.curation.app.panel_focus import clear_panel_focus
from fiftyone_capviz.curation.steering.accept import discard_candidates
from tests.browser.conftest import SCENES, Demo
from tests.worlds.app import close_sample, expect_samples, lasso, only_file, open_panel, operator

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Keep = Callable[[Page, str], Path]
WEARING = re.compile(r"the (man|woman) is wearing .+")


@pytest.fixture
def dataset(demo: Demo) -> Iterator[Any]:
    """The demo's dataset; its captions are as they were after the test."""
    found = fo.load_dataset("capviz-demo")
    found.reload()
    clear_panel_focus(found)
    before = found.values("caption")
    yield found
    discard_candidates(found)
    found.reload()
    assert found.values("caption") == before


@pytest.fixture
def person(dataset: Any) -> Any:
    """A sample whose caption speaks of somebody, preferably with a hat."""
    spoken = [one for one in dataset if {"man", "woman"} & set(one.caption_words or [])]
    hats = [one for one in spoken if "hat" in {each.label for each in one.truth.detections}]
    return (hats or spoken)[0]


@pytest.fixture
def panel(demo: Demo, page: Page, person: Any) -> Locator:
    return open_on(person, demo, page)


def open_on(person: Any, demo: Demo, page: Page) -> Locator:
    """The panel beside the samples, on that sample, its models loaded."""
    page.goto(f"{demo.url}datasets/capviz-demo")
    expect(page.locator("[data-cy='panel-content-Samples']")).to_be_visible()
    open_panel(page, "caption_steering")
    operator(page, "set_selected_samples", samples=[person.id])
    found = page.locator("[data-cy='capviz-steering']")
    expect(found.get_by_text(Path(person.filepath).name)).to_be_visible()
    expect(patch(found, 0, 0)).to_be_visible()
    return found


def part(panel: Locator, name: str) -> Locator:
    return panel.locator(f"[data-cy='capviz-{name}']")


def patch(panel: Locator, row: int, column: int) -> Locator:
    return panel.locator(f"[data-patch='{row},{column}']")


def prompt_for(person: Any) -> str:
    return f"the {'woman' if 'woman' in person.caption_words else 'man'} is wearing"


def ask(panel: Locator, prompt: str) -> None:
    """Write a prompt, and wait for a caption that goes on from it."""
    part(panel, "prompt").fill(prompt)
    part(panel, "generate").click()
    expect(part(panel, "new-caption")).to_contain_text(f"{prompt} ")


def test_a_prompt_gives_a_caption_with_its_new_words_marked(
    panel: Locator, page: Page, person: Any, keep: Keep
) -> None:
    expect(part(panel, "present-caption")).to_have_text(person.caption)
    ask(panel, prompt_for(person))
    expect(part(panel, "new-caption")).to_have_text(WEARING)
    expect(part(panel, "new-caption").locator("mark").first).to_be_visible()
    expect(panel.get_by_text("ITM").nth(1)).to_be_visible()
    ask(panel, "there is")
    attempts = part(panel, "attempt")
    expect(attempts.nth(1)).to_be_visible()
    keep(page, "steering-prompt")
    attempts.filter(has_text=prompt_for(person)).last.click()
    expect(part(panel, "prompt")).to_have_value(prompt_for(person))
    expect(part(panel, "new-caption")).to_have_text(WEARING)


def test_patches_and_segments_carry_weights(
    panel: Locator, page: Page, person: Any, keep: Keep
) -> None:
    patch(panel, 2, 3).click()
    expect(patch(panel, 2, 3)).to_have_attribute("data-weight", "3")
    part(panel, "weight").fill("12")
    expect(patch(panel, 2, 3)).to_have_attribute("data-weight", "12")
    expect(panel.get_by_text("12 times")).to_be_visible()
    patch(panel, 2, 3).click()
    expect(patch(panel, 2, 3)).not_to_have_attribute("data-weight", "12")
    start, end = patch(panel, 1, 1).bounding_box(), patch(panel, 1, 4).bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 4, start["y"] + 4)
    page.mouse.down()
    page.mouse.move(end["x"] + 4, end["y"] + 4, steps=2)
    page.mouse.up()
    expect(panel.locator("[data-patch][data-weight='12']")).to_have_count(4)
    part(panel, "add-selection").click()
    part(panel, "weight").fill("0")
    part(panel, "steer-segment").last.click()
    expect(panel.locator("[data-patch][data-weight='0']").first).to_be_visible()
    expect(panel.locator("[data-patch][data-weight='12']").first).to_be_visible()
    expect(part(panel, "new-caption")).to_have_text(re.compile(r"\w"))
    part(panel, "steer-method").select_option("contrast")
    expect(part(panel, "weight")).not_to_have_value("0")
    patch(panel, 0, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(patch(panel, 0, 1)).to_have_attribute("aria-selected", "true")
    keep(page, "steering-weights")


def test_find_weight_draws_the_sweep(panel: Locator, page: Page, person: Any, keep: Keep) -> None:
    ask(panel, prompt_for(person))
    part(panel, "steer-segment").first.click()
    part(panel, "wanted-word").fill("hats")
    part(panel, "find-weight").click()
    chart = part(panel, "weight-chart")
    expect(chart.get_by_role("button").nth(5)).to_be_visible()
    expect(part(panel, "found-weight")).to_contain_text("hat")
    expect(part(panel, "suggestion").filter(has_text="%").first).to_be_visible()
    keep(page, "steering-find-weight")
    chart.get_by_role("button").nth(3).click()
    expect(part(panel, "weight")).to_have_value("2")


def test_the_recipe_for_all_is_accepted_and_undone(
    panel: Locator, page: Page, dataset: Any, person: Any, keep: Keep
) -> None:
    before, caption, prompt = dataset.values("caption"), person.caption, prompt_for(person)
    ask(panel, prompt)
    part(panel, "wanted-word").fill("hat")
    expect(part(panel, "scope")).to_have_value("selected")  # the person's sample is ticked
    expect(part(panel, "scope")).to_contain_text("Selected sample (1)")
    expect(part(panel, "scope")).to_contain_text(f"Current view ({SCENES})")
    part(panel, "scope").select_option("view")
    part(panel, "apply").click()
    rate = part(panel, "success-rate")
    expect(rate).to_have_text(re.compile(r"\d+ of \d+ that did not say “hat” now do"))
    expect(part(panel, "candidate").first).to_be_visible()
    keep(page, "steering-applied")
    part(panel, "accept").click()
    expect(part(panel, "undo")).to_have_text(f"Undo ({SCENES})")
    dataset.reload()
    assert all(text.startswith(prompt) for text in dataset.values("caption"))
    expect(part(panel, "present-caption")).to_have_text(WEARING)
    part(panel, "undo").click()
    expect(part(panel, "undo")).to_have_text("Undo")
    expect(part(panel, "present-caption")).to_have_text(caption)
    dataset.reload()
    assert dataset.values("caption") == before


def test_the_recipe_goes_to_what_is_marked_in_the_app(
    panel: Locator, page: Page, dataset: Any, person: Any
) -> None:
    ids = dataset.values("id")
    operator(page, "set_extended_selection", selection=ids[:5], scope="global")
    expect(part(panel, "scope")).to_contain_text("Lassoed in the plot (5)")
    operator(page, "set_selected_samples", samples=ids[:2])
    expect(part(panel, "scope")).to_contain_text("Selected samples (2)")
    ask(panel, prompt_for(person))
    part(panel, "wanted-word").fill("submarine")
    part(panel, "apply").click()
    expect(part(panel, "success-rate")).to_have_text("0 of 2 that did not say “submarine” now do")
    part(panel, "failures").click()
    expect(page.get_by_text("2 samples").first).to_be_visible()
    part(panel, "discard").click()
    expect(part(panel, "success-rate")).to_have_count(0)
    operator(page, "clear_view")  # the session would remember it
    expect_samples(page, SCENES)


def test_the_recipe_goes_to_a_lasso_drawn_before_the_panel_was_opened(
    demo: Demo, page: Page, dataset: Any
) -> None:
    page.goto(f"{demo.url}datasets/capviz-demo?workspace=captions")
    graph = page.locator("[data-cy='capviz-word-graph']")
    expect(graph.locator("[data-pair]").first).to_be_visible()
    expect(
        page.locator("[data-cy='panel-content-Embeddings']").get_by_text("points")
    ).to_be_visible()
    lasso(page)
    chip = graph.locator("[data-cy=capviz-lasso]")
    expect(chip).to_be_visible()
    images = int((chip.text_content() or "").split()[1])
    page.locator("[data-cy='panel-tab-caption_steering']").first.click()
    panel = page.locator("[data-cy='capviz-steering']")
    expect(part(panel, "scope")).to_contain_text(re.compile(rf"asso.*in the plot \({images}\)"))
    expect(part(panel, "source")).to_contain_text(re.compile("lasso"))
    page.locator("[data-cy='panel-tab-word_graph']").first.click()
    operator(page, "set_extended_selection", reset=True)  # the session would remember it
    expect_samples(page, SCENES)


def test_one_caption_is_accepted_and_undone_in_the_modal(
    demo: Demo, page: Page, dataset: Any, person: Any, keep: Keep
) -> None:
    caption, prompt = person.caption, prompt_for(person)
    page.goto(f"{demo.url}datasets/capviz-demo?workspace=captions")
    expect(page.locator("[data-cy='panel-content-Samples']")).to_be_visible()
    # What is open besides shows the new caption, too.
    words = page.locator("[data-cy='capviz-word-graph'] [data-word]")
    expect(words.first).to_be_visible()
    page.locator("[data-cy='panel-tab-segment_gallery']").first.click()
    cards = page.locator("[data-cy='capviz-segment-card']")
    expect(cards.first).to_be_visible()
    only_file(page, person.filepath)
    expect(cards.first).to_contain_text(caption)
    expect(page.locator("[data-cy='capviz-word-graph']").get_by_text("1 caption")).to_be_visible()
    named = set(words.evaluate_all("all => all.map((one) => one.dataset.word)"))
    operator(page, "open_sample", id=person.id)
    modal = page.locator("[data-cy='modal']")
    modal.locator("[data-cy='panel-tab-caption_steering']").first.click()
    panel = part(modal, "steering")
    expect(panel.get_by_text(Path(person.filepath).name)).to_be_visible()
    expect(patch(panel, 0, 0)).to_be_visible()
    ask(panel, prompt)
    keep(page, "steering-modal")
    part(panel, "accept").click()
    expect(part(panel, "undo")).to_have_text("Undo (1)")
    dataset.reload()
    assert dataset[person.id].caption.startswith(prompt)
    new = set(dataset[person.id].caption_words) - named
    assert new
    expect(page.locator(f"[data-cy='capviz-word-graph'] [data-word='{new.pop()}']")).to_be_visible()
    expect(cards.first).to_contain_text(prompt)
    part(panel, "undo").click()
    expect(part(panel, "undo")).to_have_text("Undo")
    expect(part(panel, "present-caption")).to_have_text(caption)
    expect(cards.first).to_contain_text(caption)
    expect_samples(page, 1)  # a reload of the dataset alone would drop the filter
    close_sample(page)
    operator(page, "set_filters")


def test_a_caption_that_looks_like_markup_is_text(
    demo: Demo, page: Page, dataset: Any, person: Any
) -> None:
    text = "<img src=x onerror=alert(1)>"
    alerts: list[str] = []

    def note(dialog: Dialog) -> None:
        alerts.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    old, person.caption = person.caption, text
    person.save()
    try:
        panel = open_on(person, demo, page)
        expect(part(panel, "present-caption")).to_have_text(text)
        assert alerts == []
    finally:
        person.caption = old
        person.save()


def test_without_captions_the_panel_says_what_to_do(
    demo: Demo, page: Page, tmp_path: Path, keep: Keep
) -> None:
    from tests.worlds.random_world import image_dataset

    plain = image_dataset(tmp_path, 1, name="capviz-plain")
    try:
        page.goto(f"{demo.url}datasets/capviz-plain")
        expect(page.get_by_text("1 sample").first).to_be_visible()
        open_panel(page, "caption_steering")
        panel = page.locator("[data-cy='capviz-steering']")
        expect(panel.get_by_text("No captions yet")).to_be_visible()
        keep(page, "steering-empty")
        panel.get_by_role("button", name="Analyze captions").click()
        expect(page.get_by_role("dialog").get_by_text("Captioner", exact=True)).to_be_visible()
    finally:
        plain.delete()


def test_the_light_theme(panel: Locator, page: Page, person: Any, keep: Keep) -> None:
    ask(panel, prompt_for(person))
    dark = panel.evaluate("one => getComputedStyle(one).backgroundColor")
    page.locator("[data-testid='LightModeIcon']").first.click()
    expect(panel).not_to_have_css("background-color", dark)
    keep(page, "steering-light")
    page.locator("[data-testid='DarkModeIcon']").first.click()
    expect(panel).to_have_css("background-color", dark)

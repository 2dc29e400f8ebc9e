"""How fast the panels answer in the real App, on many captions and on scenes.

    python -m benchmarks.panels ../shared/data/captions/flickr8k.token.txt

A FiftyOne of its own in a temporary folder, headless Chromium, the App's own clock. Measured:

- tick and draw of 300 words and 2,000 links, per frame, by the page's `performance` entries, and
  how far apart these frames are;
- a view change on 40,000 captions, until the graph shows the other counts: from rest, and while
  the App still loads what the change before has shown;
- a click on a word there, with 20,000 segments on the map, until the grid has narrowed and until
  the plot has its new colors;
- one steered caption of a scene, from the click to the answer, with the models of the bundled
  world.

The file holds one caption per line, after the last tab if there is one. Each figure is the median
of some repetitions, and the worst of them.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, Response, sync_playwright

CAPTIONS = Path("../shared/data/captions/flickr8k.token.txt")
MANY = "capviz-many"
FEW = "capviz-few"
GRID = 4
REPEAT = 5
QUIET_SECONDS = 1.0
COUNTED = re.compile(r"links · [\d,]+ captions")
FLAGS = ("--no-sandbox", "--enable-unsafe-swiftshader")
_ENTRIES = "performance.getEntriesByName('capviz-word-graph-frame')"
FRAMES = f"{_ENTRIES}.map((one) => one.duration)"
STARTS = f"{_ENTRIES}.map((one) => one.startTime)"

STEERED = """(prompt) => new Promise((resolve) => {
  const started = performance.now();
  const shown = () => document.querySelector("[data-cy='capviz-new-caption']")?.innerText ?? "";
  const look = () =>
    shown().startsWith(prompt) ? resolve(performance.now() - started) : requestAnimationFrame(look);
  document.querySelector("[data-cy='capviz-generate']").click();
  look();
})"""
"""In the page itself: from the click to the frame with the caption."""


def main() -> None:
    """Make the datasets, open the App, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captions", type=Path, nargs="?", default=CAPTIONS)
    parser.add_argument("--n", type=int, default=40_000, help="captions")
    parser.add_argument("--segments", type=int, default=20_000, help="on the map")
    asked = parser.parse_args()
    lines = asked.captions.read_text("utf-8").splitlines()
    texts = [line.rsplit("\t", 1)[-1] for line in lines][: asked.n]
    home = Path(tempfile.mkdtemp(prefix="capviz-panels-"))
    try:
        _own_fiftyone(home)
        import fiftyone as fo

        _many(home, texts, asked.segments)
        _few(home)
        session = fo.launch_app(
            fo.load_dataset(MANY), port=_free_port(), address="127.0.0.1", remote=True
        )
        with _page() as page:
            url = f"http://127.0.0.1:{session.server_port}/"
            _measure(page, url, len(texts), asked.segments)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _own_fiftyone(home: Path) -> None:
    for name in ("database", "datasets", "plugins"):
        (home / name).mkdir()
    os.environ.update(
        FIFTYONE_CONFIG_PATH=str(home / "config.json"),
        FIFTYONE_APP_CONFIG_PATH=str(home / "app_config.json"),
        FIFTYONE_DATABASE_DIR=str(home / "database"),
        FIFTYONE_DATABASE_NAME=f"capviz-panels-{os.getpid()}",
        FIFTYONE_DEFAULT_DATASET_DIR=str(home / "datasets"),
        FIFTYONE_PLUGINS_DIR=str(home / "plugins"),
        FIFTYONE_DO_NOT_TRACK="1",
        FIFTYONE_SHOW_PROGRESS_BARS="false",
    )
    from fiftyone_capviz.installation.plugin_link import link_plugin

    link_plugin(home / "plugins", folder=Path(__file__).resolve().parent.parent)


def _many(home: Path, texts: Sequence[str], segments: int) -> None:
    """Samples with these captions, each segment on a sample of its own, scored at random."""
    import fiftyone as fo

    from fiftyone_capviz.curation.app.workspace import save_workspace
    from fiftyone_capviz.curation.dataset.documents import text_hash
    from fiftyone_capviz.curation.dataset.map_run import register_map
    from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields
    from fiftyone_capviz.curation.dataset.runs import RunRecord, set_active_caption, write_run
    from fiftyone_capviz.curation.dataset.schema import declare_fields
    from fiftyone_capviz.curation.segments.active import segment_values
    from fiftyone_capviz.settings.analysis import AnalysisOptions
    from fiftyone_capviz.text.words import words_of_corpus

    image = home / "image.png"
    Image.fromarray(np.full((48, 48, 3), 128, np.uint8)).save(image)
    rng = np.random.default_rng(0)
    names, marks = CaptionFields("caption"), SegmentFields("segments")
    dataset = fo.Dataset(MANY)
    declare_fields(dataset, names, marks)
    weights = np.zeros((GRID, GRID), np.float16)
    weights[0] = 1 / GRID**2
    samples = []
    for i, (text, words) in enumerate(zip(texts, words_of_corpus(texts), strict=True)):
        count = int(i < segments)
        scores = rng.normal(size=(count, len(words.words))).astype(np.float32)
        values, coverage = segment_values(
            scores,
            words.words,
            segments_field="segments",
            labels=["segment"] * count,
            top_words=[None] * count,
            ours=True,
        )
        segment = {path.rsplit(".", 1)[-1]: value for path, value in values.items()}
        found = [
            fo.Detection(
                bounding_box=[0.0, 0.0, 1.0, 0.25],
                mask=np.ones((12, 48), bool),
                area=0.25,
                patch_weights=weights,
                **segment,
            )
        ] * count
        samples.append(
            fo.Sample(
                filepath=str(image),
                metadata=fo.ImageMetadata(width=48, height=48, num_channels=3),
                segments=fo.Detections(detections=found),
                **{
                    names.caption: text,
                    names.itm: float(rng.random()),
                    names.words: list(words.words),
                    names.word_tags: list(words.tags),
                    names.scores: scores,
                    names.coverage: coverage if count else None,
                    names.stages: {"text": text_hash(text), "written": text_hash(text)},
                    marks.stage: "0" * 16,
                },
            )
        )
    dataset.add_samples(samples)
    ids = dataset.values("segments.detections.id", unwind=True)
    register_map(dataset, "segments", label_ids=ids, points=rng.normal(size=(len(ids), 2)))
    options = AnalysisOptions(captioner="scenes", matcher="scenes", segmenter="scenes")
    write_run(dataset, RunRecord("caption", "segments", options=options.to_dict(), state="done"))
    set_active_caption(dataset, "segments", "caption")
    save_workspace(dataset, options)
    dataset.persistent = True


def _few(home: Path) -> None:
    """Some scenes, analysed with the bundled models."""
    from fiftyone_capviz.curation.analysis.analyze import analyze
    from fiftyone_capviz.curation.app.workspace import save_workspace
    from fiftyone_capviz.curation.demo import make_scenes, scenes_dataset
    from fiftyone_capviz.settings.analysis import AnalysisOptions

    make_scenes(12, seed=0, folder=home / "scenes")
    dataset = scenes_dataset(FEW, home / "scenes")
    options = AnalysisOptions(captioner="scenes", matcher="scenes", segmenter="scenes")
    analyze(dataset, options)
    save_workspace(dataset, options)


def _measure(page: Page, url: str, captions: int, segments: int) -> None:
    page.goto(f"{url}datasets/{MANY}?workspace=captions")
    panel = page.locator("[data-cy=capviz-word-graph]")
    panel.locator("[data-pair]").first.wait_for()
    page.locator("[data-cy='panel-content-Embeddings']").get_by_text("points").wait_for()
    _quiet(page)
    print(f"{captions:,} captions, {segments:,} segments\n")
    print(f"{'':<62}{'median':>9}{'worst':>9}  target")
    _frames(page, panel)
    _views(page, panel, captions)
    _clicks(page, panel)
    _steering(page, url)


def _frames(page: Page, panel: Locator) -> None:
    """All frames from the first to the last one that moves a word, and those that follow it."""
    panel.locator("[data-cy=capviz-top]").fill("300")
    page.wait_for_function("document.querySelectorAll('[data-word]').length === 300")
    _still(page)
    times: list[float] = []
    between: list[float] = []
    for _ in range(REPEAT):
        page.evaluate("performance.clearMeasures()")
        panel.locator("[data-cy=capviz-relayout]").click()
        page.wait_for_function(f"{FRAMES}.length > 20")
        _still(page)
        times += page.evaluate(FRAMES)
        between += np.diff(page.evaluate(STARTS)).tolist()
    words, links = panel.locator("[data-word]").count(), panel.locator("[data-pair]").count()
    _report(f"tick and draw, {words} words and {links:,} links", times, "16 ms")
    _report("from one such frame to the next, as the browser shows them", between)
    panel.locator("[data-cy=capviz-top]").fill("100")
    _still(page)


def _still(page: Page) -> None:
    """Wait until the graph has come to rest."""
    drawn = -1
    while drawn != (now := page.evaluate(f"{FRAMES}.length")):
        drawn = now
        page.wait_for_timeout(500)


def _views(page: Page, panel: Locator, captions: int) -> None:
    """From rest; and while the App still loads the rows and points of the change before."""
    for rest in (True, False):
        times = []
        for limit in np.linspace(0.1, 0.9, REPEAT).tolist():
            filters = {"caption_itm": {"range": [limit, 1.0], "none": False, "exclude": False}}
            before = panel.get_by_text(COUNTED).first.inner_text()
            started = time.perf_counter()
            _operator(page, "set_filters", **filters)
            _until_other(page, before)
            times.append(1000 * (time.perf_counter() - started))
            if rest:
                _quiet(page)
        when = "graph redrawn" if rest else "one right after another"
        _report(f"view change on {captions:,} captions, {when}", times, "1,000 ms" * rest)
        _operator(page, "set_filters")
        _quiet(page)


def _until_other(page: Page, before: str) -> None:
    page.wait_for_function(
        "(before) => { const panel = document.querySelector('[data-cy=capviz-word-graph]');"
        " return panel.getAttribute('aria-busy') !== 'true' && !panel.innerText.includes(before) }",
        arg=before,
    )


def _clicks(page: Page, panel: Locator) -> None:
    names = panel.locator("[data-word]").evaluate_all("all => all.map(one => one.dataset.word)")
    samples = page.locator("[data-cy='panel-content-Samples']")
    grid, plot = [], []
    for name in names[1 : REPEAT + 1]:
        asked: list[float] = []

        def note(response: Response, asked: list[float] = asked) -> None:
            if "embeddings" in response.url:
                asked.append(time.perf_counter())

        everything = samples.get_by_text("samples").first.inner_text()
        page.on("response", note)
        started = time.perf_counter()
        panel.locator(f"[data-word='{name}']").click()
        samples.get_by_text(everything, exact=True).wait_for(state="hidden")
        grid.append(1000 * (time.perf_counter() - started))
        _quiet(page)
        _colored(page, "attention")
        _quiet(page)
        plot.append(1000 * (max(asked) - started))
        page.remove_listener("response", note)
        page.keyboard.press("Escape")
        samples.get_by_text(everything, exact=True).wait_for()
        _colored(page, "coverage")
        _quiet(page)
    _report("word clicked, grid narrowed", grid)
    _report("word clicked, plot has its colors", plot)


def _quiet(page: Page) -> None:
    """Wait until nothing has been answered for a while; the App keeps a stream of events open."""
    last = [time.perf_counter()]

    def note(_: Response) -> None:
        last[0] = time.perf_counter()

    page.on("response", note)
    while time.perf_counter() - last[0] < QUIET_SECONDS:
        page.wait_for_timeout(100)
    page.remove_listener("response", note)


def _colored(page: Page, attribute: str) -> None:
    plot = page.locator("[data-cy='panel-content-Embeddings']")
    plot.get_by_text(f"segments.detections.{attribute}").first.wait_for()


def _steering(page: Page, url: str) -> None:
    page.goto(f"{url}datasets/{FEW}?workspace=captions")
    page.locator("[data-cy='panel-tab-caption_steering']").first.click()
    panel = page.locator("[data-cy='capviz-steering']")
    panel.locator("[data-patch]").first.wait_for()
    panel.locator("[data-cy='capviz-live']").uncheck()
    _quiet(page)
    times = []
    for number in range(3 * REPEAT):
        prompt = ("the man is wearing", "the woman has", "there is")[number % 3]
        panel.locator("[data-cy='capviz-prompt']").fill(prompt)
        times.append(page.evaluate(STEERED, prompt))
    _report("one scene steered, caption shown", times[3:], "300 ms")


def _operator(page: Page, uri: str, **params: Any) -> None:
    page.evaluate("([uri, params]) => __foo__.executeOperator(uri, params)", [uri, params])


def _report(name: str, times: Sequence[float], target: str = "") -> None:
    print(f"{name:<62}{np.median(times):>6,.0f} ms{max(times):>6,.0f} ms  {target}", flush=True)


@contextmanager
def _page() -> Iterator[Page]:
    chromium = os.environ.get("CAPVIZ_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.add_init_script("window.IS_PLAYWRIGHT = true")
        page.set_default_timeout(120_000)
        yield page
        browser.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()

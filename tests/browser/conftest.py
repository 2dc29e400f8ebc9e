"""The demo's App in a server of its own, and headless Chromium looking at it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect, sync_playwright

SCENES = 12
_FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",
)
_START_SECONDS = 420
_WAIT_MILLISECONDS = 60_000


@dataclass(frozen=True)
class Demo:
    """A running `capviz demo`."""

    url: str
    port: int
    process: subprocess.Popen[str]
    log: Path

    def end(self) -> int:
        """End it as a service manager would; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One demo serves all: what it opens with is looked at first, the test that ends it last."""

    def turn(item: pytest.Item) -> int:
        if item.get_closest_marker("ends_the_demo"):
            return 2
        return 0 if "browser/test_demo_app" in item.nodeid else 1

    places = [i for i, item in enumerate(items) if "tests/browser" in item.nodeid]
    ordered = sorted((items[i] for i in places), key=turn)
    for i, item in zip(places, ordered, strict=True):
        items[i] = item


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`capviz demo` on a few scenes, until its App is open."""
    log = tmp_path_factory.mktemp("demo") / "demo.log"
    port = _free_port()
    command = [sys.executable, "-m", "fiftyone_capviz.cli", "demo"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--n", str(SCENES), "--port", str(port), "--address", "127.0.0.1"],
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    started = Demo(f"http://127.0.0.1:{port}/", port, process, log)
    limit = time.monotonic() + _START_SECONDS
    while "The App is open" not in log.read_text():
        if process.poll() is not None or time.monotonic() > limit:
            process.kill()
            pytest.fail(f"The demo did not open the App:\n{log.read_text()[-3000:]}")
        time.sleep(0.5)
    yield started
    if process.poll() is None:
        started.end()


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    """A page that reaches nothing but this machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        opened = browser.new_page(viewport={"width": 1600, "height": 900})
        opened.add_init_script("window.IS_PLAYWRIGHT = true")
        opened.route("**/*", _only_local)
        opened.set_default_timeout(_WAIT_MILLISECONDS)
        expect.set_options(timeout=_WAIT_MILLISECONDS)
        yield opened
        browser.close()


def _only_local(route: Route) -> None:
    url = route.request.url
    if url.startswith(("data:", "blob:", "http://127.0.0.1", "http://localhost")):
        route.continue_()
    else:
        route.abort()


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[Page, str], Path]:
    """Takes a screenshot into $CAPVIZ_SCREENSHOTS, or into the test's own folder."""
    folder = Path(os.environ.get("CAPVIZ_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def take(opened: Page, name: str) -> Path:
        path = folder / f"{name}.png"
        opened.screenshot(path=path)
        return path

    return take

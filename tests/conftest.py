"""What every test stands on: a FiftyOne of its own, made before anything imports FiftyOne.

The database, the plugins and the configuration live in a temporary folder, and end with the run.
Real MongoDB and real FiftyOne; where FIFTYONE_DATABASE_URI names a server (no mongod of FiftyOne's
own), or where a FiftyOne runs already, whose server is shared, a database of our own name is used
there and dropped at the end.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if "fiftyone" in sys.modules:
    raise RuntimeError("fiftyone was imported before tests/conftest.py could give it a place")

REPOSITORY = Path(__file__).resolve().parent.parent
# Workers of one run share the place, and so FiftyOne's one server; the run itself cleans it up.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
HOME = Path(os.environ["CAPVIZ_TESTS_HOME"] if IS_WORKER else tempfile.mkdtemp("", "capviz-tests-"))
os.environ["CAPVIZ_TESTS_HOME"] = str(HOME)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


for _folder in ("database", "datasets", "plugins", "zoo"):
    (HOME / _folder).mkdir(exist_ok=True)
_PLACES = {
    "FIFTYONE_CONFIG_PATH": str(HOME / "config.json"),
    "FIFTYONE_APP_CONFIG_PATH": str(HOME / "app_config.json"),
    "FIFTYONE_DATABASE_DIR": str(HOME / "database"),
    "FIFTYONE_DATABASE_NAME": f"capviz-tests-{os.getpid()}",
    "FIFTYONE_DATABASE_VALIDATION": "false",
    "FIFTYONE_DEFAULT_DATASET_DIR": str(HOME / "datasets"),
    "FIFTYONE_DATASET_ZOO_DIR": str(HOME / "zoo"),
    "FIFTYONE_MODEL_ZOO_DIR": str(HOME / "zoo"),
    "FIFTYONE_PLUGINS_DIR": str(HOME / "plugins"),
    "FIFTYONE_DEFAULT_APP_PORT": str(_free_port()),
    "FIFTYONE_DEFAULT_APP_ADDRESS": "127.0.0.1",
    "FIFTYONE_DO_NOT_TRACK": "1",
    "FIFTYONE_SHOW_PROGRESS_BARS": "false",
}
os.environ.update(_PLACES)

# The tests' models have a few thousand weights: a second thread waits longer than it works, and on
# a busy machine several times as long. NUMBA's number is that of PyTorch, too, once UMAP has run.
for _threads in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

# After the environment is set: the plugin of this checkout, where FiftyOne will look for it.
from fiftyone_capviz.installation.plugin_link import link_plugin  # noqa: E402

link_plugin(HOME / "plugins", folder=REPOSITORY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and say why; CI runs the browser tests in any case."""
    browser = None if find_chromium() or os.environ.get("CI") == "true" else "no Chromium"
    gpu: str | None = None
    if any(item.get_closest_marker("gpu") for item in items):
        import torch

        gpu = None if torch.cuda.is_available() else "no CUDA"
    hub = None if os.environ.get("CAPVIZ_TEST_HUB") == "1" else "CAPVIZ_TEST_HUB=1 runs it"
    for item in items:
        for marker, reason in (("browser", browser), ("gpu", gpu), ("hub", hub)):
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_unconfigure() -> None:
    """End the database and the App's servers that this run started, and nothing else."""
    if "fiftyone" in sys.modules:
        _drop_own_database()
    if not IS_WORKER:
        _end_own_processes()
        shutil.rmtree(HOME, ignore_errors=True)


def _drop_own_database() -> None:
    """In any case: where FiftyOne runs already, it shares that one's server."""
    import fiftyone.core.odm as foo

    foo.get_db_client().drop_database(_PLACES["FIFTYONE_DATABASE_NAME"])


def _end_own_processes() -> None:
    """Those with our folder in their environment: FiftyOne's own clean-up can be late or fail."""
    import psutil

    own = []
    for process in psutil.process_iter():
        try:
            place = process.environ().get("FIFTYONE_DATABASE_DIR")
        except psutil.Error:
            continue
        if place == _PLACES["FIFTYONE_DATABASE_DIR"] and process.pid != os.getpid():
            own.append(process)
    for process in own:
        try:
            process.terminate()
        except psutil.Error:
            continue
    _, alive = psutil.wait_procs(own, timeout=10)
    for process in alive:
        process.kill()


def find_chromium() -> str | None:
    """Path of the browser; the names are those of .ci/chromium."""
    named = os.environ.get("CAPVIZ_CHROMIUM")
    for name in (named, "chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name) if name else None
        if path:
            return path
    return None


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's root."""
    return REPOSITORY


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser. Absent: tests marked `browser` are skipped before they ask; CI fails."""
    path = find_chromium()
    if path is None:
        pytest.fail("The browser tests need Chromium: apt-get install chromium")
    return path


@pytest.fixture(scope="session")
def shared_data(repository: Path) -> Path:
    """The real photographs and captions beside the checkout; absent, the test is skipped."""
    folder = repository.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no shared/data beside the checkout")
    return folder


@pytest.fixture
def two_threads() -> Iterator[None]:
    """PyTorch as a user has it: with more than one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def plugins_dir(tmp_path: Path) -> Path:
    """An empty plugins folder."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    return folder


@pytest.fixture
def new_dataset() -> Iterator[Callable[[list[Path]], Any]]:
    """Makes datasets from image paths, and deletes them after the test."""
    import fiftyone as fo

    made = []

    def make(paths: list[Path]) -> Any:
        dataset = fo.Dataset()
        made.append(dataset)
        dataset.add_samples([fo.Sample(filepath=str(path)) for path in paths])
        return dataset

    yield make
    for dataset in made:
        if not dataset.deleted:
            dataset.delete()


@pytest.fixture(scope="session")
def analysed_images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Four images analysed with small random models; tests change clones of it only."""
    from fiftyone_capviz.curation.analysis.analyze import analyze
    from tests.worlds.random_world import image_dataset, random_options

    made = image_dataset(tmp_path_factory.mktemp("images"), 4)
    analyze(made, random_options())
    yield made
    made.delete()


@pytest.fixture
def analysed_clone(analysed_images: Any) -> Iterator[Any]:
    """A dataset like `analysed_images` that the test may change."""
    clone = analysed_images.clone()
    yield clone
    clone.delete()


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Any]:
    """Five images as an analysis leaves them, made without any model."""
    from tests.worlds.analysed import analysed_dataset

    made = analysed_dataset(tmp_path)
    yield made
    made.delete()


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small random BLIP captioner."""
    from tests.worlds.blip_checkpoints import small_captioner

    return small_captioner(tmp_path_factory.mktemp("captioner"))


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small random BLIP matcher."""
    from tests.worlds.blip_checkpoints import small_matcher

    return small_matcher(tmp_path_factory.mktemp("matcher"))


@pytest.fixture(scope="module")
def cache() -> Any:
    """Of models: each is loaded once for the tests of a file."""
    from fiftyone_capviz.models.cache import ModelCache

    return ModelCache()


@pytest.fixture
def image(analysed_clone: Any) -> Any:
    """The first image of `analysed_clone`, read for steering."""
    from fiftyone_capviz.curation.steering.image import read_image
    from tests.worlds.random_world import random_options

    return read_image(analysed_clone, analysed_clone.first().id, random_options())

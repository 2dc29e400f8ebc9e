"""The database dies in mid-run: one plain sentence, and the next run goes on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fiftyone.core.service import DatabaseService

from tests.worlds.random_world import draw_image, weights_folder

COUNT = 8
SCRIPT = """
import sys
import time
import fiftyone as fo
from pathlib import Path
from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.errors import DatabaseError
from tests.worlds.random_world import random_options

if fo.dataset_exists("lost"):
    dataset = fo.load_dataset("lost")
else:
    dataset = fo.Dataset("lost", persistent=True)
    images = sorted(Path(sys.argv[2]).glob("*.png"))
    dataset.add_samples([fo.Sample(filepath=str(image)) for image in images])

def tell(progress):
    print(progress.stage, progress.done, flush=True)
    if progress.done == 4:
        sys.stdin.readline()

try:
    report = analyze(dataset, random_options(Path(sys.argv[1]), batch_size=2), progress=tell)
    print("finished", report.counts["done"], report.skipped, flush=True)
except DatabaseError as error:
    print("refused", error, flush=True)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_database(home: Path, port: int) -> subprocess.Popen[bytes]:
    """A mongod of this test's own: FiftyOne would share that of the other tests."""
    command = [DatabaseService.find_mongod(), "--dbpath", str(home), "--port", str(port)]
    process = subprocess.Popen([*command, "--bind_ip", "127.0.0.1"], stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.2)
    process.kill()
    raise AssertionError("mongod did not start")


def run(port: int, images: Path, repository: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(repository),
        "OMP_NUM_THREADS": "1",
        "FIFTYONE_DATABASE_URI": f"mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=5000",
        "FIFTYONE_DATABASE_NAME": "lost",
    }
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(weights_folder()), str(images)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=repository,
    )


def wait_for(process: subprocess.Popen[str], beginning: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning):
            return line
    raise AssertionError(f"the run ended without {beginning!r}")


def press_enter(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.slow
def test_a_database_killed_in_mid_run(tmp_path: Path, repository: Path) -> None:
    home, images = tmp_path / "database", tmp_path / "images"
    home.mkdir()
    images.mkdir()
    for index in range(COUNT):
        draw_image(images / f"{index}.png", seed=index)
    port = free_port()

    database = start_database(home, port)
    try:
        with run(port, images, repository) as process:
            wait_for(process, "samples 4")
            database.kill()
            database.wait(10)
            press_enter(process)
            message = wait_for(process, "refused")
        assert "are stored and stay; start it and run the same again" in message

        database = start_database(home, port)
        with run(port, images, repository) as process:
            press_enter(process)
            done, skipped = (int(word) for word in wait_for(process, "finished").split()[1:])
    finally:
        database.kill()
        database.wait(10)
    assert done + skipped == COUNT
    assert skipped <= 4

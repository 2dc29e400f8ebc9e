"""The database dies in mid-run: one plain sentence, and the next run goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.curation.random_world import draw_image, weights_folder

COUNT = 8
SCRIPT = """
import sys
import time
import fiftyone as fo
from pathlib import Path
from fiftyone_capviz.curation.pipeline import analyze
from fiftyone_capviz.errors import DatabaseError
from tests.curation.random_world import random_options

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


def run(home: Path, images: Path, repository: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(repository),
        "OMP_NUM_THREADS": "1",
        "FIFTYONE_DATABASE_DIR": str(home),
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


def database_of(home: Path) -> psutil.Process:
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "mongod" and str(home) in process.info["cmdline"]:
            return process
    raise AssertionError("no mongod runs here")


@pytest.mark.slow
@pytest.mark.skipif(
    bool(os.environ.get("FIFTYONE_DATABASE_URI")), reason="the database is not ours to kill"
)
def test_a_database_killed_in_mid_run(tmp_path: Path, repository: Path) -> None:
    home, images = tmp_path / "database", tmp_path / "images"
    home.mkdir()
    images.mkdir()
    for index in range(COUNT):
        draw_image(images / f"{index}.png", seed=index)

    with run(home, images, repository) as process:
        wait_for(process, "samples 4")
        killed = database_of(home)
        killed.kill()
        killed.wait(10)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        message = wait_for(process, "refused")
    assert "are stored and stay; start it and run the same again" in message

    with run(home, images, repository) as process:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        done, skipped = (int(word) for word in wait_for(process, "finished").split()[1:])
    assert done + skipped == COUNT
    assert 2 <= skipped <= 4

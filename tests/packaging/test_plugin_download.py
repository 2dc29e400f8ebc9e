"""`fiftyone plugins download` of a zip: the repository's, or that of `make dist`."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

SKIPPED = {"__pycache__", "build", "dist", "node_modules", "weights"}


def _zip_repository(repository: Path, archive: Path) -> None:
    """As a hosting site does: one folder, named after the branch. No weights: quicker."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for root, folders, files in os.walk(repository):
            here = Path(root).relative_to(repository)
            folders[:] = [
                name
                for name in folders
                if not name.startswith(".") and (name not in SKIPPED or here.parts == ("panels",))
            ]
            for name in files:
                zipped.write(Path(root) / name, Path("fiftyone-capviz-main") / here / name)


@pytest.fixture(params=["repository", "distribution"])
def served_zip(
    request: pytest.FixtureRequest, repository: Path, distributions: Path, tmp_path: Path
) -> Iterator[str]:
    """Address of the zip: as a hosting site makes it, and as `make dist` does."""
    folder = tmp_path / "served"
    folder.mkdir()
    if request.param == "repository":
        _zip_repository(repository, folder / "capviz.zip")
    else:
        (made,) = distributions.glob("*-plugin.zip")
        shutil.copy(made, folder / "capviz.zip")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/capviz.zip"
        server.shutdown()
        thread.join()


# In an environment where the library is not installed: an editable install's finder is taken out.
LOAD = """
import json, sys
sys.meta_path[:] = [f for f in sys.meta_path if "__editable__" not in getattr(f, "__module__", "")]
import fiftyone.operators as foo
from fiftyone.plugins.context import build_plugin_contexts

ours = [c for c in build_plugin_contexts() if c.name == "@capviz/capviz"]
print(json.dumps({
    "errors": [error for context in ours for error in context.errors],
    "operators": [operator.name for context in ours for operator in context.instances],
    "library": sys.modules["fiftyone_capviz"].__file__,
    "torch": "torch" in sys.modules,
}))
"""


def _run(command: list[str], *, plugins_dir: Path, cwd: Path) -> str:
    environment = {**os.environ, "FIFTYONE_PLUGINS_DIR": str(plugins_dir)}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, cwd=cwd, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_downloaded_plugin_loads_with_the_library_it_brings(
    served_zip: str, plugins_dir: Path, tmp_path: Path, repository: Path
) -> None:
    command = str(Path(sys.executable).with_name("fiftyone"))
    _run([command, "plugins", "download", served_zip], plugins_dir=plugins_dir, cwd=tmp_path)

    folder = plugins_dir / "@capviz" / "capviz"
    assert (folder / "fiftyone.yml").is_file()
    printed = _run([sys.executable, "-c", LOAD], plugins_dir=plugins_dir, cwd=tmp_path)
    loaded = json.loads(printed.splitlines()[-1])
    manifest = yaml.safe_load((repository / "fiftyone.yml").read_text(encoding="utf-8"))
    assert loaded["errors"] == []
    assert sorted(loaded["operators"]) == sorted([*manifest["operators"], *manifest["panels"]])
    assert loaded["library"] == str(folder / "fiftyone_capviz" / "__init__.py")
    assert not loaded["torch"], "a request to the server must not pay for torch"

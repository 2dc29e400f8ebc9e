"""FiftyOne's entry to the plugin `@capviz/capviz`.

FiftyOne runs this file again on every request to its server, under a name of its own, so it
imports nothing heavy. The library is always imported as `fiftyone_capviz`: a relative import would
make a second copy of it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent


def register(plugin: Any) -> None:
    """Register the operators and panels, or one operator that says what to install first.

    Args:
        plugin: FiftyOne's plugin context.
    """
    if importlib.util.find_spec("fiftyone_capviz") is None:  # downloaded, not pip-installed
        sys.path.append(str(_ROOT))
    missing = _missing_packages()
    if missing:
        plugin.register(_setup_operator(missing))
        return

    from .operators import OPERATORS
    from .panels import PANELS

    for cls in (*OPERATORS, *PANELS):
        plugin.register(cls)


def _missing_packages() -> list[str]:
    """The packages of requirements.txt that are not installed; versions are pip's business."""
    requirements = _ROOT / "requirements.txt"
    if not requirements.is_file():
        return []
    missing = []
    for line in requirements.read_text(encoding="utf-8").split():
        name = line.partition(">")[0].partition("=")[0]
        try:
            importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    return missing


def _setup_operator(missing: list[str]) -> type:
    """An operator in the place of *Analyze captions* whose form tells what to run.

    Args:
        missing: names of the packages that are not installed, one at least.
    """
    import fiftyone.operators as foo
    from fiftyone.operators import types

    message = (
        f"@capviz/capviz needs packages that are not installed here: {', '.join(missing)}. "
        "Run `fiftyone plugins requirements @capviz/capviz --install` "
        "in the environment that runs FiftyOne, then restart the App."
    )

    class SetUpCapviz(foo.Operator):
        @property
        def config(self) -> foo.OperatorConfig:
            # The manifest lists no other name for it, and this is the entry that a user looks for.
            return foo.OperatorConfig(
                name="analyze_captions", label="Analyze captions (set-up needed)"
            )

        def resolve_input(self, ctx: Any) -> types.Property:
            inputs = types.Object()
            notice = inputs.view(
                "missing", types.Error(label="Packages missing", description=message)
            )
            notice.invalid = True
            return types.Property(inputs, view=types.View(label="Analyze captions"))

        def execute(self, ctx: Any) -> None:
            raise ModuleNotFoundError(message)

    return SetUpCapviz

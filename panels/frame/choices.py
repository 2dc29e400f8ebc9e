"""Choices of the settings as the panels' TypeScript takes them: a file that is generated.

    python -m panels.frame.choices      # writes panels/js/src/caption_steering/model/choices.ts

`tests/panels/test_choices.py` compares the file with what this makes.
"""

from __future__ import annotations

import json
from pathlib import Path

from fiftyone_capviz.settings.steering import (
    DEFAULT_STEERING_METHOD,
    DEFAULT_STEERING_WEIGHT,
    STEERING_METHODS,
)

STEERING_FILE = Path("panels/js/src/caption_steering/model/choices.ts")


def steering_choices() -> str:
    """The methods of steering with their names, and what is tried first."""
    keys = " | ".join(json.dumps(key) for key in STEERING_METHODS)
    rows = "\n".join(
        f"  {{ key: {json.dumps(key)}, name: {json.dumps(name)} }},"
        for key, name in STEERING_METHODS.items()
    )
    return f"""/** From fiftyone_capviz/settings/steering.py by `python -m panels.frame.choices`. */

export type Method = {keys};

export const METHODS: {{ key: Method; name: string }}[] = [
{rows}
];

/** What is tried first. */
export const DEFAULT_METHOD: Method = {json.dumps(DEFAULT_STEERING_METHOD)};
/** Of a selection to begin with, and where a method does not know the weight that it had. */
export const DEFAULT_WEIGHT = {DEFAULT_STEERING_WEIGHT:g};
"""


if __name__ == "__main__":
    STEERING_FILE.write_text(steering_choices(), encoding="utf-8")

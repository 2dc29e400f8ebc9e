"""The pairs of eighteen scenes, searched for words that speak against their image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fiftyone_capviz.curation.dataset.names import PairFields
from fiftyone_capviz.curation.pairs.mismatches import find_mismatches
from tests.worlds.pair_world import CAPTIONS, SETTINGS, models

COUNT = 18
NAMES = PairFields(CAPTIONS)
LAST = replace(SETTINGS, layer=1)
"""The last layer: closed forms, quick."""


def find(collection: Any, **options: Any) -> Any:
    """Search a view at the last layer, where `settings` say nothing else."""
    settings = options.pop("settings", LAST)
    found = find_mismatches(collection, settings, caption_field=CAPTIONS, cache=models(), **options)
    collection._root_dataset.reload()
    return found

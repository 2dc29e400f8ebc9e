"""The plugin's panels: one file, one class, one name in fiftyone.yml."""

from __future__ import annotations

import fiftyone.operators as foo

PANELS: tuple[type[foo.Panel], ...] = ()

__all__ = ["PANELS"]

"""The log file: the App's server swallows what is printed, so errors name this file instead."""

from __future__ import annotations

import logging
import os
import tempfile
from functools import lru_cache
from logging.handlers import RotatingFileHandler
from pathlib import Path

import fiftyone.constants as foc

LOG_ENV = "CAPVIZ_LOG_FILE"
MAX_BYTES = 2_000_000
_NAME = "fiftyone_capviz"


def log_file() -> Path:
    """Where the log is: ``$CAPVIZ_LOG_FILE``, else beside the log of FiftyOne's database."""
    chosen = os.environ.get(LOG_ENV)
    if chosen:
        return Path(chosen).expanduser()
    return Path(foc.FIFTYONE_CONFIG_DIR) / "var" / "log" / "capviz" / "capviz.log"


@lru_cache(maxsize=1)
def get_logger() -> logging.Logger:
    """The package's logger, writing to :func:`log_file` (or a temporary file if it may not)."""
    logger = logging.getLogger(_NAME)
    logger.setLevel(logging.INFO)
    handler = _file_handler(log_file()) or _file_handler(
        Path(tempfile.gettempdir()) / f"capviz-{os.getpid()}.log"
    )
    if handler is not None:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
    logger.propagate = False
    return logger


def _file_handler(path: Path) -> logging.Handler | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=2, delay=False)
    except OSError:
        return None

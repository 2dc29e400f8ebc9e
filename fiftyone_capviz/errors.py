"""The errors a user can act on.

    CapvizError
    ├── InputError               a wrong choice of field, view, option or file
    │   └── ExistingResultsError results of another configuration are stored already
    ├── ModelError               a model cannot be had
    │   ├── UnknownModelError    no such name, folder or registry entry
    │   ├── CheckpointError      corrupt, unsafe, or of another architecture
    │   ├── OfflineError         a hub name, and no way to reach the hub
    │   └── HopelessError        the first images all failed, each alone
    ├── ImageError               one image cannot be read; the run goes on without it
    ├── DatabaseError            MongoDB went away
    └── StoppedError             the user pressed Stop or Ctrl-C

Every message says the rule, the value seen and the remedy, in one or two plain sentences.
"""

from __future__ import annotations


class CapvizError(Exception):
    """Anything that a user of this package can act on."""


class InputError(CapvizError, ValueError):
    """A field, view, option or file that cannot be used as asked."""


class ExistingResultsError(InputError):
    """Stored results were computed with another configuration; say what to do with them."""


class ModelError(CapvizError):
    """A model cannot be loaded or used."""


class UnknownModelError(ModelError):
    """The model's name is no registry entry, no folder and no hub name."""


class CheckpointError(ModelError):
    """A checkpoint is corrupt, unsafe to read, or belongs to another architecture."""


class OfflineError(ModelError):
    """A checkpoint must be fetched, and the hub cannot be reached."""


class HopelessError(ModelError):
    """The models failed on the first images, each alone: nothing says that they will go on.

    Args:
        message: for the user.
        result: what came of the last of them, which nobody has counted yet.
    """

    def __init__(self, message: str, result: object = None) -> None:
        super().__init__(message)
        self.result = result


class ImageError(CapvizError):
    """One image cannot be read."""


class DatabaseError(CapvizError):
    """The database is not reachable, or went away in mid-run."""


class StoppedError(CapvizError):
    """The run was asked to stop; what was finished is stored."""

"""What the database driver raises, in one sentence with the way on.

A connection that was lost, a server that refuses, and a view that no server can evaluate are three
things: the first asks for a database that runs, the last for another view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
    WriteError,
)

from fiftyone_capviz.curation.dataset.logs import get_logger, log_file
from fiftyone_capviz.errors import CapvizError, DatabaseError, InputError

_REFUSALS = (WriteError, BulkWriteError, WriteConcernError, CursorNotFound, ExecutionTimeout)
"""Of the operations that failed, those that no view is to blame for."""

_SERVERS_OWN = frozenset({13, 18, 146, 237, 8000, 11601, 14031})
"""Codes that speak of the server: not authorised, no login, out of memory, killed, disk full
(https://www.mongodb.com/docs/manual/reference/error-codes)."""


@contextmanager
def database_errors(
    stored: Callable[[], str] | None = None, *, reads_view: bool = True
) -> Iterator[None]:
    """Turn what the database driver raises into one of our errors. Also a decorator.

    Args:
        stored: says what of the run is in the database, as "3 of 8 samples are stored"; asked
            when something fails.
        reads_view: what the server refuses to read is the user's view. A long run has its view
            evaluated by `view_errors` before it begins; what fails later is no fault of the view.

    Raises:
        DatabaseError: MongoDB did not answer, or refused.
        InputError: the view cannot be evaluated.
    """
    try:
        yield
    except (PyMongoError, BSONError) as error:
        raise database_problem(error, stored, reads_view=reads_view) or error from error


@contextmanager
def view_errors() -> Iterator[None]:
    """Turn a view that MongoDB cannot evaluate into an `InputError`; nothing was changed.

    Raises:
        InputError: a stage of the view is wrong.
    """
    try:
        yield
    except (OperationFailure, BSONError) as error:
        if not _is_of_the_view(error):
            raise
        raise _view_error(error) from error


def database_problem(
    error: Exception, stored: Callable[[], str] | None = None, *, reads_view: bool = True
) -> CapvizError | None:
    """Our error for one of the driver's, logged with its trace; None for any other.

    For the places where all errors end: panels, operators, the command line.

    Args:
        error: as it was raised.
        stored, reads_view: as in `database_errors`.
    """
    lost = isinstance(error, ConnectionFailure) or _not_connected(error)
    if not lost and not isinstance(error, (PyMongoError, BSONError)):
        return None
    if reads_view and _is_of_the_view(error):
        return _view_error(error)
    get_logger().error("the database failed", exc_info=error)
    what = (
        f"The database did not answer ({type(error).__name__})."
        if lost
        else f"The database refused ({type(error).__name__}: {error})."
    )
    kept = f" {stored()} and stay;" if stored is not None else " What was stored stays;"
    way_on = "start it" if lost else "mend that"
    return DatabaseError(
        f"{what}{kept} {way_on} and run the same again: only the rest is computed. Details "
        f"are in {log_file()}."
    )


def _not_connected(error: Exception) -> bool:
    """Whether FiftyOne says so: it puts an error of Python's in place of the driver's."""
    return isinstance(error, ConnectionError) and "mongod" in str(error)


def _is_of_the_view(error: Exception) -> bool:
    if isinstance(error, BSONError):  # a value, or a view, that cannot even be sent
        return True
    if not isinstance(error, OperationFailure) or isinstance(error, _REFUSALS):
        return False
    return error.code not in _SERVERS_OWN


def _view_error(error: Exception) -> InputError:
    details = error.details if isinstance(error, OperationFailure) else None
    said = str((details or {}).get("errmsg") or error).rstrip(".")
    return InputError(
        f"The view must be one that the database can evaluate, which says: {said}. Correct the "
        "view's stages, or choose another view."
    )

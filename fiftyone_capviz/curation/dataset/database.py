"""What the database driver raises, in one sentence with the way on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from fiftyone_capviz.curation.dataset.logs import get_logger, log_file
from fiftyone_capviz.errors import DatabaseError, InputError


@contextmanager
def database_errors(stored: Callable[[], str] | None = None) -> Iterator[None]:
    """Turn a database that went away, or that refuses, into a `DatabaseError`.

    Args:
        stored: says what of the run is in the database, as "3 of 8 samples are stored"; asked
            when something fails.

    Raises:
        DatabaseError: MongoDB did not answer, or refused.
    """
    try:
        yield
    except PyMongoError as error:
        get_logger().exception("the database failed")
        lost = isinstance(error, ConnectionFailure)
        what = (
            f"The database did not answer ({type(error).__name__})."
            if lost
            else f"The database refused ({type(error).__name__}: {error})."
        )
        kept = f" {stored()} and stay;" if stored is not None else " What was stored stays;"
        way_on = "start it" if lost else "mend that"
        raise DatabaseError(
            f"{what}{kept} {way_on} and run the same again: only the rest is computed. Details "
            f"are in {log_file()}."
        ) from error


@contextmanager
def view_errors() -> Iterator[None]:
    """Turn a view that MongoDB cannot evaluate into an `InputError`; nothing was changed.

    Raises:
        InputError: a stage of the view is wrong.
    """
    try:
        yield
    except OperationFailure as error:
        raise InputError(
            "The view must be one that the database can evaluate, which says: "
            f"{(error.details or {}).get('errmsg') or error}. Correct the view's stages, or choose "
            "another view."
        ) from error

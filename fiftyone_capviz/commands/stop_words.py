"""`capviz stop-words`: words that a dataset's graph, focus, exports and coverage leave out."""

from __future__ import annotations

import argparse

from fiftyone_capviz.commands.console import Subparsers, add_command, say

EXAMPLES = """\
  capviz stop-words my-dataset                      what they are
  capviz stop-words my-dataset --add photo image    leave these out; no model runs
  capviz stop-words my-dataset --remove photo       count it again
  capviz stop-words my-dataset --undo               take the last change back
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "stop-words",
        summary="words of a dataset that graph, focus, exports and coverage leave out",
        examples=EXAMPLES,
    )
    parser.add_argument("dataset", metavar="DATASET", help="name of a FiftyOne dataset")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--add", nargs="+", metavar="WORD", help="leave these words out")
    change.add_argument("--remove", nargs="+", metavar="WORD", help="count these words again")
    change.add_argument("--undo", action="store_true", help="take the last change back")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from fiftyone_capviz.curation.segments.stop_words import (
        add_stop_words,
        own_stop_words,
        remove_stop_words,
        undo_stop_words,
    )
    from fiftyone_capviz.curation.targets import open_dataset

    dataset = open_dataset(arguments.dataset)
    if arguments.undo:
        say(undo_stop_words(dataset).summary())
    elif arguments.add:
        say(add_stop_words(dataset, arguments.add).summary())
    elif arguments.remove:
        say(remove_stop_words(dataset, arguments.remove).summary())
    else:
        say("\n".join(own_stop_words(dataset)) or "No stop words of your own.")
    return 0

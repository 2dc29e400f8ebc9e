"""The `capviz` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fiftyone_capviz import __version__
from fiftyone_capviz.commands import COMMANDS
from fiftyone_capviz.commands.console import complain, database_message, said_where_the_log_is
from fiftyone_capviz.errors import CapvizError, StoppedError

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130

_EXAMPLES = """\
examples:
  capviz demo                          the bundled world, analysed and open in the App
  capviz analyze ./photos              a folder of images becomes a dataset and is analysed
  capviz analyze my-dataset --limit 50 a first look at a FiftyOne dataset
  capviz export my-dataset --out report --format html
  capviz install                       put the plugin into FiftyOne's plugins folder
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line, one subparser per command."""
    parser = argparse.ArgumentParser(
        prog="capviz",
        description="See what an image dataset contains, what its captions miss, "
        "and steer new captions.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"capviz {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add_parser in COMMANDS:
        add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: what follows `capviz` on the command line; default `sys.argv[1:]`.

    Returns:
        0 after success, 1 after an error that a message explains, 130 after Ctrl-C.
    """
    chosen = build_parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except (KeyboardInterrupt, StoppedError):
        complain("Stopped. What was finished is stored; the same command goes on from there.")
        return EXIT_INTERRUPTED
    except CapvizError as error:
        complain(f"Error: {error}")
        return EXIT_ERROR
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_ERROR
    except Exception as error:
        if (message := database_message(error)) is not None:
            complain(f"Error: {message}")
            return EXIT_ERROR
        complain(f"Error: {type(error).__name__}: {error}\n{said_where_the_log_is()}")
        return EXIT_ERROR


if __name__ == "__main__":
    sys.exit(main())

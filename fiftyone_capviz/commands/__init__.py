"""The subcommands of `capviz`, one file each.

Each offers ``add_parser``, which adds its parser to the subparsers and sets ``run``, a function of
the parsed arguments that returns the exit code. Nothing heavy is imported before it runs.
"""

from __future__ import annotations

from fiftyone_capviz.commands import analyze, demo, evaluate, export, plugin, scenes, stop_words

COMMANDS = (
    demo.add_parser,
    analyze.add_parser,
    evaluate.add_parser,
    export.add_parser,
    stop_words.add_parser,
    plugin.add_install_parser,
    plugin.add_uninstall_parser,
    scenes.add_parser,
)

__all__ = ["COMMANDS"]

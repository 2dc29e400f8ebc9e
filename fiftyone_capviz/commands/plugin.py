"""`capviz install` and `capviz uninstall`: the plugin's link in FiftyOne's plugins folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from fiftyone_capviz.commands.console import Subparsers, add_command, say
from fiftyone_capviz.installation.plugin_link import PLUGIN_NAME, link_plugin, unlink_plugin


def add_install_parser(subparsers: Subparsers) -> None:
    """Add `capviz install`."""
    parser = add_command(
        subparsers,
        "install",
        summary="make the plugin visible to FiftyOne",
        examples="  capviz install\n  capviz install --plugins-dir ~/fiftyone/__plugins__",
    )
    _add_folder(parser)
    parser.set_defaults(run=install)


def add_uninstall_parser(subparsers: Subparsers) -> None:
    """Add `capviz uninstall`."""
    parser = add_command(
        subparsers,
        "uninstall",
        summary="remove the plugin from FiftyOne; datasets keep their analyses",
        examples="  capviz uninstall",
    )
    _add_folder(parser)
    parser.set_defaults(run=uninstall)


def install(arguments: argparse.Namespace) -> int:
    """Link the plugin."""
    link = link_plugin(_folder(arguments))
    say(f"{PLUGIN_NAME} is installed at {link}. Restart the App if it is running.")
    return 0


def uninstall(arguments: argparse.Namespace) -> int:
    """Remove the plugin's link."""
    link = unlink_plugin(_folder(arguments))
    say(f"Removed {link}." if link else f"{PLUGIN_NAME} was not installed; nothing to remove.")
    return 0


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plugins-dir", type=Path, metavar="FOLDER", help="default FiftyOne's own plugins folder"
    )


def _folder(arguments: argparse.Namespace) -> Path:
    if arguments.plugins_dir is not None:
        return Path(arguments.plugins_dir)
    from fiftyone_capviz.curation.targets import plugins_folder

    return plugins_folder()

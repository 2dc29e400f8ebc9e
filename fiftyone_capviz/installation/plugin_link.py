"""Making the plugin visible to FiftyOne, which knows no entry points: a link in its plugins folder.

FiftyOne itself is not imported; the caller passes the folder in (`fiftyone.config.plugins_dir`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from fiftyone_capviz.errors import InputError

PLUGIN_NAME = "@capviz/capviz"

_MANIFESTS = ("fiftyone.yml", "fiftyone.yaml")
_NAME_LINE = re.compile(rf"""^name:\s*["']?{re.escape(PLUGIN_NAME)}["']?\s*(#.*)?$""", re.MULTILINE)


def plugin_folder() -> Path:
    """The folder with the plugin's files: the checkout of an editable install, else the wheel's.

    Raises:
        InputError: neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package.parent, package / "_plugin"):
        if _is_ours(folder):
            return folder
    raise InputError(
        f"The plugin's files must stand beside or inside the package, and {package} has neither. "
        "Install again: pip install --force-reinstall --no-deps fiftyone-capviz"
    )


def link_plugin(plugins_dir: Path | str, *, folder: Path | None = None) -> Path:
    """Link the plugin into FiftyOne's plugins folder; a link that is there already is renewed.

    Args:
        plugins_dir: FiftyOne's plugins folder; made if it does not exist.
        folder: the plugin's files; default `plugin_folder()`.

    Returns:
        Path of the link, where `fiftyone plugins download` would put a copy.

    Raises:
        InputError: a copy of the plugin is there already, or the link cannot be made.
    """
    plugins_dir = Path(plugins_dir).expanduser()
    folder = folder or plugin_folder()
    link = _link_path(plugins_dir)
    _refuse_other_copies(plugins_dir, link=link)
    if link.is_symlink() and link.resolve() == folder.resolve():
        return link
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        fresh = link.with_name(f".{link.name}-{os.getpid()}")
        fresh.symlink_to(folder.resolve(), target_is_directory=True)
        fresh.replace(link)
    except OSError as err:
        raise InputError(
            f"The plugin must be linked into {plugins_dir}, which failed: {err}. "
            f"Set FIFTYONE_PLUGINS_DIR to a folder that you can write, or copy {folder} to {link}."
        ) from err
    return link


def unlink_plugin(plugins_dir: Path | str) -> Path | None:
    """Remove the link that `link_plugin` made.

    Args:
        plugins_dir: FiftyOne's plugins folder.

    Returns:
        Path of the link that was removed, or None if there was none.

    Raises:
        InputError: a copy stands in its place, or the link cannot be removed.
    """
    plugins_dir = Path(plugins_dir).expanduser()
    link = _link_path(plugins_dir)
    if not link.is_symlink():
        _refuse_other_copies(plugins_dir, link=link)
        return None
    try:
        link.unlink()
        if not any(link.parent.iterdir()):
            link.parent.rmdir()
    except OSError as err:
        raise InputError(
            f"The link {link} must be removed, which failed: {err}. Remove it by hand."
        ) from err
    return link


def _link_path(plugins_dir: Path) -> Path:
    return plugins_dir.joinpath(*PLUGIN_NAME.split("/"))


def _refuse_other_copies(plugins_dir: Path, *, link: Path) -> None:
    """FiftyOne loads the first plugin of a name that it meets: a second copy would hide one."""
    for copy in _copies(plugins_dir):
        if copy != link or not link.is_symlink():
            remedy = f"rm {copy}" if copy.is_symlink() else f"fiftyone plugins delete {PLUGIN_NAME}"
            raise InputError(
                f"Another copy of {PLUGIN_NAME} is at {copy}. Remove it first: {remedy}"
            )
    if link.exists() and not link.is_symlink():
        raise InputError(
            f"The plugin's link belongs at {link}, where something else is. Move it away."
        )


def _copies(plugins_dir: Path) -> list[Path]:
    """Folders that hold this plugin, found as FiftyOne finds plugins."""
    found = []
    for root, folders, files in os.walk(plugins_dir, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if any(name in files for name in _MANIFESTS):
            folders.clear()
            if _is_ours(Path(root)):
                found.append(Path(root))
    return found


def _is_ours(folder: Path) -> bool:
    for name in _MANIFESTS:
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        return _NAME_LINE.search(text) is not None
    return False

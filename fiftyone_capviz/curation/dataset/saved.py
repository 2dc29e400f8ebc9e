"""Saved views and workspaces of ours, told from the user's by their descriptions.

Neither holds anything that a mark could be put on; a description of ours is no text that a user
would type by chance. Where a user's own has the name already, ours gets another one.
"""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import fiftyone.core.utils as fou
from fiftyone.core.collections import SampleCollection


def save_our_view(
    dataset: fo.Dataset, name: str, view: SampleCollection, *, description: str
) -> str:
    """Save a view in place of an earlier one of ours; returns the name that it got."""
    chosen = _free(name, description, _views(dataset))
    dataset.save_view(chosen, view, description=description, overwrite=True)
    return chosen


def save_our_workspace(dataset: fo.Dataset, name: str, space: fo.Space, *, description: str) -> str:
    """Save a workspace in place of an earlier one of ours; returns the name that it got."""
    chosen = _free(name, description, _workspaces(dataset))
    dataset.save_workspace(chosen, space, description=description, overwrite=True)
    return chosen


def our_workspace(dataset: fo.Dataset, name: str, *, description: str) -> str | None:
    """The name that our workspace has; None where there is none."""
    return _ours(name, description, _workspaces(dataset))


def is_our_view(dataset: fo.Dataset, name: str, *, description: str) -> bool:
    """Whether a saved view of this name is ours."""
    return _views(dataset).get(name) == description


def delete_our_view(dataset: fo.Dataset, name: str, *, description: str) -> list[str]:
    """Delete our view of this name, whatever it got instead; the deleted name, if any."""
    found = _ours(name, description, _views(dataset))
    if found is None:
        return []
    dataset.delete_saved_view(found)
    return [found]


def delete_our_workspace(dataset: fo.Dataset, name: str, *, description: str) -> list[str]:
    """Delete our workspace; its name, if there was one."""
    found = our_workspace(dataset, name, description=description)
    if found is None:
        return []
    dataset.delete_workspace(found)
    return [found]


def _views(dataset: fo.Dataset) -> dict[str, str | None]:
    return {name: _told(dataset.get_saved_view_info(name)) for name in dataset.list_saved_views()}


def _workspaces(dataset: fo.Dataset) -> dict[str, str | None]:
    return {name: _told(dataset.get_workspace_info(name)) for name in dataset.list_workspaces()}


def _told(info: dict[str, Any]) -> str | None:
    found: str | None = info.get("description")
    return found


def _names(name: str) -> list[str]:
    return [name, *(f"{name} {number}" for number in range(2, 100))]


def _ours(name: str, description: str, known: dict[str, str | None]) -> str | None:
    return next((one for one in _names(name) if known.get(one) == description), None)


def _free(name: str, description: str, known: dict[str, str | None]) -> str:
    """The name of the earlier one of ours, else the first whose address in the App is free."""
    taken = {fou.to_slug(one) for one in known}
    earlier = _ours(name, description, known)
    return earlier or next(one for one in _names(name) if fou.to_slug(one) not in taken)

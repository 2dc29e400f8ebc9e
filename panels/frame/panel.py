"""What all panels share: configuration, errors told in words, the sample that is meant."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import fiftyone.operators as foo
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.collection import is_patches, ungrouped
from fiftyone_capviz.curation.dataset.database import database_problem
from fiftyone_capviz.curation.dataset.logs import get_logger, log_file
from fiftyone_capviz.errors import CapvizError, InputError

Event = Callable[..., Mapping[str, Any] | None]


def event(method: Event) -> Event:
    """Mark a panel's method as one that its component may call.

    The returned dict reaches the component. An error is returned as ``{"error": message}``: one
    that is raised would make the App replace the whole panel.
    """

    @functools.wraps(method)
    def answer(self: Any, ctx: Any) -> Mapping[str, Any] | None:
        try:
            return method(self, ctx)
        except CapvizError as error:
            return {"error": str(error)}
        except Exception as error:
            if (ours := database_problem(error)) is not None:
                return {"error": str(ours)}
            get_logger().exception("a panel's event failed")
            return {"error": f"{type(error).__name__}: {error} Details are in {log_file()}."}

    answer.is_event = True  # type: ignore[attr-defined]
    return answer


class CapvizPanel(foo.Panel):
    """A panel whose component is in the bundle under ``component``."""

    panel_name: ClassVar[str]
    title: ClassVar[str]
    icon: ClassVar[str]
    help: ClassVar[str]
    component: ClassVar[str]
    surfaces: ClassVar[str] = "grid"

    @property
    def config(self) -> foo.PanelConfig:
        return foo.PanelConfig(
            name=self.panel_name,
            label=self.title,
            icon=self.icon,
            help_markdown=self.help,
            surfaces=self.surfaces,
            category=foo.Categories.ANALYZE,
        )

    def render(self, ctx: Any) -> types.Property:
        """Constant: FiftyOne asks after every event."""
        events = {
            name: getattr(self, name)
            for name in dir(type(self))
            if getattr(getattr(type(self), name), "is_event", False)
        }
        view = types.View(component=self.component, composite_view=True, **events)
        return types.Property(types.Object(), view=view)


def sent(ctx: Any, name: str) -> Any:
    """A parameter that the panel's call must have.

    Raises:
        InputError: it lacks it.
    """
    if name not in ctx.params:
        raise InputError(f"The panel's call lacks {name!r}.")
    return ctx.params[name]


def samples_meant(ctx: Any, ids: Sequence[str | None]) -> list[str]:
    """The samples of these ids: in a view of patches the grid's ids are those of labels."""
    known = [one for one in ids if one]
    if not known or not is_patches(ctx.view):
        return known
    owners = dict(zip(*ungrouped(ctx.view).values(["id", "sample_id"]), strict=True))
    return list(dict.fromkeys(owners.get(one, one) for one in known))


def neighbor(order: list[str], asked: str | None, step: int) -> str:
    """The sample `step` places after the one asked for; the order ends where it begins."""
    if asked is None or (step and order and asked not in order):
        return order[0]
    return order[(order.index(asked) + step) % len(order)] if step and order else asked

"""What all panels share: configuration, events that answer with errors instead of failing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import fiftyone.operators as foo
from fiftyone.operators import types

from fiftyone_capviz.curation.logs import get_logger, log_file
from fiftyone_capviz.errors import CapvizError

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

"""Forms and calls of operators as FiftyOne resolves them, from Python and from the App."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo
from fiftyone.operators.executor import ExecutionContext, Executor

URI = "@capviz/capviz/"


def context(dataset: Any, params: dict[str, Any] | None = None, **request: Any) -> ExecutionContext:
    """The context of a call; ``app=True`` for one from the App."""
    if request.pop("app", False):
        request["operator_uri"] = URI
    view = request.pop("view", None)
    return ExecutionContext(
        request_params={
            "dataset_name": dataset.name,
            "view": None if view is None else view._serialize(),
            "params": dict(params or {}),
            **request,
        },
        executor=Executor(),
    )


def form_of(operator: Any, ctx: ExecutionContext) -> dict[str, Any]:
    """The form's fields by name."""
    found: dict[str, Any] = operator.resolve_type(ctx, "inputs").type.properties
    return found


def problems(operator: Any, ctx: ExecutionContext) -> dict[str, str]:
    """What the form refuses: field -> message."""
    return {
        name: prop.error_message
        for name, prop in form_of(operator, ctx).items()
        if getattr(prop, "invalid", False)
    }


def call(name: str, **request: Any) -> Any:
    """Execute an operator as the SDK does."""
    return foo.execute_operator(f"{URI}{name}", request)


def stream(operator: Any, ctx: ExecutionContext) -> list[dict[str, Any]]:
    """The messages that the App would be sent."""
    return [message.to_json() for message in operator.execute(ctx)]


def sent(messages: list[dict[str, Any]], uri: str) -> list[dict[str, Any]]:
    """The parameters of the App's operators that a stream called."""
    bodies = [message["body"] or {} for message in messages]
    return [body["params"] for body in bodies if body.get("operator_uri") == uri]

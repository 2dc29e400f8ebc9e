"""Events of a panel, called as the App calls them."""

from __future__ import annotations

import json
from typing import Any

import fiftyone.operators as foo


class Events:
    """The events and hooks of one panel, by its URI."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def run(self, dataset: Any, name: str, params: Any = None, **request: Any) -> Any:
        """Call one; the whole result, with what it triggered."""
        panel = {"panel_id": "p1", "panel_state": {}, "__method__": name}
        request = {"dataset": dataset, "params": panel | (params or {}), **request}
        return foo.execute_operator(self._uri, request)

    def ask(self, dataset: Any, name: str, params: Any = None, **request: Any) -> Any:
        """The answer that the component gets, as JSON holds it."""
        answer = self.run(dataset, name, params, **request).result
        return json.loads(json.dumps(answer, allow_nan=False))


def triggered(result: Any) -> list[str]:
    """The operators that an event asked the App to run."""
    return [each.operator_uri for each in result.executor._requests]

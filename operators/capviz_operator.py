"""The base of all our operators: config and the form's frame."""

from __future__ import annotations

from typing import Any, ClassVar

import fiftyone.operators as foo
from fiftyone.operators import types

from .form_fields import Form


class CapvizOperator(foo.Operator):
    """An operator whose subclass says its name, its looks and what its form asks.

    Attributes:
        operator_name: as in fiftyone.yml.
        title, icon, summary: of the form and the menu.
        long: streams progress, and may be delegated.
        listed: whether the operator browser offers it.
        risk: for agents that run operators.
    """

    operator_name: ClassVar[str]
    title: ClassVar[str]
    icon: ClassVar[str]
    summary: ClassVar[str]
    long: ClassVar[bool] = True
    listed: ClassVar[bool] = True
    risk: ClassVar[types.RiskLevel] = types.RiskLevel.MEDIUM

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name=self.operator_name,
            label=self.title,
            description=self.summary,
            icon=self.icon,
            dynamic=True,
            unlisted=not self.listed,
            execute_as_generator=self.long,
            allow_immediate_execution=True,
            allow_delegated_execution=self.long,
            resolve_execution_options_on_change=False,
            risk_level=self.risk,
        )

    def add_fields(self, form: Form) -> None:
        """Add what the operator can be told; nothing by default."""

    def resolve_input(self, ctx: Any) -> types.Property:
        form = Form(ctx, label=self.title, description=self.summary)
        if ctx.dataset is None:
            form.refuse("problem", "This needs a dataset; none is open. Open one first.")
        else:
            self.add_fields(form)
        return form.property()

    def delegated(self, sample_collection: Any, params: dict[str, Any]) -> Any:
        """Schedule the operator; FiftyOne's result of that."""
        return foo.execute_operator(
            self.uri,
            {"view": sample_collection.view()},
            params=params,
            request_delegation=True,
        )

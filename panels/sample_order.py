"""Which sample a panel means, and which one comes before or after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def samples_meant(ctx: Any, ids: Sequence[str | None]) -> list[str]:
    """The samples of these ids: in a view of patches the grid's ids are those of labels."""
    known = [one for one in ids if one]
    if not known or not getattr(ctx.view, "_is_patches", False):
        return known
    owners = dict(zip(*ctx.view.values(["id", "sample_id"]), strict=True))
    return list(dict.fromkeys(owners.get(one, one) for one in known))


def neighbor(order: list[str], asked: str | None, step: int) -> str:
    """The sample `step` places after the one asked for; the order ends where it begins."""
    if asked is None or (step and order and asked not in order):
        return order[0]
    return order[(order.index(asked) + step) % len(order)] if step and order else asked

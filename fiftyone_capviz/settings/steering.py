"""How captions are steered, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.text.prompt_template import (
    asks_subject,
    fill_prompt,
    literal_prompt,
    require_template,
)

if TYPE_CHECKING:
    from fiftyone_capviz.records import SteeringMethod

STEERING_METHODS: dict[SteeringMethod, str] = {
    "scale": "Paper's scaling",
    "logits": "Calibrated log-weight",
    "contrast": "Contrastive",
}
"""How a weight acts -> its name for people; `Steering` says what each does."""
DEFAULT_STEERING_METHOD: SteeringMethod = "logits"
DEFAULT_STEERING_WEIGHT = 3.0
"""What is tried first, wherever nothing is chosen."""
METHOD_BEFORE_CHOICE: SteeringMethod = "scale"
"""What a stored recipe that names no method meant when it was stored."""
AUTO = "auto"
STORED_WEIGHTS = "patch_weights"
"""The key of a recipe's grid weights on datasets."""
TEMPLATE, SUBJECT = "template", "subject"
"""Keys of stored recipes: the prompt before it was filled, and what it was filled with."""


@dataclass(frozen=True)
class Recipe:
    """How to caption again.

    Attributes:
        prompt: what each caption goes on from, and stays part of it; None for the captioner's own.
            ``{subject}`` in it stands for the first noun of each image's own caption
            (`text.subject`); an image whose caption has none goes on from the captioner's own
            prompt, and is counted. Write ``{{`` and ``}}`` for braces.
        word: the wanted word: success is counted by it, and weight "auto" looks for it. Several
            words count when all are said; of several with commas between, any of them.
        weight: for the patches of the chosen segments; 1 changes nothing, 2 to 10 is usual; "auto"
            takes for each image the smallest weight that says the word and keeps the caption sound;
            None leaves the patches alone.
        method: how the weight acts, one of `STEERING_METHODS`.
        segment_ids: label ids of the chosen segments.
        segment_label: chooses the segments with this label or top word, for example "uncovered".
        grid_weights: weights per patch for every image, rows of columns on the captioner's grid,
            instead of segments.

    With neither segments nor patch weights only the prompt steers.
    """

    prompt: str | None = None
    word: str | None = None
    weight: float | Literal["auto"] | None = None
    method: SteeringMethod = DEFAULT_STEERING_METHOD
    segment_ids: tuple[str, ...] = ()
    segment_label: str | None = None
    grid_weights: tuple[tuple[float, ...], ...] | None = None

    @property
    def chooses_segments(self) -> bool:
        """Whether segments say where to put the weight."""
        return bool(self.segment_ids) or self.segment_label is not None

    def validated(self) -> Recipe:
        """This recipe, if it can be used.

        Raises:
            InputError: naming the first thing that cannot.
        """
        require_template(self.prompt)
        if self.method not in STEERING_METHODS:
            raise InputError(
                f"The steering method is one of {', '.join(STEERING_METHODS)}; got {self.method!r}."
            )
        if self.weight == AUTO:
            if not (self.word or "").strip(" ,"):
                raise InputError(
                    'An automatic weight looks for a word; weight is "auto" and word is empty. '
                    "Name the wanted word, or give a number."
                )
            if not self.chooses_segments:
                raise InputError(
                    "An automatic weight needs segments to weigh; none are chosen. Give "
                    'segment_ids or segment_label, for example "uncovered".'
                )
        elif self.weight is not None:
            self._require_number(self.weight)
        if self.chooses_segments and self.weight is None:
            raise InputError(
                "Chosen segments need a weight; it is missing. Give a number (2 to 10 is usual) "
                'or "auto".'
            )
        if self.weight is not None and not (self.chooses_segments or self.grid_weights):
            raise InputError(
                f"A weight needs segments to act on; weight is {self.weight} and none are chosen. "
                "Give segment_ids or segment_label, or leave the weight out."
            )
        if self.grid_weights is not None:
            self._require_grid(self.grid_weights)
        plain = not (self.prompt or self.chooses_segments or self.grid_weights)
        if plain:
            raise InputError(
                "A recipe changes something; it has no prompt, no segments and no patch weights. "
                "Give one of them."
            )
        return self

    def _require_number(self, weight: object) -> None:
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        least = 1.0 if self.method == "contrast" else 0.0
        if not number or not isfinite(weight) or weight < least:  # type: ignore[arg-type,operator]
            raise InputError(
                f'A weight is a number of at least {least:g} or "auto"; got {weight!r}.'
            )

    def _require_grid(self, weights: tuple[tuple[float, ...], ...]) -> None:
        sizes = {len(row) for row in weights}
        table = len(sizes) == 1 and 0 not in sizes
        if not table or not all(isfinite(one) and one >= 0 for one in chain(*weights)):
            raise InputError(
                "Patch weights are a table of finite numbers of at least 0, all rows of the same "
                f"length; got rows of {sorted(sizes)} in {len(weights)} rows."
            )

    def to_dict(self) -> dict[str, Any]:
        """As JSON and MongoDB can hold it.

        Grid weights are stored as ``patch_weights``. ``prompt`` is stored as captions read it, with
        plain braces; a prompt that is filled for each image is stored as ``template`` instead.
        """
        stored = asdict(self)
        if asks_subject(self.prompt):
            stored |= {"prompt": None, TEMPLATE: self.prompt}
        else:
            stored["prompt"] = fill_prompt(self.prompt, None).text
        stored["segment_ids"] = list(self.segment_ids)
        weights = stored.pop("grid_weights")
        stored[STORED_WEIGHTS] = None if weights is None else [list(row) for row in weights]
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Recipe:
        """The recipe that :meth:`to_dict` wrote; unknown keys are ignored.

        Of an image's own recipe, whose prompt is filled in, the one that makes its caption again.
        """
        known = {item.name for item in fields(cls)}
        values: dict[str, Any] = {"method": METHOD_BEFORE_CHOICE}
        values |= {key: value for key, value in stored.items() if key in known}
        values["prompt"] = literal_prompt(stored.get("prompt"))
        if values["prompt"] is None:
            values["prompt"] = stored.get(TEMPLATE)
        values["segment_ids"] = tuple(values.get("segment_ids") or ())
        grid = stored.get(STORED_WEIGHTS)
        values["grid_weights"] = tuple(tuple(row) for row in grid) if grid else None
        return cls(**values)

"""How image-caption pairs are explained: which dual encoder, by which method, at which layer.

Nothing here imports torch, so forms may use it freely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.hashing import settings_hash
from fiftyone_capviz.settings.models import PHOTOGRAPHS, SCENES

PairMethod = Literal["second_order", "icam", "itsm_output", "itsm_hidden", "ilime"]

PAIR_METHODS: dict[str, str] = {
    "second_order": "Second-order",
    "icam": "ICAM",
    "itsm_output": "ITSM, output",
    "itsm_hidden": "ITSM, hidden",
    "ilime": "ILIME",
}
"""Method -> its name for people, best first."""

DIFFERENTIATING_METHODS = ("second_order", "icam")
"""Methods that take derivatives: many passes of the model below the last layer."""

LAYERED_METHODS = (*DIFFERENTIATING_METHODS, "itsm_hidden")
"""Methods in which a layer has a say."""

SIGNED_METHODS = ("second_order", "icam", "ilime")
"""Methods whose sum over the image has a sign that means something; a sum of cosines has none."""

PAIR_METHOD_HINTS: dict[str, str] = {
    "second_order": "Integrated second derivatives of the score: parts that sum to the whole",
    "icam": "The same at the input alone, without integrating: quick, parts do not sum up",
    "itsm_output": "Similarity of the encoders' output tokens: no derivatives, a layer has no say",
    "itsm_hidden": "Similarity of the tokens of a hidden layer",
    "ilime": "A linear model of what happens when words and patches are masked: many passes, slow",
}
"""Method -> what it does, in a sentence."""


@dataclass(frozen=True)
class PairSettings:
    """What an explanation depends on, beside the image and the text.

    Attributes:
        encoder: hub name, local folder or a bundled name.
        method: a key of `PAIR_METHODS`.
        layer: whose input is attributed to, 0 for the first; None for the encoder's default.
        nodes: of the quadrature between reference and input.
        device, dtype: "auto" or a torch name.
    """

    encoder: str = PHOTOGRAPHS
    method: str = "second_order"
    layer: int | None = None
    nodes: int = 8
    device: str = "auto"
    dtype: str = "auto"

    @property
    def used_layer(self) -> int | None:
        """The layer, or None where the method has none."""
        return self.layer if self.layered else None

    @property
    def layered(self) -> bool:
        """Whether a layer has a say."""
        return self.method in LAYERED_METHODS

    @property
    def used_nodes(self) -> int:
        """The nodes, or 1 where the method does not integrate."""
        return self.nodes if self.method == "second_order" else 1

    @property
    def differentiates(self) -> bool:
        """Whether the method takes derivatives."""
        return self.method in DIFFERENTIATING_METHODS

    def validated(self) -> PairSettings:
        """These settings, if every value can be used.

        Raises:
            InputError: naming the first that cannot.
        """
        if self.method not in PAIR_METHODS:
            raise InputError(
                f"method must be one of {', '.join(PAIR_METHODS)}; got {self.method!r}."
            )
        if not isinstance(self.encoder, str) or not self.encoder.strip():
            raise InputError(
                f"encoder must be a hub name, a local folder or {SCENES!r}; got {self.encoder!r}."
            )
        for name, value, least in (("layer", self.layer, 0), ("nodes", self.nodes, 1)):
            if value is None and name == "layer":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InputError(f"{name} must be a whole number from {least} on; got {value!r}.")
        return self

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, base: PairSettings | None = None
    ) -> PairSettings:
        """Settings from a form or a component; empty entries leave those of the base.

        Raises:
            InputError: a value that cannot be used.
        """
        known = {field.name for field in fields(cls)}
        chosen = {k: v for k, v in values.items() if k in known and v is not None and v != ""}
        return replace(base or cls(), **chosen).validated()

    def to_dict(self) -> dict[str, str | int | None]:
        """All settings, as JSON can hold them."""
        return asdict(self)

    def result_hash(self, revision: str, *, precision: str, layer: int) -> str:
        """By what a rerun knows that an explanation came from these settings.

        Args:
            revision: fingerprint of the encoder's checkpoint.
            precision: the number format that it runs in.
            layer: of its image side, the encoder's default resolved.

        Returns:
            16 hexadecimal digits; the device has no part in them.
        """
        told: dict[str, object] = {
            k: v for k, v in self.to_dict().items() if k not in ("encoder", "device", "dtype")
        }
        told |= {"layer": layer, "revision": revision, "precision": precision}
        return settings_hash(told, kind="pairs")


def require_signed(settings: PairSettings) -> PairSettings:
    """Refuse a method whose sums over the image have no sign that means something.

    Raises:
        InputError: naming the methods that have.
    """
    if settings.method not in SIGNED_METHODS:
        raise InputError(
            "Mismatched words are those that take from the score; "
            f"{settings.method!r} sums up cosines, whose sign does not say so. Choose one of: "
            f"{', '.join(SIGNED_METHODS)}."
        )
    return settings


def default_encoder(captioner: str) -> str:
    """The dual encoder of the family that an analysis used.

    Args:
        captioner: of the analysis; the synthetic world has an encoder of its own.
    """
    return SCENES if captioner == SCENES else PHOTOGRAPHS

"""What an evaluation is asked to measure.

Nothing here imports torch, so forms and the command line may use it freely.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from math import inf
from pathlib import Path
from typing import Any, TypedDict

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import (
    ATTRIBUTION_METHODS,
    SECOND_ORDER,
    AnalysisOptions,
)
from fiftyone_capviz.settings.analysis import SOURCES as ANALYSED_SOURCES
from fiftyone_capviz.settings.models import PHOTOGRAPHS
from fiftyone_capviz.settings.pairs import PAIR_METHODS
from fiftyone_capviz.settings.steering import STEERING_METHODS

SOURCES = {"itm": "matcher", "lm": "captioner", "dual": "encoder"}
"""Where attributions come from, and which model that is."""
SOURCE_LABELS = {**ANALYSED_SOURCES, "dual": "Dual encoder"}
BLIP_METHODS = tuple(name for name in ATTRIBUTION_METHODS if name != SECOND_ORDER)
DUAL_METHODS: tuple[str, ...] = tuple(PAIR_METHODS)
FAST_DUAL_METHODS = tuple(name for name in DUAL_METHODS if name != "ilime")
"""Without ILIME, which needs a thousand forward passes per side of each pair."""
MEASURES = {
    "grounding": "point game, energy and ranking of regions, for every layer and head",
    "sanity": "every method against maps by lot, in the middle, and of hidden objects",
    "discrimination": "hard negatives: captions with one object's word swapped",
    "faithfulness": "insertion and deletion of patches and words",
    "coverage": "uncovered regions against what no word names, and planted pairs of words",
    "steering": "how often steering makes the captioner name what it left out",
}
"""Grounding is always measured; the shares of signs of own and other objects come with it."""
EXPRESSION_MEASURES = ("grounding", "faithfulness")
"""What expressions allow: the others need labels that captions name, or leave out."""
DUAL_LAYERS = ("default", "all")
REPEATED = {"skip": "Leave out", "union": "One region together"}
"""What becomes of regions that share a label -> its name in forms."""
EXISTING = ("error", "replace")
SAMPLE_COUNTS = {
    "sanity_samples": "Images with hidden objects",
    "swap_samples": "Images with a swapped word",
    "faithfulness_samples": "Images for insertion and deletion",
    "steering_samples": "Images for steering",
}
"""Options that say how many images are drawn -> their names in forms."""


@dataclass(frozen=True)
class EvaluationOptions:
    """Everything an evaluation can be told.

    Attributes:
        regions_field: Detections with labelled boxes or masks, or filled Polylines.
        caption_field: captions whose words name the regions.
        caption_index: which caption of a list field; the first where the list is too short.
        all_captions: every caption of a list field instead, each a text of its own.
        expressions: attribute of the regions that describes them, a string or a list of strings,
            or "label" for the label itself; see :meth:`validated`. No caption field is needed.
        repeated: what becomes of regions of one image that share a label, or an expression:
            "skip", as the paper does (single instances only), or "union", all of them as one
            region (Flickr30k Entities).
        name: distinguishes several evaluations of one caption field, each with its own run, fields
            and view; empty is the plain one. A hyphen counts as an underscore.
        existing: "replace", or "error" where an evaluation of this name is stored. It is no part
            of what is measured, so `to_dict` leaves it out.
        captioner, matcher, encoder: hub name, local folder, or "scenes".
        sources: some of `SOURCES`.
        measures: some of `MEASURES`.
        dual_methods: some of `DUAL_METHODS`.
        dual_layers: "default", or "all" image layers of the methods that have one; the layer of
            the fields is measured in any case.
        clamp: of Grad-CAM's signs; see `AnalysisOptions`.
        heads: measure single heads too.
        synonyms: label -> other names of it.
        coco_names: add what captions call COCO's objects, where every label is one of COCO's 80.
        planted: pairs of words that are known to go together; apart: that avoid each other.
        shown_method: source, method, layer and head whose scores go to the fields; layer None is
            the model's default, head None the mean.
        faithfulness_samples, sanity_samples, swap_samples, steering_samples: images for these,
            drawn by the seed.
        steering_methods, steering_weights, steering_prompt: what is tried.
        bootstrap_samples: draws of each almost stochastic order.
        seed: of every draw.
        fields: write scores and suggested groups to fields of the samples.
        device, dtype, batch_size: as in `AnalysisOptions`.
    """

    regions_field: str
    caption_field: str = "caption"
    caption_index: int = 0
    all_captions: bool = False
    expressions: str | None = None
    repeated: str = "skip"
    name: str = ""
    existing: str = "error"
    captioner: str = AnalysisOptions.captioner
    matcher: str = AnalysisOptions.matcher
    encoder: str = PHOTOGRAPHS
    sources: tuple[str, ...] = tuple(SOURCES)
    measures: tuple[str, ...] = tuple(MEASURES)
    dual_methods: tuple[str, ...] = FAST_DUAL_METHODS
    dual_layers: str = "default"
    clamp: str = "none"
    heads: bool = True
    synonyms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    coco_names: bool = True
    planted: tuple[tuple[str, str], ...] = ()
    apart: tuple[tuple[str, str], ...] = ()
    shown_source: str = "itm"
    shown_method: str = "gradcam"
    shown_layer: int | None = None
    shown_head: int | None = None
    faithfulness_samples: int = 50
    sanity_samples: int = 100
    swap_samples: int = 200
    steering_samples: int = 50
    steering_methods: tuple[str, ...] = tuple(STEERING_METHODS)
    steering_weights: tuple[float, ...] = (1.5, 3.0, 6.0)
    steering_prompt: str | None = None
    bootstrap_samples: int = 1000
    seed: int = 0
    fields: bool = True
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int | None = None

    def validated(self) -> EvaluationOptions:
        """These options, if every value can be used.

        With `expressions` the protocol is that of ALBEF on RefCOCO+ (arXiv 2107.07651): each
        expression is a text, its map is the mean over all its content words (and heads), and the
        regions of the image are ranked by sum / sqrt(area). What differs: maps are enlarged
        bilinearly (regions are pooled by the exact adjoint), not bicubically; clamping gradients
        at zero is an option (`clamp`), not the rule; candidates are the labelled regions, not a
        detector's proposals. `caption_field` becomes "<regions_field>_<expressions>", which names
        the results, and of the measures only `EXPRESSION_MEASURES` are left.

        Raises:
            InputError: naming the first option that cannot.
        """
        options = replace(self, name=evaluation_name(self.name))
        if options.expressions is not None:
            return options._of_expressions()._checked()
        return options._checked()

    def _of_expressions(self) -> EvaluationOptions:
        attribute = str(self.expressions)
        if not attribute.isidentifier():
            raise InputError(
                "expressions must be the name of an attribute of the regions, or label; got "
                f"{self.expressions!r}."
            )
        measures = tuple(each for each in self.measures if each in EXPRESSION_MEASURES)
        if not measures:
            raise InputError(
                f"Of expressions only {' and '.join(EXPRESSION_MEASURES)} can be measured; got "
                f"{', '.join(self.measures) or 'none'}."
            )
        name = f"{self.regions_field}_{attribute}"
        return replace(self, caption_field=name, measures=measures)

    def _checked(self) -> EvaluationOptions:
        self.model_options()  # the shared options have their own checks
        _some_of("sources", self.sources, SOURCES)
        _some_of("measures", self.measures, MEASURES)
        _some_of("dual_methods", self.dual_methods, DUAL_METHODS)
        _some_of("dual_layers", (self.dual_layers,), DUAL_LAYERS)
        _some_of("repeated", (self.repeated,), REPEATED)
        _some_of("existing", (self.existing,), EXISTING)
        _some_of("steering_methods", self.steering_methods, STEERING_METHODS)
        if self.name and not self.name.isidentifier():
            raise InputError(
                f"An evaluation's name must be letters, digits and underscores; got {self.name!r}."
            )
        for name in (*SAMPLE_COUNTS, "seed"):
            _whole(name, getattr(self, name), 0)
        _whole("bootstrap_samples", self.bootstrap_samples, 2)
        weights = self.steering_weights
        if not weights or not all(isinstance(w, int | float) and 1 <= w < inf for w in weights):
            raise InputError(
                f"steering_weights must be numbers of at least 1; got {self.steering_weights}."
            )
        if self.shown_source not in self.sources:
            raise InputError(
                f"shown_source must be one of the sources {', '.join(self.sources)}; got "
                f"{self.shown_source!r}."
            )
        known = self.dual_methods if self.shown_source == "dual" else BLIP_METHODS
        if self.shown_method not in known:
            raise InputError(
                f"shown_method must be one of {', '.join(known)} for {self.shown_source!r}; got "
                f"{self.shown_method!r}."
            )
        return self

    def model_options(self) -> AnalysisOptions:
        """The same models, device and precision as the analysis asks for them."""
        return AnalysisOptions(
            caption_field=self.caption_field,
            segments_field=self.regions_field,
            caption_index=self.caption_index,
            captioner=self.captioner,
            matcher=self.matcher,
            own_segments=True,
            clamp=self.clamp,
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
        ).validated()

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            key: [list(each) if isinstance(each, tuple) else each for each in value]
            if isinstance(value, tuple)
            else value
            for key, value in asdict(self).items()
            if key != "existing"
        } | {"synonyms": {label: list(names) for label, names in self.synonyms.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EvaluationOptions:
        """Options from a stored dict; entries of other versions are ignored."""
        return replace(cls(regions_field=str(values["regions_field"])), **read_options(values))


class EvaluationChanges(TypedDict, total=False):
    """The options of `EvaluationOptions` by name, but for the regions, which are always told."""

    caption_field: str
    caption_index: int
    all_captions: bool
    expressions: str | None
    repeated: str
    name: str
    existing: str
    captioner: str
    matcher: str
    encoder: str
    sources: tuple[str, ...]
    measures: tuple[str, ...]
    dual_methods: tuple[str, ...]
    dual_layers: str
    clamp: str
    heads: bool
    synonyms: Mapping[str, Sequence[str]]
    coco_names: bool
    planted: tuple[tuple[str, str], ...]
    apart: tuple[tuple[str, str], ...]
    shown_source: str
    shown_method: str
    shown_layer: int | None
    shown_head: int | None
    faithfulness_samples: int
    sanity_samples: int
    swap_samples: int
    steering_samples: int
    steering_methods: tuple[str, ...]
    steering_weights: tuple[float, ...]
    steering_prompt: str | None
    bootstrap_samples: int
    seed: int
    fields: bool
    device: str
    dtype: str
    batch_size: int | None


_SEVERAL = ("sources", "measures", "dual_methods", "steering_methods")
_PAIRS = ("planted", "apart")
_WHOLE = (
    *("caption_index", "shown_layer", "shown_head", *SAMPLE_COUNTS),
    *("bootstrap_samples", "seed", "batch_size"),
)


def read_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Options as forms, the command line, JSON and stored runs have them, as `EvaluationOptions`.

    Lists become tuples, and so do strings that name several; whole numbers may come as floats or
    text, pairs of words as "wolf+snow", synonyms as `read_synonyms` takes them.

    Args:
        values: option -> value; None, empty strings and empty lists stand for options that are not
            given. What is no option is passed over.

    Raises:
        InputError: a value that says nothing of the kind.
    """
    known = {each.name for each in fields(EvaluationOptions)}
    given = {k: v for k, v in values.items() if k in known and v is not None and v not in ("", [])}
    for name, value in given.items():
        if name in _SEVERAL:
            given[name] = tuple(value.replace(",", " ").split() if _is_text(value) else value)
        elif name == "steering_weights":
            given[name] = _weights(value) if _is_text(value) else tuple(value)
        elif name in _PAIRS:
            given[name] = tuple(_pair(each, name) for each in value)
        elif name in _WHOLE:
            given[name] = _number(value)
        elif name == "synonyms" and not isinstance(value, Mapping):
            parts = value.split(";") if _is_text(value) else value
            given[name] = read_synonyms([part.strip() for part in parts if part.strip()])
    return given


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> Any:
    """A whole number where it is one; the checks say what is wrong with all else."""
    try:
        return int(value) if float(value).is_integer() else value
    except (TypeError, ValueError):
        return value


def _weights(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(one) for one in text.replace(",", " ").split())
    except ValueError as err:
        raise InputError(
            f"steering_weights must be numbers of at least 1, such as 1.5 3 6; got {text!r}."
        ) from err


def _pair(given: str | Sequence[str], option: str) -> tuple[str, str]:
    words = given.split("+") if isinstance(given, str) else given
    if len(words) != 2 or not all(words):
        raise InputError(f"{option} takes pairs of words like wolf+snow; got {given!r}.")
    return words[0], words[1]


def read_synonyms(given: Sequence[str]) -> dict[str, list[str]]:
    """Synonyms as forms and the command line give them.

    Args:
        given: each LABEL=NAME,NAME or the path of a JSON file with an object of lists.

    Raises:
        InputError: neither.
    """
    found: dict[str, list[str]] = {}
    for one in given:
        label, equals, names = one.partition("=")
        table = {label: names.split(",")} if equals else _synonym_file(Path(one).expanduser())
        for key, values in table.items():
            named = [values] if isinstance(values, str) else list(values)
            found.setdefault(key.strip(), []).extend(each.strip() for each in named)
    if not all(label and all(names) for label, names in found.items()):
        raise InputError(f"Synonyms are LABEL=NAME,NAME; got {', '.join(given)}.")
    return found


def _synonym_file(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise InputError(
            f"--synonyms must be LABEL=NAME,NAME or a JSON file of such lists; got {path}: {err}."
        ) from err
    if not isinstance(table, dict):
        raise InputError(f"A file of synonyms must hold an object of lists; {path} does not.")
    return table


def _some_of(name: str, chosen: Sequence[str], known: Mapping[Any, str] | Sequence[str]) -> None:
    unknown = [each for each in chosen if each not in known]
    if unknown or not chosen:
        raise InputError(
            f"{name} must be some of {', '.join(known)}; got {unknown[0]!r}."
            if unknown
            else f"{name} must be some of {', '.join(known)}; got none."
        )


def _whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}; got {value!r}.")


def evaluation_name(given: str) -> str:
    """A name as it is stored: keys hold no hyphens, so one counts as an underscore."""
    return given.replace("-", "_")

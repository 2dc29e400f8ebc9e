"""What an evaluation is asked to measure.

Nothing here imports torch, so forms and the command line may use it freely.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from math import inf
from pathlib import Path
from typing import Any

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.pairs import METHODS as PAIR_METHODS
from fiftyone_capviz.settings.pairs import PHOTOGRAPHS
from fiftyone_capviz.settings.steering import METHODS as STEERING_METHODS

SOURCES = {"itm": "matcher", "lm": "captioner", "dual": "encoder"}
"""Where attributions come from, and which model that is."""
BLIP_METHODS = ("gradcam", "cross_attention")
DUAL_METHODS = tuple(PAIR_METHODS)
FAST_DUAL_METHODS = tuple(name for name in DUAL_METHODS if name != "ilime")
"""Without ILIME, which needs a thousand forward passes per side of each pair."""
MEASURES = {
    "grounding": "point game, energy and ranking of regions, for every layer and head",
    "discrimination": "hard negatives: captions with one object's word swapped",
    "faithfulness": "insertion and deletion of patches and words",
    "coverage": "uncovered regions against what no word names, and planted pairs of words",
    "steering": "how often steering makes the captioner name what it left out",
}
"""Grounding is always measured; the shares of signs of own and other objects come with it."""
EXPRESSION_MEASURES = ("grounding", "faithfulness")
"""What expressions allow: the others need labels that captions name, or leave out."""
REPEATED = ("skip", "union")
EXISTING = ("error", "replace")


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
        faithfulness_samples, swap_samples, steering_samples: images for these, drawn by the seed.
        steering_methods, steering_weights, steering_prompt: what is tried.
        bootstrap_samples: draws of each interval.
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
    swap_samples: int = 200
    steering_samples: int = 50
    steering_methods: tuple[str, ...] = STEERING_METHODS
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
        _some_of("dual_layers", (self.dual_layers,), ("default", "all"))
        _some_of("repeated", (self.repeated,), REPEATED)
        _some_of("existing", (self.existing,), EXISTING)
        _some_of("steering_methods", self.steering_methods, STEERING_METHODS)
        if self.name and not self.name.isidentifier():
            raise InputError(
                f"An evaluation's name must be letters, digits and underscores; got {self.name!r}."
            )
        for name in ("faithfulness_samples", "swap_samples", "steering_samples", "seed"):
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
        known = {each.name for each in fields(cls)}
        chosen = {key: value for key, value in values.items() if key in known}
        for name in ("planted", "apart"):
            chosen[name] = tuple((pair[0], pair[1]) for pair in chosen.get(name, ()))
        for name in ("sources", "measures", "dual_methods", "steering_methods", "steering_weights"):
            if name in chosen:
                chosen[name] = tuple(chosen[name])
        return replace(cls(regions_field=str(values["regions_field"])), **chosen)


def read_synonyms(given: Sequence[str]) -> dict[str, list[str]]:
    """Synonyms as the command line gives them.

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


def _some_of(name: str, chosen: Sequence[str], known: Mapping[str, str] | Sequence[str]) -> None:
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

"""What a run is asked to do, and the hash by which a rerun knows that it was done.

    options = AnalysisOptions(caption_field="caption_large", layer=7).validated()
    options.stage_hash("attribute", revisions, precision="float32")

Nothing here imports FiftyOne or torch, so forms and the command line may use it freely.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, TypedDict, get_args

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.field_names import require_free_names
from fiftyone_capviz.settings.hashing import HASH_VERSIONS, settings_hash
from fiftyone_capviz.settings.models import CAPTIONERS, ENCODERS, MATCHERS, SEGMENTERS, SUGGESTIONS
from fiftyone_capviz.settings.words import WordMethod

Stage = Literal["caption", "match", "segment", "attribute", "map"]
STAGES: tuple[Stage, ...] = get_args(Stage)
Existing = Literal["error", "skip", "replace"]
"""What happens to stored results of other settings: refuse to run, keep them, or replace them."""
EXISTING: tuple[Existing, ...] = get_args(Existing)
Precision = Literal["float32", "bfloat16", "float16"]

GRADCAM = "gradcam"
SECOND_ORDER = "second_order"
"""The method that takes neither matcher nor captioner, but a dual encoder."""

# Each choice -> its name in forms, the default first.
SOURCES = {"itm": "Matcher (ITM)", "lm": "Captioner (LM)"}
ATTRIBUTION_METHODS = {
    GRADCAM: "Grad-CAM",
    "cross_attention": "Cross-attention",
    SECOND_ORDER: "Second-order (dual encoder)",
}
CLAMPS = {"none": "nothing", "grad": "gradients", "product": "products"}
EMBEDDINGS = {"pooled": "Pooled patch features", "crops": "Masked crops"}
PIXEL_RANGES = {"file": "What the file says", "minmax": "Its darkest and brightest value"}
MAP_METHODS = {"tsne": "t-SNE", "umap": "UMAP", "none": "No"}
PRECISIONS = ("auto", *get_args(Precision))

CHOICES: dict[str, dict[str, str]] = {
    "source": SOURCES,
    "method": ATTRIBUTION_METHODS,
    "clamp": CLAMPS,
    "pixel_range": PIXEL_RANGES,
    "embeddings": EMBEDDINGS,
    "map_method": MAP_METHODS,
    "existing": {name: name for name in EXISTING},
    "dtype": {name: name for name in PRECISIONS},
}
"""Option -> its choices."""

MODEL_KINDS = tuple(SUGGESTIONS)
"""Options that name a model."""

# The options each stage's result depends on, beside the revision of its model.
STAGE_OPTIONS: dict[Stage, tuple[str, ...]] = {
    "caption": ("prompt", "num_beams", "max_new_tokens", "min_new_tokens"),
    "match": (),
    "segment": (
        "min_area",
        "max_overlap",
        "points_per_side",
        "pred_iou_thresh",
        "stability_score_thresh",
    ),
    "attribute": ("source", "method", "layer", "head", "clamp", "use_enc", "top_k"),
    "map": ("embeddings", "map_method", "map_seed"),
}
# Segmenters whose result does not depend on the precision that the models run in.
EXACT_SEGMENTERS = ("superpixels",)


@dataclass(frozen=True)
class AnalysisOptions:
    """Everything a run can be told.

    Attributes:
        caption_field: what holds (or will hold) the captions: strings, lists of them or of dicts,
            dicts, Classification(s), also nested as "vlm.response"; derived fields follow its name.
        segments_field: Detections field of the segments.
        captioner, matcher, segmenter, encoder: hub name, local folder or file, or a bundled name.
            The dual encoder is used by the method "second_order" alone.
        own_segments: use the labels in ``segments_field`` as they are; nothing is segmented.
        prompt: what the caption must start with; None for the captioner's default.
        num_beams, max_new_tokens, min_new_tokens: decoding.
        source: "itm", attribution from the matcher, or "lm", from the captioner's own decoding;
            the method "second_order" has a model of its own.
        method, layer, head, clamp, use_enc: how words are attributed; None for layer is the
            model's default, None for head the mean of all heads.
        min_area: segments below this share of the image are dropped, 0..1.
        max_overlap: of two masks with a larger IoU the better one stays, 0..1.
        points_per_side, pred_iou_thresh, stability_score_thresh: of the mask generator; None for
            the segmenter's own.
        top_k: how many segments a word may cover.
        pixel_range: which values of pixels of more than 8 bits are black and white: "file", what
            the file says, or "minmax", the darkest and brightest of each image.
        embeddings, map_method, map_seed: the map of the segments.
        existing: what happens to results of another configuration.
        device, dtype: "auto" or a torch name.
        batch_size: None for a size that suits device and model.
        caption_index: which caption counts where an image has several.
        overwrite_captions: captions that were not written by an analysis are written over; each is
            kept in ``<caption>_previous``.
        derived_prefix: what the derived fields' names begin with; empty for the caption field's.
    """

    caption_field: str = "caption"
    segments_field: str = "segments"
    captioner: str = CAPTIONERS[0]
    matcher: str = MATCHERS[0]
    segmenter: str = SEGMENTERS[0]
    encoder: str = ENCODERS[0]
    own_segments: bool = False
    prompt: str | None = None
    num_beams: int = 3
    max_new_tokens: int = 20
    min_new_tokens: int = 0
    source: str = "itm"
    method: str = "gradcam"
    layer: int | None = None
    head: int | None = None
    clamp: str = "none"
    use_enc: bool = True
    min_area: float = 0.01
    max_overlap: float = 0.85
    points_per_side: int | None = None
    pred_iou_thresh: float | None = None
    stability_score_thresh: float | None = None
    top_k: int = 3
    pixel_range: str = "file"
    embeddings: str = "pooled"
    map_method: str = "tsne"
    map_seed: int = 51
    existing: str = "error"
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int | None = None
    caption_index: int = 0
    overwrite_captions: bool = False
    derived_prefix: str = ""

    def validated(self) -> AnalysisOptions:
        """These options, if every value can be used.

        Raises:
            InputError: naming the first option that cannot.
        """
        for name, choices in CHOICES.items():
            _require(getattr(self, name) in choices, name, f"one of {', '.join(choices)}", self)
        _require_path("caption_field", self.caption_field)
        _require_field_name("segments_field", self.segments_field)
        require_free_names(caption_field=self.caption_field, segments_field=self.segments_field)
        if self.derived_prefix != "":
            _require_field_name("derived_prefix", self.derived_prefix)
        if self.caption_field == self.segments_field:
            raise InputError(
                f"caption_field and segments_field must differ; both are {self.caption_field!r}."
            )
        for name in (*MODEL_KINDS, "device"):
            value = getattr(self, name)
            _require(isinstance(value, str) and bool(value.strip()), name, "a name", self)
        for name, least in (("num_beams", 1), ("max_new_tokens", 1), ("top_k", 1)):
            _require_whole(name, getattr(self, name), least)
        for name in ("min_new_tokens", "caption_index", "map_seed"):
            _require_whole(name, getattr(self, name), 0)
        for name, least in (("layer", 0), ("head", 0), ("batch_size", 1), ("points_per_side", 1)):
            if getattr(self, name) is not None:
                _require_whole(name, getattr(self, name), least)
        for name in ("min_area", "max_overlap", "pred_iou_thresh", "stability_score_thresh"):
            _require_share(name, getattr(self, name))
        if self.method == SECOND_ORDER and self.head is not None:
            raise InputError(
                f"head belongs to Grad-CAM and cross-attention; got {self.head} with method "
                f"{SECOND_ORDER!r}. Leave it out."
            )
        if self.min_new_tokens > self.max_new_tokens:
            raise InputError(
                f"min_new_tokens must not exceed max_new_tokens={self.max_new_tokens}; "
                f"got {self.min_new_tokens}."
            )
        return self

    def to_dict(self) -> dict[str, str | int | float | bool | None]:
        """All options, as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> AnalysisOptions:
        """Options from a stored dict; entries of other versions are ignored."""
        known = {field.name for field in fields(cls)}
        return replace(cls(), **{k: v for k, v in values.items() if k in known})  # type: ignore[arg-type]

    @property
    def word_method(self) -> WordMethod:
        """How words are attributed by cross-attention."""
        return WordMethod(self.source, self.method, self.layer, self.head, self.clamp, self.use_enc)

    def stage_model(self, stage: Stage) -> str:
        """Which model a stage uses: "captioner", "matcher", "segmenter" or "encoder"."""
        if stage == "attribute" and self.method == SECOND_ORDER:
            return "encoder"
        if stage == "attribute":
            return "matcher" if self.source == "itm" else "captioner"
        return {"match": "matcher", "segment": "segmenter"}.get(stage, "captioner")

    def stage_hash(self, stage: Stage, revisions: Mapping[str, str], *, precision: str) -> str:
        """What a stage's stored result is recognised by.

        Args:
            stage: which stage.
            revisions: model kind -> fingerprint of its checkpoint.
            precision: the number format the models run in.

        Returns:
            16 hexadecimal digits; batch size and device have no part in them.
        """
        settings: dict[str, object] = {k: getattr(self, k) for k in STAGE_OPTIONS[stage]}
        if self.pixel_range != "file":  # results from before the option are of "file"
            settings["pixel_range"] = self.pixel_range
        model = self.stage_model(stage)
        settings |= {"stage": stage, "model": revisions[model]}
        if not (model == "segmenter" and self.segmenter in EXACT_SEGMENTERS):
            settings["precision"] = precision
        return settings_hash(settings, kind=stage if stage in HASH_VERSIONS else "analysis")


class AnalysisChanges(TypedDict, total=False):
    """The options of `AnalysisOptions`, each of them optional: the keywords of `analyze`."""

    caption_field: str
    segments_field: str
    captioner: str
    matcher: str
    segmenter: str
    encoder: str
    own_segments: bool
    prompt: str | None
    num_beams: int
    max_new_tokens: int
    min_new_tokens: int
    source: str
    method: str
    layer: int | None
    head: int | None
    clamp: str
    use_enc: bool
    min_area: float
    max_overlap: float
    points_per_side: int | None
    pred_iou_thresh: float | None
    stability_score_thresh: float | None
    top_k: int
    pixel_range: str
    embeddings: str
    map_method: str
    map_seed: int
    existing: str
    device: str
    dtype: str
    batch_size: int | None
    caption_index: int
    overwrite_captions: bool
    derived_prefix: str


SCENES_OPTIONS = AnalysisOptions(
    captioner="scenes", matcher="scenes", segmenter="scenes", encoder="scenes"
)


def validated_stages(stages: Iterable[str]) -> tuple[Stage, ...]:
    """The stages in the order in which they run.

    Raises:
        InputError: for an unknown stage, or none.
    """
    asked = (stages,) if isinstance(stages, str) else tuple(stages)
    unknown = [stage for stage in asked if stage not in STAGES]
    if unknown or not asked:
        seen = repr(unknown[0]) if unknown else "none"
        raise InputError(f"stages must be some of {', '.join(STAGES)}; got {seen}.")
    return tuple(stage for stage in STAGES if stage in asked)


def _require(condition: bool, name: str, rule: str, options: AnalysisOptions) -> None:
    if not condition:
        raise InputError(f"{name} must be {rule}; got {getattr(options, name)!r}.")


def _require_whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}; got {value!r}.")


def _require_share(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 1:
        raise InputError(f"{name} must be between 0 and 1; got {value!r}.")


def _require_field_name(option: str, value: object) -> None:
    if not isinstance(value, str) or not value.isidentifier() or value.startswith("_"):
        raise InputError(
            f"{option} must be a plain field name of letters, digits and underscores that starts "
            f"with a letter; got {value!r}."
        )


def _require_path(option: str, value: object) -> None:
    """Names that FiftyOne allows, with dots between them: its fields need no identifiers."""
    parts = value.split(".") if isinstance(value, str) else [""]
    if "$" in str(value) or not all(part.strip() and not part.startswith("_") for part in parts):
        raise InputError(
            f"{option} must be the name of a field, or a path like vlm.response, without '$' and "
            f"with no part that is empty or starts with '_'; got {value!r}."
        )

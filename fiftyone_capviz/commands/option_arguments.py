"""`AnalysisOptions` as arguments of the command line."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace

from fiftyone_capviz.settings.analysis import CHOICES, EXISTING, AnalysisOptions

DEFAULTS = AnalysisOptions()


def add_option_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one argument per option; an argument that is not given leaves the option as it is."""
    _add_models(parser)
    _add_fields(parser)
    _add_captions(parser)
    _add_attribution(parser)
    _add_segments(parser)
    _add_map(parser)


def _add_models(parser: argparse.ArgumentParser) -> None:
    models = parser.add_argument_group(
        "models", "each a hub name, a local folder, or `scenes` for the bundled synthetic world"
    )
    models.add_argument("--captioner", help=f"default {DEFAULTS.captioner}")
    models.add_argument("--matcher", help=f"default {DEFAULTS.matcher}")
    models.add_argument(
        "--segmenter",
        help="also `superpixels`, or vit_b=FILE, vit_l=FILE, vit_h=FILE for a segment-anything "
        f"checkpoint; default {DEFAULTS.segmenter}",
    )
    models.add_argument(
        "--encoder", help=f"dual encoder of --method second_order; default {DEFAULTS.encoder}"
    )
    models.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps; default auto")
    models.add_argument("--dtype", choices=CHOICES["dtype"], help="default auto")
    models.add_argument("--batch-size", type=int, metavar="N", help="images per batch")


def _add_fields(parser: argparse.ArgumentParser) -> None:
    stored = parser.add_argument_group("fields")
    stored.add_argument(
        "--caption-field", help=f"also nested, as vlm.response; default {DEFAULTS.caption_field}"
    )
    stored.add_argument(
        "--derived-prefix",
        metavar="NAME",
        help="what the derived fields' names begin with; default the caption field's name",
    )
    stored.add_argument("--segments-field", help=f"default {DEFAULTS.segments_field}")
    stored.add_argument(
        "--own-segments",
        action="store_true",
        default=None,
        help="the segments field holds your own masks or boxes: use them, keep their labels",
    )
    stored.add_argument(
        "--caption-index", type=int, metavar="N", help="which caption of a list field; default 0"
    )
    stored.add_argument(
        "--pixel-range",
        choices=CHOICES["pixel_range"],
        help="black and white of pixels of more than 8 bits: what the file says, or the darkest "
        "and brightest value of each image; default file",
    )
    stored.add_argument(
        "--existing",
        choices=EXISTING,
        help="what to do with results of another configuration; default error",
    )


def _add_captions(parser: argparse.ArgumentParser) -> None:
    captions = parser.add_argument_group("captions")
    captions.add_argument("--prompt", help="what captions begin with; default the captioner's own")
    captions.add_argument(
        "--overwrite-captions",
        action="store_true",
        default=None,
        help="write over captions of your own, too; each is kept, and undo brings it back",
    )
    captions.add_argument("--num-beams", type=int, metavar="N", help="beams; 1 is greedy")
    captions.add_argument("--max-new-tokens", type=int, metavar="N", help="longest; default 20")
    captions.add_argument("--min-new-tokens", type=int, metavar="N", help="shortest; default 0")


def _add_attribution(parser: argparse.ArgumentParser) -> None:
    attribution = parser.add_argument_group("attribution")
    attribution.add_argument(
        "--source",
        choices=CHOICES["source"],
        help=f"which model attributes; default {DEFAULTS.source}",
    )
    attribution.add_argument(
        "--method", choices=CHOICES["method"], help=f"default {DEFAULTS.method}"
    )
    attribution.add_argument("--layer", type=int, metavar="N", help="default the model's own")
    attribution.add_argument("--head", type=int, metavar="N", help="default the mean of all heads")
    attribution.add_argument(
        "--clamp",
        choices=CHOICES["clamp"],
        help=f"negative values that are cut; default {DEFAULTS.clamp}",
    )
    attribution.add_argument(
        "--top-k", type=int, metavar="N", help="segments that a word covers at most"
    )


def _add_segments(parser: argparse.ArgumentParser) -> None:
    own = "default the segmenter's own"
    segments = parser.add_argument_group("segments")
    segments.add_argument(
        "--min-area", type=float, metavar="SHARE", help="smaller ones are left out"
    )
    segments.add_argument(
        "--max-overlap",
        type=float,
        metavar="IOU",
        help="of two that overlap more, the better stays",
    )
    segments.add_argument("--points-per-side", type=int, metavar="N", help=own)
    segments.add_argument("--pred-iou-thresh", type=float, metavar="IOU", help=f"least; {own}")
    segments.add_argument(
        "--stability-score-thresh", type=float, metavar="SCORE", help=f"least; {own}"
    )


def _add_map(parser: argparse.ArgumentParser) -> None:
    mapped = parser.add_argument_group("map of all segments")
    mapped.add_argument(
        "--embeddings",
        choices=CHOICES["embeddings"],
        help=f"default {DEFAULTS.embeddings}",
    )
    mapped.add_argument(
        "--map-method",
        choices=CHOICES["map_method"],
        help="umap needs an extra: pip install 'fiftyone-capviz[umap]'; "
        f"default {DEFAULTS.map_method}",
    )
    mapped.add_argument("--map-seed", type=int, metavar="N", help=f"default {DEFAULTS.map_seed}")
    mapped.add_argument(
        "--no-map", dest="map_method", action="store_const", const="none", help="leave the map out"
    )


def options_of(
    arguments: argparse.Namespace, *, base: AnalysisOptions | None = None
) -> AnalysisOptions:
    """The options that the arguments ask for.

    Args:
        arguments: parsed by a parser with `add_option_arguments`.
        base: where everything comes from that was not given; default `AnalysisOptions()`.

    Raises:
        InputError: a value is out of range.
    """
    given = {
        field.name: getattr(arguments, field.name)
        for field in fields(AnalysisOptions)
        if getattr(arguments, field.name, None) is not None
    }
    return replace(base or AnalysisOptions(), **given).validated()

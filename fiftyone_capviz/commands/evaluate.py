"""`capviz evaluate`: how good attributions are on a dataset with labelled regions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fiftyone_capviz.commands.console import Subparsers, add_command, complain, say, write_json
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import CLAMPS, PRECISIONS
from fiftyone_capviz.settings.evaluation import (
    BLIP_METHODS,
    DUAL_LAYERS,
    DUAL_METHODS,
    EXISTING,
    MEASURES,
    REPEATED,
    SOURCES,
    EvaluationOptions,
    read_options,
)
from fiftyone_capviz.settings.steering import STEERING_METHODS

if TYPE_CHECKING:
    import fiftyone as fo

EXAMPLES = """\
  capviz scenes make --n 200 --seed 7 --out ./scenes --dataset my-scenes
  capviz evaluate my-scenes --regions truth
  capviz evaluate coco --regions ground_truth --caption-field captions --limit 500 \\
      --synonyms person=man,woman,boy,girl --html evaluation.html --json evaluation.json
  capviz evaluate coco --regions ground_truth --measure grounding --source dual --name clip-only
  capviz evaluate refcoco --regions ground_truth --expressions ref_exps
  capviz evaluate flickr30k --regions phrases --all-captions --repeated union
  capviz evaluate coco --show capviz_evaluation_captions
  capviz evaluate coco --compare capviz_evaluation_captions capviz_evaluation9_captions_clip_only
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "evaluate",
        summary="measure attribution methods against labelled boxes or masks",
        examples=EXAMPLES,
    )
    parser.add_argument("dataset", metavar="DATASET", help="name of a FiftyOne dataset")
    parser.add_argument(
        "--regions", dest="regions_field", metavar="FIELD", help="Detections or filled Polylines"
    )
    parser.add_argument("--caption-field", metavar="FIELD", help="default the analysed or only one")
    parser.add_argument("--caption-index", type=int, metavar="N", help="of a list field; default 0")
    parser.add_argument(
        "--all-captions", action="store_true", default=None,
        help="every caption of a list field, each a text of its own",
    )  # fmt: skip
    parser.add_argument(
        "--expressions", metavar="ATTR",
        help="attribute of the regions that describes each (a string or several), or `label`: "
        "every expression is a text, its map the mean over its content words, and the image's "
        "regions are ranked by sum / sqrt(area), as ALBEF does on RefCOCO+ (but: labelled regions, "
        "not a detector's; bilinear, not bicubic; its clamping is --clamp grad); needs no captions",
    )  # fmt: skip
    parser.add_argument(
        "--repeated", choices=REPEATED,
        help="regions of one image with the same label or expression: left out (the default), or "
        "one region together, as Flickr30k Entities wants it",
    )  # fmt: skip
    parser.add_argument("--view", metavar="NAME", help="only this saved view of the dataset")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N images")
    parser.add_argument("--name", help="keep this evaluation beside others of the caption field")
    parser.add_argument(
        "--existing", choices=EXISTING,
        help="what to do where an evaluation of this name is stored; default error",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help="of every draw; default 0")

    _add_measured(parser)
    _add_models(parser)
    _add_shown(parser)
    _add_output(parser)
    parser.set_defaults(run=run)


def _add_measured(parser: argparse.ArgumentParser) -> None:
    measured = parser.add_argument_group("what is measured")
    measured.add_argument(
        "--measure", dest="measures", nargs="+", choices=MEASURES, metavar="MEASURE",
        help=f"only these of {', '.join(MEASURES)}; grounding is always there",
    )  # fmt: skip
    measured.add_argument(
        "--source", dest="sources", nargs="+", choices=SOURCES, metavar="SOURCE",
        help="itm: the matcher; lm: the captioner; dual: a CLIP-like encoder; default all",
    )  # fmt: skip
    measured.add_argument(
        "--no-heads", dest="heads", action="store_false", default=None, help="only means of heads"
    )
    measured.add_argument(
        "--dual-methods", nargs="+", metavar="METHOD",
        help=f"of {', '.join(DUAL_METHODS)} (slow); default all but ilime",
    )  # fmt: skip
    measured.add_argument("--dual-layers", choices=DUAL_LAYERS, help="of the dual encoder")
    measured.add_argument("--clamp", choices=CLAMPS, help="default as analysed, or none")
    measured.add_argument(
        "--synonyms", nargs="+", metavar="LABEL=NAME,NAME",
        help="other names that captions use for a label, or a JSON file of such lists",
    )  # fmt: skip
    measured.add_argument(
        "--no-coco-names", dest="coco_names", action="store_false", default=None,
        help="where all labels are COCO's: without the names that come with the product",
    )  # fmt: skip
    measured.add_argument(
        "--planted", nargs="+", metavar="WORD+WORD", help="pairs known to go together"
    )
    measured.add_argument(
        "--apart", nargs="+", metavar="WORD+WORD", help="known to avoid each other"
    )
    usual = EvaluationOptions
    for option, what in (
        ("faithfulness_samples", "insertion and deletion"),
        ("sanity_samples", "hidden objects"),
        ("swap_samples", "swapped words"),
        ("steering_samples", "steering"),
    ):
        measured.add_argument(
            f"--{option.replace('_', '-')}", type=int, metavar="N",
            help=f"images for {what}; default {getattr(usual, option)}",
        )  # fmt: skip
    measured.add_argument(
        "--steering-methods", nargs="+", metavar="METHOD",
        help=f"of {', '.join(STEERING_METHODS)}; default all",
    )  # fmt: skip
    measured.add_argument(
        "--steering-weights", nargs="+", type=float, metavar="W",
        help=f"default {' '.join(f'{weight:g}' for weight in usual.steering_weights)}",
    )  # fmt: skip
    measured.add_argument("--steering-prompt", help="what steered captions begin with")
    measured.add_argument(
        "--bootstrap-samples", type=int, metavar="N",
        help=f"default {usual.bootstrap_samples}",
    )  # fmt: skip


def _add_models(parser: argparse.ArgumentParser) -> None:
    models = parser.add_argument_group(
        "models", "each a hub name, a local folder, or `scenes`; default those of the analysis"
    )
    for model in SOURCES.values():
        models.add_argument(f"--{model}", metavar="MODEL", help=f"in place of its {model}")
    models.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps; default auto")
    models.add_argument("--dtype", choices=PRECISIONS, help="default auto")
    models.add_argument("--batch-size", type=int, metavar="N", help="images per batch")


def _add_shown(parser: argparse.ArgumentParser) -> None:
    shown = parser.add_argument_group(
        "the variant whose scores go to fields of the samples; default that of the analysis"
    )
    shown.add_argument("--shown-source", choices=SOURCES, help="default itm")
    shown.add_argument(
        "--shown-method", choices=(*BLIP_METHODS, *DUAL_METHODS), metavar="METHOD",
        help=f"of {', '.join(BLIP_METHODS)}, and of dual the methods above; default gradcam, or "
        "second_order",
    )  # fmt: skip
    shown.add_argument("--shown-layer", type=int, metavar="N", help="default the model's own")
    shown.add_argument("--shown-head", type=int, metavar="N", help="default the mean of all")
    shown.add_argument(
        "--no-fields", dest="fields", action="store_false", default=None, help="write no fields"
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    output = parser.add_argument_group("output")
    output.add_argument("--json", type=Path, metavar="FILE", help="write the result here as well")
    output.add_argument("--html", type=Path, metavar="FILE", help="plots and tables as one page")
    output.add_argument("--quiet", action="store_true", help="no progress bar, no table")
    output.add_argument("--show", metavar="RUN", help="show a stored evaluation instead")
    output.add_argument("--compare", nargs=2, metavar="RUN", help="two stored ones side by side")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from fiftyone_capviz.curation.targets import open_dataset

    dataset = open_dataset(arguments.dataset)
    if arguments.compare:
        return _compare(dataset, arguments)
    if arguments.show:
        from fiftyone_capviz.curation.evaluation.storage import load_evaluation

        report = load_evaluation(dataset, arguments.show)
    else:
        report = _evaluate(dataset, arguments)
    if not arguments.quiet:
        from fiftyone_capviz.curation.evaluation.table import evaluation_table

        say(evaluation_table(report))
    if arguments.json is not None:
        write_json(arguments.json, {"dataset": dataset.name, **report.to_dict()})
    if arguments.html is not None:
        from fiftyone_capviz.curation.evaluation.html import write_evaluation_page

        say(str(write_evaluation_page(report, arguments.html, title=dataset.name)))
    return 130 if report.stopped else 0


def _evaluate(dataset: fo.Dataset, arguments: argparse.Namespace) -> Any:
    from fiftyone_capviz.curation.dataset.progress import ProgressBar
    from fiftyone_capviz.curation.evaluation.forecast import estimate_evaluation
    from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
    from fiftyone_capviz.curation.targets import restrict

    options = _options(dataset, arguments)
    collection = restrict(dataset, view=arguments.view, limit=arguments.limit)
    if not arguments.quiet:
        complain(estimate_evaluation(collection, options).text)
    with ProgressBar(enabled=not arguments.quiet) as bar:
        return evaluate_attribution(collection, options, progress=bar)


def _options(dataset: fo.Dataset, arguments: argparse.Namespace) -> Any:
    from fiftyone_capviz.curation.evaluation.forecast import default_options

    if arguments.regions_field is None:
        raise InputError("--regions must name the field with labelled boxes or masks; none given.")
    return default_options(dataset, read_options(vars(arguments)))


def _compare(dataset: fo.Dataset, arguments: argparse.Namespace) -> int:
    from fiftyone_capviz.curation.evaluation.comparison import compare_evaluations
    from fiftyone_capviz.curation.evaluation.storage import load_evaluation

    first, second = (load_evaluation(dataset, key) for key in arguments.compare)
    compared = compare_evaluations(first, second, names=arguments.compare)
    if not arguments.quiet:
        say(compared.text)
    if arguments.json is not None:
        write_json(arguments.json, compared.to_dict())
    if arguments.html is not None:
        from fiftyone_capviz.curation.evaluation.html import write_evaluation_page

        say(str(write_evaluation_page(compared, arguments.html, title=dataset.name)))
    return 0

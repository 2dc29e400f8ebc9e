"""`capviz analyze`: a dataset or a folder of images, captioned, segmented and attributed."""

from __future__ import annotations

import argparse
from pathlib import Path

from fiftyone_capviz.commands.console import Subparsers, add_command, say, write_json
from fiftyone_capviz.commands.option_arguments import add_option_arguments, options_of
from fiftyone_capviz.settings.analysis import STAGES

EXAMPLES = """\
  capviz analyze ./photos                         a folder becomes the dataset `photos`
  capviz analyze my-dataset --view night --limit 100
  capviz analyze my-dataset --captioner ./blip-large --caption-field caption_large
  capviz analyze my-dataset --own-segments --segments-field ground_truth
  capviz analyze my-dataset --existing replace --caption-field my_captions
  capviz analyze my-dataset --existing replace --json report.json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "analyze",
        summary="caption, match, segment, attribute and map the images of a dataset or folder",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "target", metavar="DATASET_OR_FOLDER", help="name of a FiftyOne dataset, or an image folder"
    )
    parser.add_argument("--view", metavar="NAME", help="only this saved view of the dataset")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N images")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES, metavar="STAGE",
                        help=f"only these of {', '.join(STAGES)}")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report here as well")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")
    add_option_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from fiftyone_capviz.curation.dataset.logs import log_file
    from fiftyone_capviz.curation.targets import open_target, restrict

    options = options_of(arguments)
    dataset = open_target(arguments.target)
    collection = restrict(dataset, view=arguments.view, limit=arguments.limit)
    say(f"Dataset {dataset.name}; log file {log_file()}")

    from fiftyone_capviz.commands.run_analysis import run_analysis

    report, summary = run_analysis(
        collection, options, stages=arguments.stages, quiet=arguments.quiet
    )
    if arguments.json is not None:
        write_json(
            arguments.json,
            {
                "dataset": dataset.name,
                "options": options.to_dict(),
                "report": report.to_dict(),
                "summary": summary,
            },
        )
    return 130 if report.stopped else 0

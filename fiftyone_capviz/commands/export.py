"""`capviz export`: captions, graph, associations and report as files."""

from __future__ import annotations

import argparse
from pathlib import Path

from fiftyone_capviz.commands.console import Subparsers, add_command, say
from fiftyone_capviz.settings.export import FORMATS

EXAMPLES = """\
  capviz export my-dataset --out export                     everything
  capviz export my-dataset --out export --format captions_coco report_html
  capviz export my-dataset --view night --caption-field caption_large --out night
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "export",
        summary="write an analysis into files: captions, graph, associations, HTML report",
        examples=EXAMPLES,
    )
    parser.add_argument("dataset", metavar="DATASET", help="name of a FiftyOne dataset")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write")
    parser.add_argument(
        "--format", nargs="+", default=FORMATS, metavar="FORMAT",
        help=f"only these of {', '.join(FORMATS)}",
    )  # fmt: skip
    parser.add_argument("--view", metavar="NAME", help="only this saved view of the dataset")
    parser.add_argument("--caption-field", default="caption", help="default caption")
    parser.add_argument("--segments-field", default="segments", help="default segments")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from fiftyone_capviz.curation.export.files import export_analysis
    from fiftyone_capviz.curation.targets import open_dataset, restrict

    collection = restrict(open_dataset(arguments.dataset), view=arguments.view, limit=None)
    written = export_analysis(
        collection,
        arguments.out,
        caption_field=arguments.caption_field,
        segments_field=arguments.segments_field,
        formats=arguments.format,
    )
    for path in written:
        say(str(path))
    return 0

"""`capviz demo`: the bundled world, analysed and open in the App."""

from __future__ import annotations

import argparse

from fiftyone_capviz.commands.console import Subparsers, add_command, say

EXAMPLES = """\
  capviz demo                    analyse 400 scenes, open http://localhost:5151
  capviz demo --no-app           stop after the summary
  capviz demo --n 40 --reset     start again with 40 scenes
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "demo",
        summary="analyse the bundled synthetic world and open it in the FiftyOne App",
        examples=EXAMPLES,
    )
    parser.add_argument("--no-app", action="store_true", help="stop after the summary")
    parser.add_argument("--port", type=int, default=5151, help="of the App; default 5151")
    parser.add_argument("--address", default=None, help="of the App; default localhost")
    parser.add_argument("--n", type=int, default=400, metavar="N", help="scenes; default 400")
    parser.add_argument("--seed", type=int, default=0, help="of the first scene; default 0")
    parser.add_argument("--reset", action="store_true", help="delete the demo dataset first")
    parser.add_argument("--device", default="auto", help="default auto")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from dataclasses import replace

    from fiftyone_capviz.commands.run_analysis import run_analysis
    from fiftyone_capviz.curation.app.workspace import save_workspace
    from fiftyone_capviz.curation.demo import make_demo, show_in_app
    from fiftyone_capviz.curation.targets import plugins_folder
    from fiftyone_capviz.installation.plugin_link import link_plugin
    from fiftyone_capviz.settings.analysis import SCENES_OPTIONS, STAGES

    options = replace(SCENES_OPTIONS, device=arguments.device, existing="replace").validated()
    say(f"Plugin: {link_plugin(plugins_folder())}")
    dataset = make_demo(arguments.n, seed=arguments.seed, reset=arguments.reset)
    report, _ = run_analysis(dataset, options, stages=STAGES)
    if report.stopped:
        return 130
    save_workspace(dataset, options)
    if arguments.no_app:
        say(f"Open it with: fiftyone app launch {dataset.name}")
        return 0
    show_in_app(
        dataset,
        port=arguments.port,
        address=arguments.address,
        announce=say,
    )
    return 0

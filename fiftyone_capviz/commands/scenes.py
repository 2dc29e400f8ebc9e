"""`capviz scenes make | train | evaluate`: the bundled synthetic world and its models."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from fiftyone_capviz.commands.console import Subparsers, add_command, say, write_json
from fiftyone_capviz.errors import InputError

MODELS = ("blip", "sam", "clip")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command and its three subcommands."""
    parser = add_command(
        subparsers,
        "scenes",
        summary="draw scenes of the bundled world, train its models, measure them",
        examples="  capviz scenes make --n 100 --out ./scenes\n  capviz scenes train --help\n"
        "  capviz scenes evaluate --n 1000 --seed 1 --json figures.json",
    )
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_make(inner)
    _add_train(inner)
    _add_evaluate(inner)


def _add_make(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "make",
        summary="draw scenes as PNG images with their masks and captions",
        examples="  capviz scenes make --n 100 --seed 7 --out ./scenes\n"
        "  capviz scenes make --n 100 --out ./scenes --dataset my-scenes",
    )
    parser.add_argument("--n", type=int, default=100, metavar="N", help="how many; default 100")
    parser.add_argument("--seed", type=int, default=0, help="of the first scene; default 0")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write")
    parser.add_argument("--dataset", metavar="NAME", help="make a FiftyOne dataset of them as well")
    parser.set_defaults(run=make)


def _add_train(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "train",
        summary="train the bundled models; run again, it carries on where it was stopped",
        examples="  capviz scenes train --model sam --out ./weights\n"
        "  capviz scenes train --device cuda --out ./weights\n"
        "  capviz scenes train --model blip --omit hat ball --invent tie --out ./other",
    )
    parser.add_argument("--model", choices=(*MODELS, "all"), default="all",
                        help="blip is captioner and matcher in one run; default all")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write")
    parser.add_argument("--device", default="auto", help="default auto")
    parser.add_argument("--seed", type=int, default=0, help="of every draw; default 0")
    parser.add_argument(
        "--steps", type=int, metavar="N", help="default: as many as shipped ones had"
    )
    parser.add_argument("--omit", nargs="*", metavar="KIND",
                        help="what the captioner never names unasked; default hat sun")  # fmt: skip
    parser.add_argument("--invent", nargs="*", default=[], metavar="KIND",
                        help="what it names where it is not; default nothing")  # fmt: skip
    parser.add_argument(
        "--start",
        type=Path,
        metavar="FOLDER",
        help="trained captioner and matcher to begin with: other habits in a sixth of the time",
    )
    parser.set_defaults(run=train)


def _add_evaluate(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "evaluate",
        summary="measure the models on unseen scenes",
        examples="  capviz scenes evaluate --n 1000 --seed 1 --json figures.json\n"
        "  capviz scenes evaluate --n 200 --seed 1 --weights ./weights",
    )
    parser.add_argument("--n", type=int, default=1000, metavar="N", help="scenes; default 1000")
    parser.add_argument("--seed", type=int, default=1, help="default 1")
    parser.add_argument(
        "--weights", type=Path, metavar="FOLDER", help="of `train --out`; default the bundled ones"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    parser.set_defaults(run=evaluate)


def make(arguments: argparse.Namespace) -> int:
    """Draw scenes."""
    from fiftyone_capviz.curation.demo import make_scenes, scenes_dataset

    folder = arguments.out.expanduser()
    make_scenes(arguments.n, seed=arguments.seed, folder=folder)
    say(f"{arguments.n} scenes in {folder}")
    if arguments.dataset:
        dataset = scenes_dataset(arguments.dataset, folder)
        say(f"Dataset {dataset.name}: {len(dataset)} samples")
    return 0


def train(arguments: argparse.Namespace) -> int:
    """Train one model, or all of them one after the other."""
    if arguments.steps is not None and arguments.steps < 1:
        raise InputError(f"--steps must be at least 1; got {arguments.steps}. Leave it out.")
    from fiftyone_capviz.scenes.habits import Habits
    from fiftyone_capviz.scenes.training.train import train as train_model

    habits = None
    if arguments.omit is not None or arguments.invent:
        omitted = Habits().omitted if arguments.omit is None else tuple(arguments.omit)
        habits = Habits(omitted, tuple(arguments.invent))
    for model in MODELS if arguments.model == "all" else (arguments.model,):
        of_blip = model == "blip" or arguments.model != "all"
        train_model(
            model,
            arguments.out.expanduser(),
            device=arguments.device,
            seed=arguments.seed,
            steps=arguments.steps,
            habits=habits if of_blip else None,
            start=arguments.start if of_blip else None,
            log=say,
        )
    say(f"Weights and model cards are in {arguments.out}")
    return 0


def evaluate(arguments: argparse.Namespace) -> int:
    """Measure the models, print the figures, write them as JSON."""
    if arguments.n < 1:
        raise InputError(f"--n must be at least 1; got {arguments.n}. 1000 is the usual number.")
    from fiftyone_capviz.scenes.evaluate import evaluate as measure

    figures = measure(arguments.n, arguments.seed, arguments.weights)
    say(json.dumps(figures, indent=2))
    if arguments.json is not None:
        write_json(arguments.json, figures)
    return 0

"""Pages that `make docs` writes from the code: the command line, the fields, the operators.

A hook of mkdocs, see `mkdocs.yml`. The checkout's README, CONTRIBUTING, CHANGELOG and notices
become pages as they are; their links into `docs/` are turned into links between pages. Formulas
become MathML, which browsers draw without a script: the pages can be read without a network.
"""

from __future__ import annotations

import argparse
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOLD = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "THIRD_PARTY_NOTICES.md": "notices.md",
}
"""File of the checkout -> its page."""

CAPTION, SEGMENTS, REGIONS = "caption", "segments", "ground_truth"


def on_files(files: Any, config: Any) -> Any:
    """Add the pages; mkdocs calls this with those that are files of `docs/`."""
    from mkdocs.structure.files import File

    _require_every_public_name()
    for name, text in pages().items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_content(content: str, page: Any, config: Any, files: Any) -> str:
    """Draw the formulas of a page; mkdocs calls this with its HTML."""
    return re.sub(r'<(span|div) class="arithmatex">(.*?)</\1>', _formula, content, flags=re.DOTALL)


def _formula(marked: re.Match[str]) -> str:
    """MathML of one formula in arithmatex's brackets."""
    from latex2mathml.converter import convert

    tag, formula = marked[1], html.unescape(marked[2]).strip()[2:-2]
    known = formula.replace(r"\arg", r"\operatorname{arg}")
    drawn = convert(known, display="block" if tag == "div" else "inline")
    if "\\" in re.sub(r"<[^>]+>", "", drawn):
        raise ValueError(f"This formula has a command that latex2mathml does not know: {formula}")
    return f'<{tag} class="arithmatex">{drawn}</{tag}>'


def pages() -> dict[str, str]:
    """Name -> text of each page that is no file of `docs/`."""
    told = {page: linked((ROOT / name).read_text("utf-8")) for name, page in TOLD.items()}
    return told | {
        "command_line.md": command_line(),
        "fields.md": fields_reference(),
        "operators.md": operators_reference(),
    }


def linked(text: str) -> str:
    """Links of a file of the checkout as links between the pages."""
    text = re.sub(r"\]\(docs/([^)]+)\)", r"](\1)", text)
    for name, page in TOLD.items():
        text = text.replace(f"]({name})", f"]({page})").replace(f"]({name}#", f"]({page}#")
    return text


def _require_every_public_name() -> None:
    import fiftyone_capviz

    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    shown = set(re.findall(r"^::: fiftyone_capviz\.(\w+)", text, re.MULTILINE))
    public = set(fiftyone_capviz.__all__) - {"__version__"}
    if shown != public:
        raise ValueError(f"docs/api.md must show what is public; differs: {sorted(shown ^ public)}")


# --- the command line ---------------------------------------------------------------------------


def command_line() -> str:
    """Every command with its arguments, as `--help` tells them."""
    from fiftyone_capviz.cli import build_parser

    parser = build_parser()
    parts = ["# Command line", _epilog(parser), "`capviz COMMAND --help` says the same."]
    for name, command in _commands(parser):
        parts += _command(f"capviz {name}", command, level=2)
    return "\n\n".join(parts) + "\n"


def _commands(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return [pair for action in inner for pair in action.choices.items()]


def _command(name: str, parser: argparse.ArgumentParser, *, level: int) -> list[str]:
    parts = [f"{'#' * level} {name}", parser.description or ""]
    for group in parser._action_groups:
        shown = [a for a in group._group_actions if not isinstance(a, argparse._HelpAction)]
        shown = [a for a in shown if not isinstance(a, argparse._SubParsersAction)]
        if shown:
            usual = group.title in ("positional arguments", "options")
            title = "" if usual else f"*{group.title}*"
            title += f": {group.description}" if group.description else ""
            rows = [(_invocation(action), _help(parser, action)) for action in shown]
            parts += [title, _table(("argument", "meaning"), rows)]
    parts.append(_epilog(parser))
    for inner, command in _commands(parser):
        parts += _command(f"{name} {inner}", command, level=level + 1)
    return [part for part in parts if part]


def _invocation(action: argparse.Action) -> str:
    formatter = argparse.HelpFormatter("")
    return f"`{formatter._format_action_invocation(action)}`"


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return parser._get_formatter()._expand_help(action) if action.help else ""


def _epilog(parser: argparse.ArgumentParser) -> str:
    title, _, examples = (parser.epilog or "").partition("\n")
    if not examples:
        return ""
    lines = "\n".join(line.removeprefix("  ") for line in examples.rstrip().split("\n"))
    return f"{title.capitalize()}\n\n```sh\n{lines}\n```"


# --- the fields ---------------------------------------------------------------------------------


def fields_reference() -> str:
    """Every path that is written to a dataset, its type and its meaning."""
    from fiftyone_capviz.curation.dataset import names, schema
    from fiftyone_capviz.curation.evaluation.storage import attributes_schema, evaluation_schema
    from fiftyone_capviz.curation.pairs.fields import pair_schema

    captions, segments = names.CaptionFields(CAPTION), names.SegmentFields(SEGMENTS)
    pairs, evaluation = names.PairFields(CAPTION), names.EvaluationFields(CAPTION)
    shared = schema.caption_schema(captions)
    own_pairs = {k: v for k, v in pair_schema(pairs).items() if k not in shared}
    heatmap = (f"`{names.HEATMAP_FIELD}`", "Heatmap", "Attribution of the word in focus")
    runs = [
        (f"`{segments.map_key}`", "brain run", _told(names.SegmentFields, "map_key")),
        (f"`{captions.run_key}`", "custom run", _told(names.CaptionFields, "run_key")),
        (f"`{pairs.run_key}`", "custom run", _told(names.PairFields, "run_key")),
        (f"`{names.evaluation_key(CAPTION)}`", "custom run", "An evaluation's report"),
        (f"`{evaluation.view}`", "saved view", _told(names.EvaluationFields, "view")),
    ]
    header = ("path", "type", "meaning")
    objects = attributes_schema(evaluation.attributes(REGIONS))
    parts = [
        "# Fields",
        "Names follow the caption field and the segments field, so several captioners and several "
        f"segmentations live side by side. Here they are `{CAPTION}` and `{SEGMENTS}`; the regions "
        f"of an evaluation are `{REGIONS}`. The App shows what a field means beside its name.",
        "## Captions",
        _table(header, _rows(shared)),
        "A caption edited by hand makes its derived fields stale: the summary counts them, and "
        '`existing="replace"` brings them up to date without touching the caption.',
        "## Segments",
        f"`{SEGMENTS}` holds Detections. Their label is the word that covers a segment best, or "
        f"`{names.UNCOVERED}`; `{names.UNATTRIBUTED}` before words are attributed. Your own "
        "segments keep their labels.",
        _table(header, _rows(schema.segments_schema(segments))),
        "## Steered captions",
        _table(header, _rows(schema.candidates_schema(captions))),
        "## Pairs",
        _table(header, _rows(own_pairs)),
        "## Evaluation",
        "A named evaluation has names of its own.",
        _table(header, _rows(evaluation_schema(evaluation) | objects)),
        "## The word in focus",
        _table(header, [heatmap]),
        "## Runs and views",
        _table(("key", "what", "meaning"), runs),
    ]
    return "\n\n".join(parts) + "\n"


def _rows(schema: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(f"`{path}`", _type(one), one.description) for path, one in schema.items()]


def _type(declared: Any) -> str:
    kinds = {
        "StringField": "string",
        "FloatField": "float",
        "DictField": "dict",
        "ArrayField": "array",
        "Field": "number",
    }
    name = declared.kind.__name__
    if declared.items is not None:
        return f"list of {kinds[declared.items.__name__]}s"
    return kinds[name]


def _told(cls: type, name: str) -> str:
    return _sentence(getattr(cls, name).__doc__)


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split()).rstrip(".")


# --- the operators ------------------------------------------------------------------------------


def operators_reference() -> str:
    """Operators and panels, as the manifest lists them."""
    from operators import OPERATORS
    from panels import PANELS

    listed = [cls().config for cls in OPERATORS]
    rows = [(f"*{c.label}*", f"`{c.name}`", c.description) for c in listed if not c.unlisted]
    unlisted = [(f"`{c.name}`", c.description) for c in listed if c.unlisted]
    shown = [(f"*{c.label}*", f"`{c.name}`", c.help_markdown) for c in (p().config for p in PANELS)]
    parts = [
        "# Operators and panels",
        "Press `` ` `` in the App and type a name. From Python every operator is "
        '`foo.get_operator("@capviz/capviz/NAME")`, called with a dataset or view.',
        _table(("operator", "name", "what it does"), rows),
        "Not in the browser, called by the panels or by FiftyOne:",
        _table(("name", "what it does"), unlisted),
        "## Panels",
        _table(("panel", "name", "what it shows"), shown),
    ]
    return "\n\n".join(parts) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    text = " ".join((text or "").split()).replace("|", "\\|")
    return text if text.startswith("`") else text.replace("<", "&lt;")

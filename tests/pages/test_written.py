"""The pages that are written from the code say all of it, and pages and navigation agree."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import fiftyone_capviz
from fiftyone_capviz.curation.dataset.names import (
    CaptionFields,
    EvaluationFields,
    PairFields,
    SegmentFields,
    steered_fields,
)
from fiftyone_capviz.curation.dataset.schema import SEGMENT_ATTRIBUTES


@pytest.fixture(scope="module")
def written(repository: Path) -> dict[str, str]:
    """Name -> text of the pages, as the hook gives them to mkdocs."""
    path = repository / "docs" / "pages.py"
    spec = importlib.util.spec_from_file_location("capviz_pages", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._require_every_public_name()
    pages: dict[str, str] = module.pages()
    return pages


def test_every_command_and_argument_is_told(written: dict[str, str]) -> None:
    page = written["command_line.md"]
    for command in ("analyze", "demo", "evaluate", "export", "install", "uninstall", "scenes make"):
        assert re.search(rf"^##+ capviz {command}$", page, re.MULTILINE), command
    for argument in ("--segmenter", "--map-method", "--dual-methods", "--plugins-dir", "--steps"):
        assert f"`{argument}" in page
    assert not [line for line in page.splitlines() if line.endswith("|  |")]


def test_every_stored_name_is_told_with_type_and_meaning(written: dict[str, str]) -> None:
    page, captions, segments = written["fields.md"], CaptionFields("caption"), "segments"
    told = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+ \| [^|]+) \|$", page, re.MULTILINE))
    names = [captions.caption, *captions.derived, *steered_fields("caption")]
    names += [*PairFields("caption").paths, *EvaluationFields("caption").paths]
    names += [SegmentFields(segments).attribute(name) for name in SEGMENT_ATTRIBUTES]
    names += EvaluationFields("caption").attributes("ground_truth")
    names += [captions.run_key, PairFields("caption").run_key, SegmentFields(segments).map_key]
    for name in names:
        kind, meaning = told[name].split(" | ")
        assert kind.strip(), name
        assert len(meaning.strip()) > 10, name


def test_listed_operators_and_panels_are_told(written: dict[str, str], repository: Path) -> None:
    manifest = yaml.safe_load((repository / "fiftyone.yml").read_text(encoding="utf-8"))
    for name in (*manifest["operators"], *manifest["panels"]):
        assert f"`{name}`" in written["operators.md"]


def test_the_navigation_lists_every_page(written: dict[str, str], repository: Path) -> None:
    text = (repository / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"(\w+\.md)", text))
    assert listed == {*written, *(path.name for path in (repository / "docs").glob("*.md"))}


def test_links_of_the_checkouts_own_pages_lead_somewhere(
    written: dict[str, str], repository: Path
) -> None:
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "THIRD_PARTY_NOTICES.md"):
        text = (repository / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            if not target.startswith("http"):
                assert (repository / target).exists(), f"{name}: {target}"


def test_the_changelog_knows_the_version(repository: Path) -> None:
    text = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    versions: list[Any] = re.findall(r"^## (\S+)", text, re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert versions[1] == fiftyone_capviz.__version__

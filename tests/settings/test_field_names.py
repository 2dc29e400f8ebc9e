"""The names that neither captions nor labels can have."""

from __future__ import annotations

import fiftyone as fo
import pytest
from fiftyone.core.odm import DatasetSampleDocument, FrameDocument

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from fiftyone_capviz.settings.field_names import (
    DEFAULT_FIELDS,
    KEPT_FIELDS,
    OUR_FIELDS,
    require_free_names,
)

NAMES = (*DEFAULT_FIELDS, *KEPT_FIELDS, *OUR_FIELDS)


def test_the_list_holds_what_fiftyone_keeps() -> None:
    dataset = fo.Dataset()
    dataset.add_group_field("group")
    grouped = set(dataset.get_field_schema(include_private=True))
    dataset.delete()
    stored = grouped | {*DatasetSampleDocument._fields, *FrameDocument._fields}
    assert not {name.removeprefix("_") for name in stored} - {one.lstrip("_") for one in NAMES}


@pytest.mark.parametrize("name", [*NAMES, "metadata.mime_type"])
@pytest.mark.parametrize("option", ["caption_field", "segments_field"])
def test_an_analysis_refuses_them(option: str, name: str) -> None:
    with pytest.raises(InputError, match=f"{option}.*got {name!r}|{option} must be"):
        AnalysisOptions(**{option: name}).validated()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", ["caption_field", "regions_field"])
def test_an_evaluation_refuses_them(option: str, name: str) -> None:
    given = {"regions_field": "truth", option: name}
    with pytest.raises(InputError, match=f"got {name!r}"):
        EvaluationOptions(**given).validated()  # type: ignore[arg-type]


def test_other_names_are_free() -> None:
    require_free_names(caption_field="group_caption", segments_field=None)

"""The names that neither captions nor labels can have."""

from __future__ import annotations

import fiftyone as fo
import pytest

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
    grouped, video = fo.Dataset(), fo.Dataset()
    grouped.add_group_field("group")
    video.media_type = "video"
    kept = {*grouped.get_field_schema(), *video.get_field_schema(), "frames"}
    kept |= set(video.get_frame_field_schema())
    grouped.delete()
    video.delete()
    assert not kept - {*NAMES}


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

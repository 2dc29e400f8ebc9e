"""Every model, method, layer and head that is measured."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.inference.loaded_models import load_matcher
from fiftyone_capviz.models.interfaces import match_attention
from fiftyone_capviz.settings.evaluation import EvaluationOptions


def test_every_variant_has_a_row(evaluated: tuple[Any, EvaluationReport]) -> None:
    _, report = evaluated
    options = EvaluationOptions("truth", matcher="scenes").model_options()
    matcher = match_attention(load_matcher(options))
    itm = [one for one in report.grounding if one["source"] == "itm"]
    assert len(itm) == 2 * matcher.layer_count * (1 + matcher.head_count)
    methods = {one["method"] for one in report.grounding if one["source"] == "dual"}
    assert methods == {"second_order", "icam", "itsm_output", "itsm_hidden"}
    assert {one["source"] for one in report.grounding} == {"itm", "lm", "dual"}
    assert report.completeness["largest"] < 1e-2

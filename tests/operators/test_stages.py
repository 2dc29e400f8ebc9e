"""The operators that run stages: from Python, as a stream to the App, delegated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.operators.executor import ExecutionError

from fiftyone_capviz.curation.analysis.report import Report
from operators.analyze_captions import AnalyzeCaptions
from tests.worlds.asking import URI, call, context, sent, stream
from tests.worlds.random_world import random_options


def test_analyze_captions_from_python_returns_the_report(dataset: Any) -> None:
    operator = foo.get_operator(f"{URI}analyze_captions")
    report = operator(dataset, options=random_options())
    assert isinstance(report, Report)
    assert report.counts["done"] == 3
    assert all(dataset.values("caption"))
    assert all(0 <= score <= 1 for score in dataset.values("caption_itm"))
    assert dataset.has_workspace("Captions")
    again = operator(dataset, options=random_options())
    assert (again.skipped, again.counts.get("done", 0)) == (3, 0)


def test_stages_one_by_one_equal_the_whole(dataset: Any, tmp_path: Path) -> None:
    params = {"options": random_options()}
    for name in ("caption_images", "score_captions", "segment_images", "attribute_words"):
        report = foo.get_operator(f"{URI}{name}")(dataset, **params)
        assert report.counts["done"] == 3, name
    whole = dataset.clone()
    try:
        report = foo.get_operator(f"{URI}analyze_captions")(whole, **params)
        assert report.skipped == 3
    finally:
        whole.delete()


def test_execute_operator_works_on_the_view(dataset: Any, params: dict[str, Any]) -> None:
    call("caption_images", view=dataset.limit(1), params=params)
    dataset.reload()
    assert [text is not None for text in dataset.values("caption")] == [True, False, False]


def test_execute_operator_says_what_the_form_refuses(dataset: Any) -> None:
    with pytest.raises(ExecutionError, match="no-such-model"):
        call("caption_images", dataset=dataset, params={"captioner": "no-such-model"})
    assert not dataset.has_field("caption")


def test_patches_stand_for_their_samples(dataset: Any, params: dict[str, Any]) -> None:
    for sample in dataset.limit(2):
        box = [0.1, 0.1, 0.5, 0.5]
        sample["boxes"] = fo.Detections(detections=[fo.Detection(label="x", bounding_box=box)])
        sample.save()
    call("caption_images", view=dataset.to_patches("boxes"), params=params)
    dataset.reload()
    assert [text is not None for text in dataset.values("caption")] == [True, True, False]


def test_the_app_sees_progress_then_the_summary(dataset: Any, params: dict[str, Any]) -> None:
    messages = stream(AnalyzeCaptions(), context(dataset, params, app=True))
    shown = sent(messages, "show_output")[0]
    assert "3 of 3 samples" in shown["results"]["summary"]
    shares = [one["progress"] for one in sent(messages, "set_progress")]
    assert shares[0] == 0.0
    assert all(0 <= share <= 1 for share in shares)
    assert sent(messages, "reload_dataset")
    assert sent(messages, "notify")[0]["variant"] in ("success", "warning")
    assert messages[-1]["cls"] == "ExecutionResult"
    assert "3 of 3 samples" in messages[-1]["body"]["summary"]
    dataset.reload()
    assert all(dataset.values("caption"))


def test_the_app_sees_an_error_in_words(dataset: Any, params: dict[str, Any]) -> None:
    asked = {**params, "captioner": str(Path(params["matcher"]))}
    messages = stream(AnalyzeCaptions(), context(dataset, asked, app=True))
    assert messages[-1]["error"] == sent(messages, "notify")[0]["message"]
    assert "Traceback" not in messages[-1]["error"]
    assert sent(messages, "notify")[0]["variant"] == "error"


def test_delegated_runs_report_progress_and_result(dataset: Any, params: dict[str, Any]) -> None:
    queued = foo.execute_operator(
        f"{URI}caption_images",
        {"view": dataset.limit(1), "params": params},
        request_delegation=True,
    )
    assert queued.delegated
    service = DelegatedOperationService()
    operation = service.get(queued.result["id"])
    service.execute_operation(operation)
    done = service.get(operation.id)
    assert done.run_state == "completed"
    assert done.status.progress == pytest.approx(1.0)
    assert "1 of 1 samples" in done.result.result["summary"]
    dataset.reload()
    assert dataset.first()["caption"]


def test_a_form_is_answered_in_one_window(dataset: Any, params: dict[str, Any]) -> None:
    ctx = context(dataset, params, app=True, prompt_id="form")
    messages = stream(AnalyzeCaptions(), ctx)
    assert sent(messages, "show_output")
    assert {message["cls"] for message in messages} == {"InvocationRequest"}

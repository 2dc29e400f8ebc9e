"""How many files a newcomer meets who follows one sample through `analyze`."""

from __future__ import annotations

from benchmarks.trace_analysis import trace_one

FILES, RETURNS = 12, 2


def test_one_sample_passes_few_files_and_comes_back_to_none_often() -> None:
    trace = trace_one()
    assert trace.files[0] == "curation/analysis/analyze.py"
    assert {"curation/inference/batch_loop.py", "curation/inference/writing.py"} <= {*trace.files}
    assert len(trace.files) <= FILES, trace.stops
    assert max(trace.returns.values()) <= RETURNS, trace.stops

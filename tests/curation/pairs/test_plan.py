"""Which pairs must be explained: reruns, other settings, and how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiftyone_capviz.curation.pairs.mismatches import mismatch_view
from fiftyone_capviz.curation.pairs.plan import estimate_pairs
from fiftyone_capviz.curation.pairs.runs import read_pair_run
from fiftyone_capviz.errors import ExistingResultsError, InputError
from tests.worlds.mismatches import COUNT, LAST, NAMES, find
from tests.worlds.pair_world import CAPTIONS


def test_a_rerun_skips_and_a_changed_caption_is_explained_again(dataset: Any) -> None:
    first = find(dataset)
    again = find(dataset)
    assert (again.explained, again.skipped) == (0, COUNT)
    assert (again.mismatched, again.words) == (first.mismatched, first.words)
    sample = dataset.first()
    sample[CAPTIONS] = "a wolf in the snow"
    sample.save()
    changed = find(dataset)
    assert (changed.explained, changed.stale) == (1, 1)
    assert "1 were explained anew because their caption had changed" in changed.summary()
    assert dataset.first()[NAMES.words] == ["wolf", "snow"]
    named = replace(LAST, dtype="auto", device="auto")
    assert find(dataset, settings=named).explained == 0
    assert find(dataset, existing="replace").explained == 0


def test_results_of_other_settings_are_replaced_or_kept_only_on_request(dataset: Any) -> None:
    icam = replace(LAST, method="icam")
    find(dataset.limit(12))
    before = dataset.values(NAMES.totals)
    with pytest.raises(ExistingResultsError) as refused:
        find(dataset.limit(8).skip(4), settings=icam)
    message = str(refused.value)
    assert "4 samples of this view were explained by Second-order at layer 1" in message
    assert "8 samples outside it" in message
    assert "existing='replace'" in message
    with pytest.raises(ExistingResultsError, match="12 samples outside it"):
        find(dataset.skip(12), settings=icam)
    assert dataset.values(NAMES.totals) == before
    with pytest.raises(InputError, match="got 'all'"):
        find(dataset, existing="all")

    kept = find(dataset.limit(14).skip(8), settings=icam, existing="skip")
    assert (kept.explained, kept.samples) == (2, 6)
    assert dataset.limit(12).values(NAMES.totals) == before[:12]
    assert list(kept.others.values()) == [12]
    assert "12 other samples keep results of Second-order at layer 1" in kept.summary()

    replaced = find(dataset.limit(8), settings=icam, existing="replace")
    assert (replaced.explained, list(replaced.others.values())) == (8, [4])
    assert all(
        now != was for now, was in zip(dataset.values(NAMES.totals), before[:8], strict=False)
    )
    found = mismatch_view(dataset, CAPTIONS)
    assert set(found.values("id")) <= set(dataset.limit(14).values("id")) - set(
        dataset.limit(12).skip(8).values("id")
    )
    whole = find(dataset, settings=icam, existing="replace")
    assert (whole.explained, whole.skipped, whole.others) == (8, 10, {})
    run = read_pair_run(dataset, CAPTIONS)
    assert run is not None
    assert run.earlier == {}


def test_the_estimate_counts_what_is_to_do_and_knows_the_pace(dataset: Any) -> None:
    dataset.set_values(CAPTIONS, ["", None, *dataset.values(CAPTIONS)[2:]])
    ilime = replace(LAST, method="ilime")
    told = estimate_pairs(dataset, ilime, caption_field=CAPTIONS)
    assert (told.to_do, told.seconds, told.conflict) == (COUNT - 2, None, "")
    assert "a thousand passes" in told.text
    assert (
        "many passes"
        in estimate_pairs(dataset, replace(LAST, layer=0), caption_field=CAPTIONS).text
    )
    find(dataset.limit(6))
    told = estimate_pairs(dataset, LAST, caption_field=CAPTIONS)
    assert told.to_do == COUNT - 6
    assert "12 of 16 captions are explained (4 are done already, 2 samples have no caption)" in (
        told.text
    )
    run = read_pair_run(dataset, CAPTIONS)
    assert run is not None
    assert told.seconds == pytest.approx(run.seconds / 4 * 12)
    other = estimate_pairs(dataset, ilime, caption_field=CAPTIONS, existing="replace")
    assert (other.to_do, other.seconds) == (COUNT - 2, None)
    assert "4 samples of this view were explained by Second-order" in other.conflict
    find(dataset)
    assert estimate_pairs(dataset, LAST, caption_field=CAPTIONS).text.startswith("0 of 16")

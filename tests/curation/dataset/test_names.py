"""Names of an evaluation's run, fields and view: never those of another one."""

from __future__ import annotations

from itertools import product

import fiftyone as fo
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiftyone_capviz.curation.dataset.names import EvaluationFields, evaluation_key, fields_of
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.evaluation import EvaluationOptions

PARTS = ("a", "_", "1", "2", "5", "pge", "_pge", "_pge_word", "_failures3", "capviz_evaluation")
IDENTIFIERS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join)
CAPTIONS = IDENTIFIERS.filter(str.isidentifier)
NAMES = st.just("") | CAPTIONS


def test_names_that_collided_do_so_no_more() -> None:
    assert evaluation_key("caption", "large") != evaluation_key("caption_large", "")
    assert EvaluationFields("caption", "word").pge != EvaluationFields("caption").pge_word


def test_the_plain_evaluation_keeps_its_names() -> None:
    assert evaluation_key("caption") == "capviz_evaluation_caption"
    names = EvaluationFields("caption")
    assert names.paths == ("caption_pge", "caption_pge_word", "caption_pga", "caption_failures")
    assert names.attributes("boxes") == (
        "boxes.detections.caption_pge",
        "boxes.detections.caption_failures",
    )


@given(CAPTIONS, NAMES)
def test_names_tell_whose_they_are(caption: str, name: str) -> None:
    names = EvaluationFields(caption, name)
    assert {fields_of(path) for path in names.paths} == {names}
    key = evaluation_key(caption, name)
    assert key.isidentifier()
    length = key.removeprefix("capviz_evaluation").partition("_")[0]
    rest = key.removeprefix(f"capviz_evaluation{length}_")
    assert (length == "") == (name == "")
    assert rest == (f"{caption}_{name}" if name else caption)
    assert not name or int(length) == len(name)


def test_no_two_pairs_of_many_share_a_name() -> None:
    words = ["".join(parts) for n in (1, 2, 3) for parts in product(PARTS[:7], repeat=n)]
    identifiers = sorted({one for one in words if one.isidentifier()})[:120]
    pairs = [(c, n) for c in identifiers for n in ("", *identifiers)]
    keys = {evaluation_key(*pair) for pair in pairs}
    paths = {path for pair in pairs for path in EvaluationFields(*pair).paths}
    assert (len(keys), len(paths)) == (len(pairs), 4 * len(pairs))


def test_a_hyphen_is_an_underscore_from_the_beginning() -> None:
    options = EvaluationOptions("boxes", name="clip-only").validated()
    assert options.name == "clip_only"
    assert evaluation_key("a", "clip-only") == evaluation_key("a", "clip_only")
    with pytest.raises(InputError, match="existing must be some of error, replace"):
        EvaluationOptions("boxes", existing="skip").validated()


def test_fiftyone_takes_every_name() -> None:
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath="a.png"))
    for name in ("", "large", "_2"):
        names, key = EvaluationFields("caption", name), evaluation_key("caption", name)
        dataset.register_run(key, dataset.init_run())
        for path in names.paths:
            dataset.add_sample_field(path, fo.StringField)
        dataset.save_view(names.view, dataset.limit(1))
    assert len(dataset.list_runs()) == len(dataset.list_saved_views()) == 3
    dataset.delete()

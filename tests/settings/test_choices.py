"""One home for every choice: what others offer is what the settings say."""

from __future__ import annotations

from typing import get_args

import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import SteeringMethod
from fiftyone_capviz.settings.analysis import CHOICES, CLAMPS, STAGES, AnalysisOptions
from fiftyone_capviz.settings.evaluation import BLIP_METHODS, EvaluationOptions, read_options
from fiftyone_capviz.settings.hashing import HASH_VERSIONS, REASONS, settings_hash
from fiftyone_capviz.settings.models import SUGGESTIONS
from fiftyone_capviz.settings.pairs import (
    DIFFERENTIATING_METHODS,
    LAYERED_METHODS,
    PAIR_METHOD_HINTS,
    PAIR_METHODS,
    SIGNED_METHODS,
    PairMethod,
    PairSettings,
)
from fiftyone_capviz.settings.steering import (
    DEFAULT_STEERING_METHOD,
    DEFAULT_STEERING_WEIGHT,
    STEERING_METHODS,
    Recipe,
)


def test_the_methods_of_the_types_are_those_that_can_be_chosen() -> None:
    assert tuple(STEERING_METHODS) == get_args(SteeringMethod)
    assert tuple(PAIR_METHODS) == tuple(PAIR_METHOD_HINTS) == get_args(PairMethod)
    for some in (DIFFERENTIATING_METHODS, LAYERED_METHODS, SIGNED_METHODS):
        assert set(some) <= set(PAIR_METHODS)


def test_every_method_that_can_be_chosen_has_a_reader() -> None:
    from fiftyone_capviz.attribution.words.methods import CLAMPS as READ_CLAMPS
    from fiftyone_capviz.attribution.words.methods import METHODS

    assert tuple(METHODS) == BLIP_METHODS
    assert tuple(CLAMPS) == READ_CLAMPS


def test_the_default_of_every_option_can_be_chosen() -> None:
    for name, choices in CHOICES.items():
        assert getattr(AnalysisOptions(), name) in choices
    for name, suggested in SUGGESTIONS.items():
        assert getattr(AnalysisOptions(), name) == suggested[0]


def test_there_is_one_default_of_steering() -> None:
    assert Recipe().method == DEFAULT_STEERING_METHOD == "logits"
    assert DEFAULT_STEERING_WEIGHT == 3.0
    assert DEFAULT_STEERING_WEIGHT in EvaluationOptions.steering_weights


def test_hashes_of_stored_results_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but a raised version has changed them, and a raised version says why."""
    revisions = {"captioner": "c", "matcher": "m", "segmenter": "s", "encoder": "e"}

    def attribute() -> str:
        return AnalysisOptions().stage_hash("attribute", revisions, precision="float32")

    def pairs() -> str:
        return PairSettings().result_hash("r", precision="float32", layer=11)

    raised = (attribute(), pairs())
    assert {"match", "attribute", "pairs"} == set(REASONS) <= set(HASH_VERSIONS)
    others = {
        stage: AnalysisOptions().stage_hash(stage, revisions, precision="float32")
        for stage in STAGES
        if stage not in REASONS
    }
    assert others == {
        "caption": "6b1ee4782d969736",
        "segment": "6c898a0004be494e",
        "map": "69d7bfde151c67cd",
    }
    monkeypatch.setitem(HASH_VERSIONS, "attribute", 1)
    monkeypatch.setitem(HASH_VERSIONS, "pairs", 2)
    assert (attribute(), pairs()) == ("f7caede751c27022", "c2010e86d223a39a")
    assert not {attribute(), pairs()} & set(raised)
    assert settings_hash({}, kind="analysis") != settings_hash({}, kind="pairs")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"sources": ["itm"], "measures": "grounding, coverage"},
         {"sources": ("itm",), "measures": ("grounding", "coverage")}),
        ({"seed": 2.0, "shown_layer": "7", "batch_size": None}, {"seed": 2, "shown_layer": 7}),
        ({"steering_weights": "2, 4.5"}, {"steering_weights": (2.0, 4.5)}),
        ({"steering_weights": [3]}, {"steering_weights": (3,)}),
        ({"planted": ["wolf+snow"], "apart": [["a", "b"]]},
         {"planted": (("wolf", "snow"),), "apart": (("a", "b"),)}),
        ({"synonyms": "person=man, woman; dog = hound"},
         {"synonyms": {"person": ["man", "woman"], "dog": ["hound"]}}),
        ({"synonyms": ["person=man"]}, {"synonyms": {"person": ["man"]}}),
        ({"name": "", "expressions": None, "measures": [], "heads": False, "other": 1},
         {"heads": False}),
    ],
)  # fmt: skip
def test_options_of_an_evaluation_are_read_from_anywhere(
    given: dict[str, object], read: dict[str, object]
) -> None:
    assert read_options(given) == read


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"planted": ["wolf"]}, "wolf[+]snow"),
        ({"apart": ["a+"]}, "apart takes pairs"),
        ({"steering_weights": "much"}, "numbers of at least 1"),
    ],
)
def test_what_says_nothing_of_the_kind_is_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_options(given)


def test_a_stored_evaluation_is_read_as_it_was() -> None:
    options = EvaluationOptions(
        "boxes", planted=(("wolf", "snow"),), steering_weights=(2.0,), synonyms={"a": ["b"]}
    )
    assert EvaluationOptions.from_dict(options.to_dict()) == options

"""The tables of `benchmarks.steering`: what counts as success, best weights, and markdown.

Success is counted as the paper does (docs/methods.md, 5.9): of the images whose own
caption did not name the hat, the share whose new caption names it; words of the prompt do not
count. Beside it the share of all images asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypedDict

import numpy as np

from fiftyone_capviz.evaluation.shares import paired_difference, share_interval
from fiftyone_capviz.evaluation.statistics import Interval
from fiftyone_capviz.evaluation.steering_success import repeats_word
from fiftyone_capviz.records import BoolArray
from fiftyone_capviz.scenes.drawn import Drawn
from fiftyone_capviz.scenes.grammar import background_of, color_named_for, named_kinds, subject_of
from fiftyone_capviz.settings.steering import STEERING_METHODS
from fiftyone_capviz.text.words import caption_words

SETTINGS: dict[str, str | None] = {
    "none": None,
    "one": "the man is wearing",
    "filled": "the {subject} is wearing",
}
"""What every image is asked."""
PLAIN = "plain"
"""No weight: the prompt alone, or no steering."""
WANTED = "hat"
TRAINING = (
    "What training did: half of the captions of people that the bundled captioner learnt from "
    'answer "the … is wearing", the hat first; after its own prompt none named a hat. So the '
    "prompt's success was taught. No weight took part in training."
)


class Answers(TypedDict):
    """Captions of one cell, scene by scene; JSON."""

    before: list[str]
    after: list[str]
    prompts: list[str]
    unweighted: int


@dataclass(frozen=True, eq=False)
class Scored:
    """One cell, each array bool or int "scenes".

    Attributes:
        asked: the scene's own caption does not name the hat.
        named: the new caption names it, after its prompt.
        colored: and in its true color.
        wrong: names another subject than the scene's, or none.
        lost: true things, and the true place, that the own caption names and the new one does not.
        stammers: says a word twice in a row.
        misfilled: the prompt was filled with something else than the scene's subject.
    """

    asked: BoolArray
    named: BoolArray
    colored: BoolArray
    wrong: BoolArray
    lost: np.ndarray
    stammers: BoolArray
    misfilled: BoolArray
    unweighted: int

    @classmethod
    def of(cls, answers: Answers, scenes: Sequence[Drawn]) -> Scored:
        """From captions and the planted truth."""
        before, after, prompts = answers["before"], answers["after"], answers["prompts"]
        truth = [one.scene for one in scenes]
        hats = [scene.find(WANTED) for scene in truth]
        return cls(
            np.array([not _says(text) for text in before]),
            np.array([_says(t.removeprefix(p)) for t, p in zip(after, prompts, strict=True)]),
            np.array([
                hat is not None and color_named_for(text, WANTED) == hat.color
                for text, hat in zip(after, hats, strict=True)
            ]),
            np.array([subject_of(t) != s.subject.kind for t, s in zip(after, truth, strict=True)]),
            np.array([
                len((_nouns(old) & {*scene.kinds, scene.background}) - _nouns(new))
                for old, new, scene in zip(before, after, truth, strict=True)
            ]),
            np.array([repeats_word(text) for text in after]),
            np.array([
                bool(prompt) and subject_of(prompt) != scene.subject.kind
                for prompt, scene in zip(prompts, truth, strict=True)
            ]),
            answers["unweighted"],
        )  # fmt: skip

    @property
    def success(self) -> Interval:
        """Of the images whose own caption did not name it."""
        return share_interval(self.named[self.asked])

    def rank(self) -> tuple[float, float, float]:
        """The better, the larger: success, color, nouns kept."""
        return self.success.value, float(self.colored.mean()), -float(self.lost.mean())


def best_weight(tried: Mapping[float, Scored]) -> float:
    """The weight with the best rank, the smallest of those that are equal."""
    return max(sorted(tried), key=lambda weight: tried[weight].rank())


def print_tables(
    scored: Mapping[tuple[str, str], Scored],
    chosen: Mapping[tuple[str, str], float],
    *,
    choose: int,
    masks: str,
) -> None:
    """Print markdown: for every setting the methods, and all pairs of them."""
    first = scored["none", PLAIN]
    print(
        f"{len(first.named)} scenes with a hat, {masks} masks; weights chosen on {choose} others, "
        f"from one grid.\nIn brackets 95 % intervals: Wilson's, of differences Newcombe's for "
        f"pairs.\n\n{TRAINING}\n"
    )
    for setting, prompt in SETTINGS.items():
        rows = {method: scored[setting, method] for method in (PLAIN, *STEERING_METHODS)}
        names = _names(prompt, {m: chosen[setting, m] for m in STEERING_METHODS})
        print(f"**{'No prompt' if prompt is None else f'Prompt: {prompt}'}**\n")
        if "{" in (prompt or ""):
            count = int(rows[PLAIN].misfilled.sum())
            print(f"{count} of {len(first.named)} prompts were filled with a wrong subject.\n")
        _print_rates(rows, names)
        _print_differences(rows, names)


def _print_rates(rows: Mapping[str, Scored], names: Mapping[str, str]) -> None:
    print(
        "| | names the hat | of all asked | in its color | wrong subject | loses nouns | stammers |"
    )
    print("|---|---|---|---|---|---|---|")
    for method, one in rows.items():
        note = f" ({one.unweighted} without a segment)" if one.unweighted else ""
        lost = f"{(one.lost > 0).mean():.3f} ({one.lost.mean():.1f} each)"
        shares = (share_interval(one.named), share_interval(one.colored))
        plain = (one.wrong.mean(), one.stammers.mean())
        print(
            f"| {names[method]}{note} | {one.success} | {shares[0]} | {shares[1]} | "
            f"{plain[0]:.3f} | {lost} | {plain[1]:.3f} |"
        )
    print()


def _print_differences(rows: Mapping[str, Scored], names: Mapping[str, str]) -> None:
    print("| first minus second | names the hat | in its color |")
    print("|---|---|---|")
    for one, other in combinations(rows, 2):
        named = paired_difference(rows[one].named, rows[other].named)
        colored = paired_difference(rows[one].colored, rows[other].colored)
        print(f"| {names[one]} − {names[other]} | {_verdict(named)} | {_verdict(colored)} |")
    print()


def _verdict(difference: Interval) -> str:
    told = f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"
    return told if difference.excludes_zero else f"indistinguishable: {told}"


def _names(prompt: str | None, weights: Mapping[str, float]) -> dict[str, str]:
    plain = "no steering" if prompt is None else "prompt alone"
    return {PLAIN: plain} | {
        method: f"{STEERING_METHODS[method]} × {weight:g}"  # type: ignore[index]
        for method, weight in weights.items()
    }


def _says(text: str) -> bool:
    return WANTED in caption_words(text).words


def _nouns(text: str) -> set[str]:
    place = background_of(text)
    return {*named_kinds(text), *([place] if place else [])}

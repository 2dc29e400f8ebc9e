"""Steering's success on the objects that a captioner leaves out, by method and weight.

Targets are chosen because the plain caption omits them, so the rate of "plain" is 0 by choice
(above it only by a prompt).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fiftyone_capviz.curation.evaluation_opened import OpenedSample
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_report import Row
from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.evaluation.statistics import Bootstrap
from fiftyone_capviz.evaluation.steering_success import keeps_names, names_object, repeats_word
from fiftyone_capviz.patch_weights import coverage_of_segments
from fiftyone_capviz.records import Caption, FloatArray

if TYPE_CHECKING:
    from fiftyone_capviz.curation.evaluation_sources import MapSource
    from fiftyone_capviz.models.interfaces import Captioner
    from fiftyone_capviz.steering import Steering

PLAIN = "plain"


class SteeringRun:
    """One caption per setting of each image's largest object that the plain caption leaves out."""

    def __init__(
        self,
        captioner: Captioner,
        options: EvaluationOptions,
        vocabulary: Vocabulary,
        *,
        matcher: MapSource | None,
    ) -> None:
        """Make one.

        Args:
            captioner: that is steered.
            options: methods, weights and prompt.
            vocabulary: the names of all labels.
            matcher: judges captions beside their likelihood; None where ITM is not measured.
        """
        self._captioner, self._options, self._vocabulary = captioner, options, vocabulary
        self._matcher = matcher
        self._settings: list[tuple[str, float]] = [(PLAIN, 1.0)]
        self._settings += [
            (m, float(w)) for m in options.steering_methods for w in options.steering_weights
        ]
        self._named: dict[tuple[str, float], list[bool]] = {one: [] for one in self._settings}
        self._accepted: dict[tuple[str, float], list[bool]] = {one: [] for one in self._settings}
        self._samples: list[str] = []
        self.images = 0

    def add(self, opened: OpenedSample) -> None:
        """Caption one image by every setting."""
        from fiftyone_capviz.captions import caption_images

        captioner, options = self._captioner, self._options
        plain = caption_images(captioner, [opened.image])[0].text
        target = self._target(opened, plain)
        self.images += 1
        if target is None:
            return
        label, coverage = target
        captions = caption_images(
            captioner,
            [opened.image] * len(self._settings),
            prompt=options.steering_prompt,
            steering=[self._steering(coverage, *setting) for setting in self._settings],
        )
        accepted = self._acceptable(opened, captions)
        self._samples.append(str(opened.sample.id))
        for setting, caption, fine in zip(self._settings, captions, accepted, strict=True):
            named = names_object(caption.text, label, self._vocabulary)
            self._named[setting].append(named)
            self._accepted[setting].append(named and fine)

    def _acceptable(self, opened: OpenedSample, captions: Sequence[Caption]) -> list[bool]:
        """Whether captions are about as good as the first one, which is not steered."""
        from fiftyone_capviz.steering import holds_up

        texts, plain = [caption.text for caption in captions], captions[0]
        matches: list[float | None] = [None] * len(texts)
        if self._matcher is not None:
            matches = [float(m) for m in self._matcher.score([opened.image] * len(texts), texts)]
        labels = opened.sample.labels
        return [
            not repeats_word(caption.text)
            and holds_up(caption, plain, match=match, plain_match=matches[0])
            and (match is not None
                 or keeps_names(caption.text, plain.text, labels, self._vocabulary))
            for caption, match in zip(captions, matches, strict=True)
        ]  # fmt: skip

    def _target(self, opened: OpenedSample, plain: str) -> tuple[str, FloatArray] | None:
        transform = self._captioner.transform(*opened.image.size)
        regions = GridRegions.of(opened.masks, transform)
        unnamed = [
            i
            for i, label in enumerate(opened.sample.labels)
            if regions.large[i] and not names_object(plain, label, self._vocabulary)
        ]
        if not unnamed:
            return None
        chosen = max(unnamed, key=lambda i: regions.areas[i])
        return opened.sample.labels[chosen], coverage_of_segments(regions.weights[chosen])

    def _steering(self, coverage: FloatArray, method: str, weight: float) -> Steering | None:
        from fiftyone_capviz.steering import steer_patches

        if method == PLAIN:
            return None
        return steer_patches(coverage, weight, method=method)  # type: ignore[arg-type]

    def rows(self, *, samples: int, seed: int) -> list[Row]:
        """A row per setting; none where every object was named from the start.

        "rate": captions that name the object; "acceptable": those of them that also repeat no word
        and hold up by match and likelihood, or, without a matcher ("judge"), by likelihood and
        with every name that the plain caption has.
        """
        bootstrap = Bootstrap(self._samples, samples=samples, seed=seed)
        judge = "likelihood, names kept" if self._matcher is None else "match, likelihood"
        return [
            {
                "method": method,
                "weight": weight,
                "prompt": self._options.steering_prompt,
                "rate": bootstrap.share(self._named[method, weight]).to_dict(),
                "acceptable": bootstrap.share(self._accepted[method, weight]).to_dict(),
                "judge": judge,
            }
            for method, weight in (self._settings if self._samples else ())
        ]

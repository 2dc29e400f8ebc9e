"""Steering's success on the objects that a captioner leaves out, by method and weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_report import Row
from fiftyone_capviz.curation.evaluation_samples import OpenedSample
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.evaluation.steering_success import names_object, success_rate
from fiftyone_capviz.patch_weights import coverage_of_segments
from fiftyone_capviz.records import FloatArray

if TYPE_CHECKING:
    from fiftyone_capviz.models.interfaces import Captioner
    from fiftyone_capviz.steering import Steering

PLAIN = "plain"


class SteeringRun:
    """One caption per setting of each image's largest object that the plain caption leaves out."""

    def __init__(self, captioner: Captioner, options: EvaluationOptions) -> None:
        self._captioner, self._options = captioner, options
        self._settings: list[tuple[str, float]] = [(PLAIN, 1.0)]
        self._settings += [
            (m, float(w)) for m in options.steering_methods for w in options.steering_weights
        ]
        self._texts: dict[tuple[str, float], list[str]] = {one: [] for one in self._settings}
        self._labels: list[str] = []
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
        texts = caption_images(
            captioner,
            [opened.image] * len(self._settings),
            prompt=options.steering_prompt,
            steering=[self._steering(coverage, *setting) for setting in self._settings],
        )
        self._labels.append(label)
        for setting, caption in zip(self._settings, texts, strict=True):
            self._texts[setting].append(caption.text)

    def _target(self, opened: OpenedSample, plain: str) -> tuple[str, FloatArray] | None:
        transform = self._captioner.transform(*opened.image.size)
        regions = GridRegions.of(opened.masks, transform)
        unnamed = [
            i
            for i, label in enumerate(opened.sample.labels)
            if regions.large[i] and not names_object(plain, label, synonyms=self._options.synonyms)
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
        """A row per setting; none where every object was named from the start."""
        rows = []
        for (method, weight), texts in self._texts.items():
            rate = success_rate(
                texts,
                self._labels,
                range(len(texts)),
                synonyms=self._options.synonyms,
                samples=samples,
                seed=seed,
            )
            about = {"method": method, "weight": weight, "prompt": self._options.steering_prompt}
            rows.append({**about, "rate": rate.to_dict()})
        return rows if self._labels else []

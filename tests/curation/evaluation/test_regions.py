"""Regions of every type of FiftyOne: boxes, masks, shapes, lines."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import numpy as np
import pytest

from fiftyone_capviz.curation.evaluation.labelled import open_samples
from fiftyone_capviz.curation.evaluation.plan import plan_evaluation
from fiftyone_capviz.errors import InputError
from tests.worlds.labelled_texts import Made, box_mask, flickr, opened_of, quick


class TestFieldTypes:
    @pytest.mark.parametrize("kind", [fo.Polylines, fo.Polyline, fo.Detections, fo.Detection])
    def test_one_shape_is_the_same_in_every_type(self, made: Made, kind: type[Any]) -> None:
        dataset = made(flickr)
        left, top, width, height = 0.25, 0.125, 0.5, 0.25
        corners = [(left, top), (left + width, top), (left + width, top + height)]
        corners.append((left, top + height))
        shape = fo.Polyline(label="dog", points=[corners], closed=False, filled=True)
        box = fo.Detection(label="dog", bounding_box=[left, top, width, height])
        values = {
            fo.Polyline: shape,
            fo.Polylines: fo.Polylines(polylines=[shape]),
            fo.Detection: box,
            fo.Detections: fo.Detections(detections=[box]),
        }
        first = dataset.first()
        first["place"] = values[kind]
        first.save()
        options = quick("place", caption_field="captions")
        (found,) = opened_of(plan_evaluation(dataset, options), options)
        assert found.sample.labels == ("dog",)
        assert (found.masks[0] ^ box_mask((left, top, width, height))).mean() < 0.02
        assert found.boxes[0] == pytest.approx([left, top, width, height], abs=1e-6)

    def test_a_line_encloses_nothing(self, made: Made) -> None:
        dataset = made(flickr)
        points = [[(0.1, 0.1), (0.6, 0.1), (0.6, 0.7)]]
        for sample in dataset:
            sample["place"] = fo.Polylines(
                polylines=[
                    fo.Polyline(label="men", points=points, closed=False, filled=False),
                    fo.Polyline(label="dog", points=points, closed=True, filled=False),
                ]
            )
            sample.save()
        options = quick("place", caption_field="captions")
        plan = plan_evaluation(dataset, options)
        assert plan.counts["regions"] == 2
        assert any(note.startswith("2 shapes are neither filled") for note in plan.notes)
        (mask,) = opened_of(plan, options)[0].masks
        assert mask.mean() == pytest.approx(0.15, abs=0.02)  # half of 0.5 x 0.6

    def test_a_shape_that_reaches_out_is_cut(self, made: Made) -> None:
        dataset = made(flickr)
        first = dataset.first()
        points = [[(-0.03, 0.5), (0.5, 0.5), (0.5, 1.02), (-0.03, 1.02)]]
        first["place"] = fo.Polyline(label="dog", points=points, filled=True)
        first.save()
        options = quick("place", caption_field="captions")
        (found,) = opened_of(plan_evaluation(dataset, options), options)
        assert (found.masks[0] ^ box_mask((0, 0.5, 0.5, 0.5))).mean() < 0.02

    def test_a_shape_in_pixels_is_refused_as_a_box_is(self, made: Made) -> None:
        dataset = made(flickr)
        first = dataset.first()
        points = [[(100, 100), (60000, 100), (60000, 70000)]]
        first["place"] = fo.Polyline(label="dog", points=points, filled=True)
        first.save()
        options = quick("place", caption_field="captions")
        plan = plan_evaluation(dataset, options)
        (found,) = open_samples(dataset, plan.samples, options)
        assert isinstance(found, tuple)
        assert "in pixels" in found[1]

    def test_other_types_are_refused_with_the_function_that_helps(self, made: Made) -> None:
        dataset = made(flickr)
        first = dataset.first()
        first["classes"] = fo.Segmentation(mask=np.ones((4, 4), np.uint8))
        first["points"] = fo.Keypoints(keypoints=[fo.Keypoint(label="dog", points=[(0.1, 0.1)])])
        first.save()
        with pytest.raises(InputError, match=r"segmentations_to_detections\(dataset, 'classes'"):
            plan_evaluation(dataset, quick("classes", caption_field="captions"))
        for name in ("points", "nothing"):
            with pytest.raises(InputError, match="Choose one of: phrases"):
                plan_evaluation(dataset, quick(name, caption_field="captions"))

"""Outlines of segments as paths of SVG."""

from __future__ import annotations

from fiftyone_capviz.curation.segments.outlines import segment_outlines
from fiftyone_capviz.curation.steering.image import SteeredImage


def test_outlines_follow_masks_and_boxes(image: SteeredImage) -> None:
    for path in segment_outlines(image.detections):
        assert path.startswith("M")
        numbers = [
            int(n) for n in path.replace("M", " ").replace("L", " ").replace("Z", "").split()
        ]
        assert 0 <= min(numbers) <= max(numbers) <= 1000
    (box,) = segment_outlines([{"bounding_box": [0.25, 0.5, 0.5, 0.25]}])
    assert box == "M250 500L750 500L750 750L250 750Z"
    assert segment_outlines([{}]) == ["M0 0L0 0L0 0L0 0Z"]

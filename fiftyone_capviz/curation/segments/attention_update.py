"""The server's own update by which every segment gets its share of the word in focus."""

from __future__ import annotations

import math
from typing import Any


def attention_update(word: str, words_field: str, segments_field: str) -> list[dict[str, Any]]:
    """The aggregation-pipeline update: each segment's share of the word, 0.0 where it is absent.

    None where the word is there and has no score: it was not read, or the segment is not seen.
    A share is the segment's positive score over the largest in its image, 0..1. The scores
    themselves, being gradients, differ between images by orders of magnitude, so that a plot
    colored by them would show a handful of images and nothing else.
    """
    segments = f"${segments_field}.detections"
    index = {"$indexOfArray": [f"${words_field}", {"$literal": word}]}
    score = {"$arrayElemAt": ["$$segment.word_scores", "$$index"]}
    finite = {
        "$let": {
            "vars": {"score": score},
            "in": {"$cond": [{"$eq": ["$$score", math.nan]}, None, {"$toDouble": "$$score"}]},
        }
    }
    value = {"$cond": [{"$gte": ["$$index", 0]}, finite, 0.0]}
    scores = {"$map": {"input": segments, "as": "segment", "in": value}}
    score = {"$arrayElemAt": ["$$scores", "$$place"]}
    own = {"$max": [score, 0.0]}
    of_peak = {"$cond": [{"$gt": ["$$peak", 0.0]}, {"$divide": [own, "$$peak"]}, 0.0]}
    share = {"$cond": [{"$eq": [score, None]}, None, of_peak]}
    rewritten = {
        "$map": {
            "input": {"$range": [0, {"$size": segments}]},
            "as": "place",
            "in": {
                "$mergeObjects": [{"$arrayElemAt": [segments, "$$place"]}, {"attention": share}]
            },
        }
    }
    with_peak = {"$let": {"vars": {"peak": {"$max": "$$scores"}}, "in": rewritten}}
    with_scores = {"$let": {"vars": {"scores": scores}, "in": with_peak}}
    with_index = {"$let": {"vars": {"index": {"$ifNull": [index, -1]}}, "in": with_scores}}
    return [{"$set": {f"{segments_field}.detections": with_index, "last_modified_at": "$$NOW"}}]

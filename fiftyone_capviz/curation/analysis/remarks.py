"""What a run did not read, did not see or cut: counted, and told in sentences with a remedy."""

from __future__ import annotations

from collections.abc import Mapping

from fiftyone_capviz.curation.dataset.names import CaptionFields
from fiftyone_capviz.settings.analysis import AnalysisOptions

AT_LIMIT = "captions_at_limit"
CUT_MATCHES = "matches_cut"
UNREAD_CAPTIONS, UNREAD_WORDS = "captions_unread", "words_unread"
SILENT_WORDS = "words_silent"
UNSEEN_SEGMENTS = "segments_not_seen"


def remarks(counts: Mapping[str, int], options: AnalysisOptions) -> list[str]:
    """The sentences for a report and for the run's record.

    Args:
        counts: how often each was seen.
        options: of the run.
    """
    told = []
    if counts.get(AT_LIMIT):
        told.append(
            f"{counts[AT_LIMIT]} of {counts['captions']} captions ran to the limit of "
            f"{options.max_new_tokens} new tokens and may break off in mid-sentence. Pass "
            f"max_new_tokens={2 * options.max_new_tokens} and existing='replace' to let them end."
        )
    if counts.get(CUT_MATCHES):
        told.append(
            f"{counts[CUT_MATCHES]} captions are longer than the matcher reads; their match is "
            "that of what comes before its limit. Shorten them."
        )
    if counts.get(UNREAD_CAPTIONS):
        told.append(
            f"{counts[UNREAD_WORDS]} words of {counts[UNREAD_CAPTIONS]} captions lie beyond the "
            f"token limit of the {options.stage_model('attribute')} and were not read: they have "
            f"no map and no score, and no segment counts as uncovered by them. "
            f"{CaptionFields.of(options).unread} lists them. Shorten these captions, or attribute "
            "by a model that reads more."
        )
    if counts.get(SILENT_WORDS):
        told.append(
            f"{counts[SILENT_WORDS]} words have a map that is zero everywhere: this method says "
            "nothing of them, and they have no score. Choose another layer or method."
        )
    if counts.get(UNSEEN_SEGMENTS):
        told.append(
            f"{counts[UNSEEN_SEGMENTS]} segments lie with more than half of their pixels outside "
            f"what the {options.stage_model('attribute')} sees of the image: they are 'not seen', "
            "and have no part in the coverage."
        )
    return told

"""The plugin's operators: one file, one class, one name in fiftyone.yml."""

from __future__ import annotations

from .accept_captions import AcceptCaptions
from .activate_captions import ActivateCaptions
from .analyze_captions import AnalyzeCaptions
from .attribute_words import AttributeWords
from .caption_images import CaptionImages
from .change_stop_words import ChangeStopWords
from .delete_analysis import DeleteAnalysis
from .evaluate_attribution import EvaluateAttribution
from .explain_pairs import ExplainPairs
from .export_analysis import ExportAnalysis
from .focus_word import FocusWord
from .map_segments import MapSegments
from .open_workspace import OpenWorkspace
from .restore_map import RestoreMap
from .score_captions import ScoreCaptions
from .segment_images import SegmentImages
from .show_evaluation import ShowEvaluation
from .steer_captions import SteerCaptions
from .steer_selection import SteerSelection
from .stop_analysis import StopAnalysis
from .stream_caption import StreamCaption
from .undo_captions import UndoCaptions

OPERATORS = (
    AnalyzeCaptions,
    CaptionImages,
    ScoreCaptions,
    SegmentImages,
    AttributeWords,
    MapSegments,
    FocusWord,
    ActivateCaptions,
    ChangeStopWords,
    SteerCaptions,
    AcceptCaptions,
    UndoCaptions,
    ExplainPairs,
    EvaluateAttribution,
    ShowEvaluation,
    StopAnalysis,
    ExportAnalysis,
    DeleteAnalysis,
    OpenWorkspace,
    RestoreMap,
    SteerSelection,
    StreamCaption,
)

__all__ = ["OPERATORS"]

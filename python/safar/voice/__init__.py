"""The voice of the customer: what surveys say, with the uncertainty of every score."""

from __future__ import annotations

from safar.voice.behaviour import AfterScoresResult, after_scores
from safar.voice.emotion import EmotionCurveResult, emotion_curve
from safar.voice.scores import ScoreResult, ces, csat, nps
from safar.voice.surveys import Scores, Surveys, counted, with_scores

__all__ = [
    "AfterScoresResult",
    "EmotionCurveResult",
    "ScoreResult",
    "Scores",
    "Surveys",
    "after_scores",
    "ces",
    "counted",
    "csat",
    "emotion_curve",
    "nps",
    "with_scores",
]

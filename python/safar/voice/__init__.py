"""The voice of the customer: what surveys say, with the uncertainty of every score."""

from __future__ import annotations

from safar.voice.scores import ScoreResult, ces, csat, nps

__all__ = ["ScoreResult", "ces", "csat", "nps"]

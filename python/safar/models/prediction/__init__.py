"""Churn and lead scoring: features and labels of cut-offs in, calibrated probabilities with reasons out."""

from safar.models.prediction.campaign import CampaignResult
from safar.models.prediction.fitting import churn, leads
from safar.models.prediction.metrics import Profit
from safar.models.prediction.model import PredictionModel, PredictionReport, ScoresResult

__all__ = [
    "CampaignResult",
    "PredictionModel",
    "PredictionReport",
    "Profit",
    "ScoresResult",
    "churn",
    "leads",
]

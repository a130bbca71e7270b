"""How long customers stay: curves of survival, their tests, and Cox's model."""

from __future__ import annotations

from safar.models.survival.curves import SurvivalResult, survival
from safar.models.survival.followed import TenuresResult, tenures
from safar.models.survival.regression import CoxResult, cox

__all__ = ["CoxResult", "SurvivalResult", "TenuresResult", "cox", "survival", "tenures"]

"""Customer value: models of purchases, of spending and of contracts, and what they make of a log."""

from __future__ import annotations

from safar.models.value.contracts import BetaDiscreteWeibull, ShiftedBetaGeometric
from safar.models.value.fitted import FittedModel
from safar.models.value.holdout import HoldoutResult
from safar.models.value.lifetime import LifetimeValueResult, lifetime_value
from safar.models.value.purchases import BgBb, BgNbd, MbgNbd, ParetoNbd
from safar.models.value.spending import GammaGamma

__all__ = [
    "BetaDiscreteWeibull",
    "BgBb",
    "BgNbd",
    "FittedModel",
    "GammaGamma",
    "HoldoutResult",
    "LifetimeValueResult",
    "MbgNbd",
    "ParetoNbd",
    "ShiftedBetaGeometric",
    "lifetime_value",
]

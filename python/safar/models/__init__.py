"""Models of customers: who leaves and buys, what they are worth, how long they stay, who they are."""

from __future__ import annotations

from safar.models.value import (
    BetaDiscreteWeibull,
    BgBb,
    BgNbd,
    FittedModel,
    GammaGamma,
    HoldoutResult,
    LifetimeValueResult,
    MbgNbd,
    ParetoNbd,
    ShiftedBetaGeometric,
    lifetime_value,
)

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

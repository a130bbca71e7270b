"""Models of what customers will do: how often they buy again, what they spend, how long they stay."""

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

"""What can be known of a customer at a cut-off: features, one by one and in standard groups."""

from safar.features.feature import Feature, FeatureLike, feature, feature_of, whole
from safar.features.measures import FORETOLD, MEASURES
from safar.features.standard import GROUPS, ON_REQUEST, Seen, standard

__all__ = [
    "FORETOLD",
    "GROUPS",
    "MEASURES",
    "ON_REQUEST",
    "Feature",
    "FeatureLike",
    "Seen",
    "feature",
    "feature_of",
    "standard",
    "whole",
]

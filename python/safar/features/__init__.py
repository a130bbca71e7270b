"""What can be known of a customer at a cut-off: features, one by one and in standard groups."""

from safar.features.feature import MEASURES, Feature, FeatureLike, feature, feature_of, whole
from safar.features.standard import GROUPS, Seen, standard

__all__ = [
    "GROUPS",
    "MEASURES",
    "Feature",
    "FeatureLike",
    "Seen",
    "feature",
    "feature_of",
    "standard",
    "whole",
]

"""The KPIs that are known: formulas as data, and what they need of a log."""

from safar.kpi.catalogue import catalogue, kpi_catalogue
from safar.kpi.formula import Form, Formula, Input, Missing, Sources

__all__ = ["Form", "Formula", "Input", "Missing", "Sources", "catalogue", "kpi_catalogue"]

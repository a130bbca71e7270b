"""The catalogue of KPIs, as it stands in catalogue.toml."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from safar import _table
from safar.kpi.formula import Formula, Input
from safar.language import Said
from safar.result import ResultTable

__all__ = ["Catalogue", "catalogue", "described", "kpi_catalogue"]

_FILE = Path(__file__).parent / "catalogue.toml"


class Catalogue(NamedTuple):
    """The known KPIs, and the inputs that their formulas name, each by its id."""

    formulas: dict[str, Formula]
    inputs: dict[str, Input]


@cache
def catalogue() -> Catalogue:
    """The catalogue that safar comes with."""
    # Read when it is asked for, so that the import of safar stays fast.
    import tomllib

    plain = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    formulas = [
        Formula.of_dict({f"name_{language}": text for language, text in fields.pop("name").items()} | fields)
        for fields in plain["kpi"]
    ]
    inputs = {id: Input(id, **_tuples(fields)) for id, fields in plain["input"].items()}
    return Catalogue({formula.id: formula for formula in formulas}, inputs)


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


def described(formulas: Sequence[Formula], *further: str) -> dict[str, object]:
    """What formulas say of themselves, a column each; `further` are columns between definition and form."""
    words = ("name_en", "name_fa", "definition", *further)
    parts = ("form", "unit", "direction", "count", "numerator", "denominator")
    named: dict[str, object] = {"kpi": [formula.id for formula in formulas]}
    return named | {field: [getattr(formula, field) for formula in formulas] for field in (*words, *parts)}


def kpi_catalogue() -> ResultTable:
    """Which KPIs does safar know, and what does each need?

    Returns
    -------
    ResultTable
        One row a KPI: ``kpi`` (its id, as ``safar.kpis(log, kpis=[...])`` and ``catalogue`` in a journey map take it),
        ``name_en``, ``name_fa``, ``definition``, ``stage`` (where in a usual journey it is measured), ``form``,
        ``unit``, ``direction``, ``count``, ``numerator``, ``denominator`` (conditions on events, in which a name in
        braces stands for an input) and ``inputs``. `safar.kpis` describes what an input is in a log.

    Examples
    --------
    >>> import safar
    >>> known = safar.kpi_catalogue().to_dict()
    >>> known["name_en"][known["kpi"].index("nps")]
    'Net promoter score (NPS)'
    """
    formulas = list(catalogue().formulas.values())
    columns = described(formulas, "stage") | {"inputs": [", ".join(formula.inputs) for formula in formulas]}
    definition = Said(
        "The KPIs that safar knows. A name in braces stands for an input, which is found in a log by usual names of "
        "events and columns, or said in inputs=."
    )
    return ResultTable(_table.table_of(columns), definition, "UTC")

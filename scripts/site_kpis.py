"""Hook of mkdocs.yml: the page of every KPI that safar knows, from its catalogue."""

from __future__ import annotations

from typing import Any

from mkdocs.structure.files import File, Files

from safar.kpi import Formula, Input, catalogue

__all__ = ["PAGE", "on_files", "page_of_kpis"]

PAGE = "reference/kpi_catalogue.md"
# Of a usual journey, in its order.
STAGES = ["awareness", "consideration", "purchase", "experience", "loyalty", "advocacy"]
BETTER = {"up": "higher is better", "down": "lower is better", "none": "neither is better"}
OPENING = """\
# Every KPI

The KPIs of `safar.kpi_catalogue()`, by the stage of a usual journey at which they are measured;
`log.kpis(kpis=[...])` takes their ids. Numerator and denominator are conditions on events, in which a name in braces
is one of the [inputs](#inputs). What the forms are, and which interval each has, is said in
[the table](../kpis.md#the-table).
"""
INPUTS = """\
## Inputs

What formulas need of a log. An input is found by usual names of events and columns, or said in `inputs=`; a series
of dates and numbers is given in `given=`.

| input | what it is | found as |
|---|---|---|
"""


def on_files(files: Files, *, config: Any, **_: Any) -> Files:
    """Add the page."""
    files.append(File.generated(config, PAGE, content=page_of_kpis()))
    return files


def page_of_kpis() -> str:
    """The page as Markdown: KPIs by stage, then inputs."""
    known = catalogue()
    formulas = list(known.formulas.values())
    parts = [OPENING]
    for stage in sorted({formula.stage or "" for formula in formulas}, key=STAGES.index):
        parts.append(f"\n## {stage.capitalize()}\n")
        parts += [_kpi(formula) for formula in formulas if formula.stage == stage]
    return "\n".join(parts) + "\n" + INPUTS + "".join(map(_input, known.inputs.values()))


def _kpi(formula: Formula) -> str:
    """A KPI as a heading, its sentence and a table."""
    rows = {
        "name in Persian": f'<span lang="fa" dir="rtl">{formula.name_fa}</span>',
        "form": formula.form,
        "unit": formula.unit or "",
        "direction": BETTER[formula.direction],
        "counted": "" if formula.numerator is None else formula.count,
        "numerator": _condition(formula.numerator, formula.numerator_series),
        "less": _condition(formula.minus),
        "added up": _condition(formula.sum),
        "events that a unit needs": f"at least {formula.least}" if formula.least != 1 else "",
        "events that it may have": "" if formula.most is None else f"at most {formula.most}",
        "denominator": _condition(formula.denominator, formula.denominator_series),
        "denominator of": {0: "", 1: "the period before"}.get(formula.lag, f"{formula.lag} periods before"),
        "within": _condition(formula.within),
        "value": "that of the denominator less the numerator" if formula.complement else "",
        "complete": "" if formula.horizon is None else f"{formula.horizon} after the period",
        "inputs": ", ".join(f"[{name}](#input-{name})" for name in formula.inputs),
    }
    table = "".join(f"| {name} | {text} |\n" for name, text in rows.items() if text)
    head = f"| id | `{formula.id}` |\n|---|---|\n"
    return f"### {formula.name_en} {{ #{formula.id} }}\n\n{formula.definition}.\n\n{head}{table}"


def _condition(condition: str | None, series: str | None = None) -> str:
    return (
        f"`{condition}`" if condition is not None else f"the series `{series}`" if series is not None else ""
    )


def _input(known: Input) -> str:
    """An input as a row of the table."""
    names = ", ".join(f"`{name}`" for name in known.any or known.first or known.column)
    found = {
        "a series that is given": known.series,
        f"the column {names}, the first of these": bool(known.column),
        f"all events {names}": bool(known.any),
        f"the first of the events {names} that the log has": bool(known.first),
        f"`{known.condition}`": known.condition is not None,
    }
    way = next(way for way, holds in found.items() if holds)
    return f'| <span id="input-{known.id}">`{known.id}`</span> | {known.description} | {way} |\n'

"""Which KPIs are asked: those of a map and of the catalogue, what is given besides, and what the log lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from safar import _args, _core
from safar.analyses._kpi_series import Reading, read
from safar.errors import ArgumentError, ArgumentTypeError, MapError
from safar.kpi import Form, Formula, Input, Missing, catalogue

if TYPE_CHECKING:
    from safar._log import Log
    from safar._typing import Frame
    from safar.journey_map import JourneyMap

__all__ = ["checked_inputs", "checked_series", "chosen", "of_map", "outside", "readings_of"]


def of_map(log: Log, journey_map: JourneyMap | None) -> tuple[Log, list[Formula], dict[str, str]]:
    """The log as the map reads it, the KPIs of the map, and what it says of inputs."""
    found = log.map if journey_map is None else journey_map
    if found is None:
        return log, [], {}
    if not hasattr(found, "kpis") or not hasattr(found, "touchpoints"):
        raise ArgumentTypeError(
            f"journey_map is a {type(found).__name__}; expected a JourneyMap, such as "
            'safar.JourneyMap.load("journey.toml")'
        )
    if log.map is not found:
        log = log.with_map(found)
    return log, [_formula_of(kpi, found) for kpi in found.kpis], dict(found.inputs)


def _formula_of(kpi: Any, journey_map: JourneyMap) -> Formula:
    """The formula of a KPI of a map."""
    labels: dict[str, Any] = {
        "name_en": kpi.name.en,
        "name_fa": kpi.name.fa,
        "definition": kpi.definition,
        "stage": kpi.stage,
        "touchpoint": kpi.touchpoint,
        "target": kpi.target,
        "review": kpi.review,
    }
    if labels["stage"] is None and kpi.touchpoint is not None:
        labels["stage"] = journey_map.touchpoint(kpi.touchpoint).stage
    labels |= {key: value for key in ("unit", "direction") if (value := getattr(kpi, key)) is not None}
    if kpi.catalogue is not None:
        known = catalogue().formulas
        if kpi.catalogue not in known:
            raise MapError(
                f'{journey_map.file}: kpi "{kpi.id}": the catalogue has no KPI "{kpi.catalogue}"'
                f"{_args.suggestion(kpi.catalogue, known)}; safar.kpi_catalogue() lists them",
            )
        return Formula(**{**asdict(known[kpi.catalogue]), **labels, "id": kpi.id})
    form: Form = "mean" if kpi.sum and kpi.denominator else "share" if kpi.denominator else "total"
    if form == "share":
        labels.setdefault("unit", "%")
    return Formula(
        kpi.id,
        **labels,
        form=form,
        count=kpi.count or "customers",
        numerator=kpi.numerator or "true",
        denominator=_with_number(kpi),
        sum=kpi.sum,
    )


def _with_number(kpi: Any) -> str | None:
    """The denominator of a KPI; of events of which numbers are added up, those without one are left out."""
    if kpi.sum is None or kpi.denominator is None or kpi.count != "events":
        found: str | None = kpi.denominator
        return found
    return f"({kpi.denominator}) and ({kpi.sum}) is not null"


def chosen(asked: Sequence[str] | str | None, own: list[Formula]) -> list[Formula]:
    """The KPIs that were asked for."""
    known = catalogue().formulas
    mapped = {formula.id: formula for formula in own}
    if asked is None:
        return own or list(known.values())
    if asked == "all":
        return own + [formula for formula in known.values() if formula.id not in mapped]
    both = known | mapped
    found = []
    for name in _args.names(asked, "kpis"):
        if name not in both:
            raise ArgumentError(
                f'kpis: "{name}" is neither a KPI of the map nor of the catalogue{_args.suggestion(name, both)} '
                f"(of the map: {_args.listing(mapped) or 'none'}; the catalogue: safar.kpi_catalogue())"
            )
        found.append(both[name])
    return found


def readings_of(series: Mapping[str, Frame], log: Log, cuts: Sequence[Sequence[str]]) -> list[Reading]:
    """The readings of all series that were given."""
    columns = list(dict.fromkeys(name for cut in cuts for name in cut))
    return [reading for name, data in series.items() for reading in read(name, data, columns, log.timezone)]


def checked_series(
    given: Mapping[str, Frame] | None, formulas: Sequence[Formula], known: Mapping[str, Input]
) -> Mapping[str, Frame]:
    """The series that were given, each of them one that a KPI needs."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ArgumentTypeError(
            f"given is a {type(given).__name__}; expected a mapping of series, such as "
            '{"cost": a frame with the columns date and cost}'
        )
    used = {
        name
        for formula in formulas
        for name in (formula.numerator_series, formula.denominator_series)
        if name
    }
    names = sorted(used | {name for name, each in known.items() if each.series})
    for name in given:
        if name not in names:
            raise ArgumentError(
                f'given: no KPI needs the series "{name}"{_args.suggestion(str(name), names)} (series: '
                f"{_args.listing(names)})"
            )
    return given


def outside(rows: Sequence[Reading], formulas: Sequence[Formula], log: Log) -> list[Missing]:
    """What is left out of series, because it lies outside of the days of the log."""
    found = []
    first, last = log.first.date().isoformat(), log.observed_until.date().isoformat()
    for formula in formulas:
        for name in {formula.numerator_series, formula.denominator_series} - {None}:
            days = [row.day for row in rows if row.series == name]
            beyond = sorted(day for day in days if not first[:7] <= day[:7] <= last[:7])
            if beyond:
                reason = (
                    f"{len(beyond)} of {len(days)} readings lie outside of the log, such as that of {beyond[0]}, and "
                    "are left out"
                )
                found.append(Missing(formula.id, str(name), reason))
    return found


def checked_inputs(inputs: Mapping[str, str] | None, known: Mapping[str, Input]) -> dict[str, str]:
    """What was said of inputs, each of them one of the catalogue."""
    if inputs is None:
        return {}
    if not isinstance(inputs, Mapping):
        raise ArgumentTypeError(
            f"inputs is a {type(inputs).__name__}; expected a mapping such as "
            '{"purchase": "event = \'order_paid\'"}'
        )
    for name, text in inputs.items():
        if name in known and known[name].series:
            raise ArgumentError(
                f'inputs: "{name}" is a series that no log holds ({known[name].description}); give it in given='
            )
        if name not in known:
            raise ArgumentError(
                f'inputs: "{name}" is no input of the catalogue{_args.suggestion(str(name), known)} (inputs: '
                f"{_args.listing(known, 40)})"
            )
        _args.text(text, f'inputs["{name}"]')
        if not known[name].column:
            _whole_condition(name, text)
    return dict(inputs)


def _whole_condition(name: str, text: str) -> None:
    """Refuse a text that is no condition by itself; in a pattern, one stands between brackets."""
    try:
        _core.check_pattern(f".[{text}]")
    except ArgumentError as problem:
        raise ArgumentError(f'inputs["{name}"]: {problem}') from None

"""Chart of a watched KPI: what was observed, what was expected, and the alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar._palette import Theme
from safar._typing import Language
from safar.errors import ArgumentError
from safar.plot.kpi_axes import kpi_format, periods_across, value_axis
from safar.plot.look import look_of
from safar.plot.theme import finish, inline

if TYPE_CHECKING:
    import altair as alt

    from safar.monitoring import AlertResult

__all__ = ["alerts"]

_GRADES = {"high": 0, "medium": 1, "low": 2}


def alerts(
    result: AlertResult,
    alert: int | None = None,
    *,
    kpi: str | None = None,
    title: str | None = None,
    width: int = 640,
    height: int = 240,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw one KPI as a control chart with its alerts.

    Parameters
    ----------
    result
        Alerts.
    alert
        Row of the table of alerts, from 0, whose KPI and slice are drawn; by default the most severe one (of equals
        the one with the least p-value).
    kpi
        A KPI to draw instead, all slices together; for one without an alert.
    title
        Heading; by default the sentence of the alert, or the KPI.
    width, height
        Size in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        The line is what was observed, the band the 95 % interval of what was expected, red points the periods that
        raised an alarm, grey stretches the alerts of this KPI and slice, the dashed line the target.

    Examples
    --------
    >>> import datetime, safar
    >>> days = [datetime.date(2026, 1, 1) + datetime.timedelta(day) for day in range(50)]
    >>> kpis = {
    ...     "date": days,
    ...     "kpi": ["orders"] * 50,
    ...     "form": ["total"] * 50,
    ...     "numerator": [100, 97, 104, 99, 101] * 9 + [100, 40, 98, 103, 99],
    ...     "denominator": [None] * 50,
    ... }
    >>> chart = alerts(safar.alerts(kpis))
    >>> [row["observed"] for row in chart.data.values if row["alarm"]]
    [40.0]
    """
    import altair as alt

    look = look_of(language, theme, result)
    row, sentence = _chosen(result, alert, kpi, language)
    data, unit, percent = result.course(row)
    stretches = [{"start": _plain(start), "end": _plain(end)} for start, end in result.stretches(row)]
    records = [
        {
            **{name: _plain(value) for name, value in record.items()},
            "unit": unit,
            "period": look.laid_out(look.locale.day(record["date"])),
            "judged": "" if record["reason"] is None else look.say(record["reason"].replace("_", " ")),
        }
        for record in data
    ]
    form, axis = kpi_format(percent), value_axis(percent, look)
    y = alt.Y("observed:Q", title=look.say(unit) if unit else None, scale=alt.Scale(zero=False), axis=axis)
    tooltip = [
        look.tooltip("period", "Period"),
        look.tooltip("observed", "Observed", form),
        look.tooltip("expected", "Expected", form),
        *look.interval("expected", form),
        look.tooltip("judged", "Not judged"),
    ]
    base = alt.Chart().encode(x=periods_across([record["date"] for record in data], look), tooltip=tooltip)
    layers: list[Any] = []
    if stretches:
        shade = alt.Chart(inline(stretches)).mark_rect(color=look.colours.grey, opacity=1)
        layers.append(shade.encode(x="start:T", x2="end:T"))
    band = base.mark_area(color=look.colours.blue, opacity=0.18, interpolate="linear")
    layers.append(
        band.transform_filter("isValid(datum.expected_low)").encode(
            y=alt.Y(
                "expected_low:Q",
                title=look.say(unit) if unit else None,
                axis=axis,
                scale=alt.Scale(zero=False),
            ),
            y2="expected_high:Q",
        )
    )
    layers.append(base.mark_line(color=look.colours.ink, strokeWidth=1.4).encode(y=y))
    if any(record["target"] is not None for record in records):
        dashed = base.mark_line(color=look.colours.muted, strokeDash=[5, 4], strokeWidth=1.2)
        layers.append(dashed.encode(y=alt.Y("target:Q", scale=alt.Scale(zero=False))))
    marks = base.mark_point(color=look.colours.alarm, filled=True, size=60, opacity=1).transform_filter(
        "datum.alarm"
    )
    layers.append(marks.encode(y=y))
    chart = alt.layer(*layers, data=inline(records)).properties(width=width, height=height)
    said = "Band: 95% interval of what was expected. Red: alarms."
    if any(record["target"] is not None for record in records):
        said = "Band: 95% interval of what was expected. Red: alarms. Dashed: target."
    subtitle = [look.laid_out(sentence), look.say(said)] if sentence else [look.say(said)]
    heading = look.laid_out(title or result.label(row, language))
    return finish(chart, title=heading, subtitle=subtitle, look=look)


def _chosen(result: AlertResult, alert: int | None, kpi: str | None, language: Language) -> tuple[int, str]:
    """The series to draw, and the sentence of its alert."""
    if kpi is not None:
        if alert is not None:
            raise ArgumentError(f"alert={alert!r} and kpi={kpi!r} both say what is drawn; give one")
        return result.series_of(kpi), ""
    columns = result.to_dict()
    if not len(result):
        raise ArgumentError("there is no alert to draw; plot(kpi=...) draws a KPI without one")
    if alert is None:
        order = [
            (_GRADES[grade], p, at)
            for at, (grade, p) in enumerate(zip(columns["severity"], columns["p_value"], strict=True))
        ]
        alert = min(order)[2]
    if isinstance(alert, bool) or not 0 <= alert < len(result):
        raise ArgumentError(f"alert={alert!r} is not a row of the alerts; expected 0 to {len(result) - 1}")
    return result.series_of(alert), result.sentences(language)[alert]


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value

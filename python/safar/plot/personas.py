"""Charts of personas: what is typical of each, and how they change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar import _args
from safar._palette import Theme
from safar._typing import Language
from safar.language import heading
from safar.plot.look import Look, look_of
from safar.plot.theme import finish, inline

if TYPE_CHECKING:
    import altair as alt

    from safar.models.personas.drift import PersonaDriftResult
    from safar.models.personas.result import PersonasResult

__all__ = ["persona_drift", "personas"]

_ROW, _COLUMN, _LINE = 26, 150, 15
_CERTAIN = 0.05


def personas(
    result: PersonasResult,
    *,
    most: int = 15,
    title: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw what is typical of each persona: a row a trait, a column a persona.

    Parameters
    ----------
    result
        Personas.
    most
        How many traits, those that tell personas apart most.
    title
        Heading; by default it says what is drawn.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        A cell is the share of a category, or the mean of a number, in the persona; its colour is the effect beside all
        other customers, where that is beyond chance.

    Examples
    --------
    >>> import safar
    >>> customers = {"id": range(60), "visits": [1, 2, 3] * 10 + [30, 31, 32] * 10}
    >>> chart = personas(safar.personas(customers, key="id", k=2))
    >>> [(row["trait"], row["written"]) for row in chart.data.values]
    [('Visits', '2'), ('Visits', '31')]
    """
    import altair as alt

    _args.size(most, "most")
    look = look_of(language, theme, result)
    # Without marks of direction, since each line of a name is laid out alone.
    names = {name: look.locale.label(name) for name in result.names}
    mark = look.locale.say(", ")
    lines = max(name.count(mark) for name in names.values())
    data = _cells(result, names, most, look)
    traits = list(dict.fromkeys(row["trait"] for row in data))
    far = max((abs(row["effect"]) for row in data if row["certain"]), default=1.0)
    colours = look.colours
    tooltip = [
        look.tooltip("persona", "Persona"),
        look.tooltip("trait", "Trait"),
        look.tooltip("written", "Here"),
        look.tooltip("others", "Among all others"),
        look.tooltip("effect", "Effect", "+.2f"),
        look.tooltip("q_value", "q-value", ".2g"),
    ]
    base = alt.Chart().encode(
        x=alt.X(
            "persona:N",
            sort=look.across(names.values()),
            title=None,
            axis=alt.Axis(
                orient="top", labelAngle=0, labelLimit=_COLUMN - 8, labelPadding=8 + _LINE * lines, domain=False,
                ticks=False, labelExpr=f"split(datum.label, '{mark}')",
            ),
        ),
        y=alt.Y("trait:N", sort=traits, title=None, axis=alt.Axis(orient=look.side, domain=False, ticks=False)),
        tooltip=tooltip,
    )  # fmt: skip
    shade = alt.Color(
        "effect:Q",
        title=look.say("Effect"),
        scale=alt.Scale(
            domain=[-far, 0, far], range=[colours.lost, colours.paper, colours.blue], interpolate="rgb"
        ),
        legend=alt.Legend(format="+.1f"),
    )
    rest = base.transform_filter("!datum.certain").mark_rect(
        fill=colours.paper, stroke=colours.grid, cornerRadius=2
    )
    # Half opaque, so that one colour of text is readable on all of them.
    cells = base.transform_filter("datum.certain").mark_rect(opacity=0.5, cornerRadius=2).encode(color=shade)
    texts = base.mark_text(fontSize=12, color=colours.text_low).encode(text="written:N")
    chart = alt.layer(rest, cells, texts, data=inline(data)).properties(
        width=_COLUMN * len(names), height=alt.Step(_ROW)
    )
    return finish(
        chart,
        title=look.heading(title, "What is typical of each persona"),
        subtitle=look.say(
            "Share of a category, or mean of a number; coloured where it differs beyond chance"
        ),
        look=look,
    )


def _cells(result: PersonasResult, names: dict[str, str], most: int, look: Look) -> list[dict[str, Any]]:
    """The cells of the traits that tell most, the strongest first."""
    columns = result.profiles.to_dict()
    strength: dict[tuple[str, str | None], float] = {}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row in rows:
        key = row["column"], row["value"]
        strength[key] = max(strength.get(key, 0.0), abs(row["effect"] or 0.0))
    shown = sorted(strength, key=lambda key: (-strength[key], str(key)))[:most]
    places = {key: place for place, key in enumerate(shown)}
    cells = [
        {
            "persona": names[row["persona"]],
            "trait": _trait(row, look),
            "written": _written(row, "here", look),
            "others": _written(row, "rest", look),
            "effect": row["effect"] or 0.0,
            "q_value": row["q_value"],
            "certain": row["q_value"] is not None and row["q_value"] < _CERTAIN,
            "place": places[row["column"], row["value"]],
        }
        for row in rows
        if (row["column"], row["value"]) in places
    ]
    order = list(names.values())
    return sorted(cells, key=lambda cell: (cell["place"], order.index(cell["persona"])))


def _trait(row: dict[str, Any], look: Look) -> str:
    name = heading(row["column"], look.locale.language)
    if row["value"] is None:
        return look.laid_out(name)
    return look.say("{column}: {value}", column=name, value=look.locale.name(row["value"]))


def _written(row: dict[str, Any], name: str, look: Look) -> str:
    value = row[name]
    if row["kind"] == "category":
        return look.locale.share(value, 0)
    return (
        look.locale.compact(value)
        if value is not None and abs(value) >= 10_000
        else look.locale.number(value)
    )


def persona_drift(
    result: PersonaDriftResult,
    *,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw the share of each persona at each time.

    Parameters
    ----------
    result
        Personas at several times.
    title
        Heading; by default it says what is drawn.
    width
        Width in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        A line a persona, with the 95 % interval at each time.

    Examples
    --------
    >>> import safar
    >>> customers = {"id": range(60), "visits": [1, 2, 3] * 10 + [30, 31, 32] * 10}
    >>> found = safar.personas(customers, key="id", k=2)
    >>> chart = persona_drift(found.drift({"now": customers, "then": customers}))
    >>> [row["share"] for row in chart.data.values]
    [0.5, 0.5, 0.5, 0.5]
    """
    import altair as alt

    look = look_of(language, theme, result)
    columns = result.to_dict()
    times = list(dict.fromkeys(columns["at"]))
    data = [
        {
            **dict(zip(columns, row, strict=True)),
            "called": look.name(row[1] or look.say("unassigned")),
        }
        for row in zip(*columns.values(), strict=True)
        if row[1] is not None or row[2]
    ]
    base = alt.Chart().encode(
        x=alt.X("at:N", sort=look.across(times), title=None, axis=alt.Axis(labelAngle=0)),
        color=alt.Color(
            "called:N",
            sort=list(dict.fromkeys(row["called"] for row in data)),
            title=look.say("Persona"),
            scale=alt.Scale(range=[*look.colours.kinds]),
        ),
        tooltip=[
            look.tooltip("called", "Persona"),
            look.tooltip("customers", "Customers", ","),
            look.tooltip("share", "Share", ".1%"),
            *look.interval("share"),
            look.tooltip("psi", "Population stability index", ".3f"),
        ],
    )
    y = alt.Y(
        "share:Q",
        title=look.say("Share of customers"),
        axis=alt.Axis(format=".0%", orient=look.side),
    )
    layers = [
        base.mark_rule(opacity=0.5).encode(y="share_low:Q", y2="share_high:Q"),
        base.mark_line().encode(y=y),
        base.mark_point(filled=True, size=60, opacity=1).encode(y=y),
    ]
    return finish(
        alt.layer(*layers, data=inline(data)).properties(width=width, height=240),
        title=look.heading(title, "Personas over time"),
        subtitle=look.say("Share of each persona, with its 95% interval"),
        look=look,
    )

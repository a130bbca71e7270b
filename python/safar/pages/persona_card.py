"""A persona on one page: who it is, how it differs, how it travels, what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args
from safar._typing import Language
from safar.errors import ArgumentError
from safar.language import Locale, heading, so_many
from safar.language.naming import names_of
from safar.pages.colours import PageTheme
from safar.pages.document import Page
from safar.pages.figures.bars import Bar, bars_figure
from safar.pages.markup import element, name_markup
from safar.pages.section import Section
from safar.pages.tiles import Tile

if TYPE_CHECKING:
    from safar.models.personas.journey import PersonaJourneys
    from safar.models.personas.result import PersonasResult
    from safar.result import ResultTable

__all__ = ["persona_card"]

_TRAITS = 8
# Names of columns and their categories are longer than those of channels.
_NAMES = 200.0
_CERTAIN = 0.05


def persona_card(
    result: PersonasResult,
    place: int,
    *,
    journeys: PersonaJourneys | None = None,
    language: Language = "en",
    theme: PageTheme = "auto",
    examples: int = 3,
) -> Page:
    """A persona on one page, the one at `place`; `PersonasResult.card` describes the arguments."""
    if examples < 0:
        raise ArgumentError(f"examples={examples!r}; expected 0 or more")
    journey_map = None if journeys is None else journeys.log.map
    locale = Locale(language, names={} if journey_map is None else names_of(journey_map, language))
    persona = result.names[place]
    rows = _of(result.profiles, "persona", persona)
    sections = [
        _traits(rows, locale, over=True),
        _traits(rows, locale, over=False),
        *([] if journeys is None else _journey(journeys, persona, locale)),
    ]
    if examples:
        sections.append(_examples(result, persona, examples, locale))
    own = _of(result, "persona", persona)
    return Page(
        locale.say(result.model.names[place]),
        tiles=[*_size(own, locale), *([] if journeys is None else _worth(journeys, persona, locale))],
        sections=[section for section in sections if section is not None],
        subtitle=locale.say(
            "Persona {number} of {personas}",
            number=locale.count(place + 1),
            personas=locale.count(len(result.names)),
        ),
        notes=[
            (locale.say("Personas"), locale.say(result.definition)),
            (locale.say("Traits"), locale.say(result.profiles.definition)),
        ],
        language=_args.choice(language, "language", Language),
        theme=theme,
    )


def _of(table: ResultTable, column: str, value: str) -> list[dict[str, Any]]:
    """The rows of a table about one persona."""
    columns = table.to_dict()
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
        if row[list(columns).index(column)] == value
    ]


def _size(own: Sequence[Mapping[str, Any]], locale: Locale) -> list[Tile]:
    (row,) = own
    ends = {"low": locale.share(row["share_low"]), "high": locale.share(row["share_high"])}
    tiles = [
        Tile(label=locale.say("Customers"), value=row["customers"]),
        Tile(
            label=locale.say("Share"),
            value=row["share"],
            unit="share",
            detail=locale.say("95% interval {low} to {high}", **ends),
        ),
    ]
    if row["stability"] is not None:
        detail = locale.say("stable" if row["stable"] else "not stable")
        tiles.append(Tile(label=locale.say("Stability"), value=row["stability"], unit="share", detail=detail))
    return tiles


def _traits(rows: Sequence[Mapping[str, Any]], locale: Locale, *, over: bool) -> Section | None:
    """The strongest traits of one direction, beyond chance."""
    sign = 1 if over else -1
    certain = [row for row in rows if row["q_value"] is not None and row["q_value"] < _CERTAIN]
    told = [row for row in certain if sign * row["effect"] > 0]
    told = sorted(told, key=lambda row: (-sign * row["effect"], row["column"], row["value"] or ""))[:_TRAITS]
    title = locale.say("More than others" if over else "Less than others")
    if not told:
        return None
    bars = [
        Bar(_called(row, locale), abs(row["effect"]), _beside(row, locale), _hint(row, locale))
        for row in told
    ]
    table = {
        name: [row[name] for row in told]
        for name in ("column", "value", "role", "here", "rest", "difference", "difference_low", "difference_high",
                     "lift", "effect", "v_test", "q_value")
    }  # fmt: skip
    table["column"] = [heading(row["column"], locale.language) for row in told]
    return Section(
        title=title,
        figure=bars_figure(
            bars, label=title, heading=locale.say("here, and among all others"), locale=locale
        ),
        subtitle=locale.say("The length of a bar is the effect: 0.2 is small, 0.8 large"),
        table=table,
    )


def _called(row: Mapping[str, Any], locale: Locale) -> str:
    name = heading(row["column"], locale.language)
    if row["value"] is None:
        return name
    return locale.say("{column}: {value}", column=name, value=locale.name(row["value"]))


def _amount(row: Mapping[str, Any], name: str, locale: Locale) -> str:
    value = row[name]
    if row["kind"] == "category":
        return locale.share(value, 0)
    return locale.compact(value) if abs(value) >= 10_000 else locale.number(value)


def _beside(row: Mapping[str, Any], locale: Locale) -> str:
    return locale.say("{here} / {rest}", here=_amount(row, "here", locale), rest=_amount(row, "rest", locale))


def _hint(row: Mapping[str, Any], locale: Locale) -> str:
    names = ("here", "rest", "difference_low", "difference_high")
    return locale.say(
        "{trait}: {here} here, {rest} among all others; 95% interval of the difference {low} to {high}",
        trait=_called(row, locale),
        **dict(
            zip(("here", "rest", "low", "high"), (_amount(row, name, locale) for name in names), strict=True)
        ),
    )


def _worth(journeys: PersonaJourneys, persona: str, locale: Locale) -> list[Tile]:
    (row,) = _of(journeys.summary, "persona", persona)
    tiles = []
    if row["value_per_customer"] is not None:
        ends = {end: locale.compact(row[f"value_per_customer_{end}"]) for end in ("low", "high")}
        detail = locale.say("95% interval {low} to {high}", **ends)
        tiles.append(
            Tile(
                label=locale.say("Value per customer"),
                value=row["value_per_customer"],
                unit="money",
                detail=detail,
            )
        )
    if row["churn_risk"] is not None:
        tiles.append(Tile(label=locale.say("Churn risk"), value=row["churn_risk"], unit="share"))
    scores = [] if journeys.satisfaction is None else _of(journeys.satisfaction, "persona", persona)
    for score in scores:
        if score["nps"] is not None:
            ends = {end: locale.signed(score[f"nps_{end}"]) for end in ("low", "high")}
            detail = locale.say("95% interval {low} to {high}", **ends)
            tiles.append(Tile(label="NPS", value=score["nps"], detail=detail))
    return tiles


def _journey(journeys: PersonaJourneys, persona: str, locale: Locale) -> list[Section | None]:
    found = [
        _places(journeys.channels, persona, "Channels", locale, _scores(journeys, persona)),
        _places(journeys.stages, persona, "Stages", locale, {}),
    ]
    paths = _of(journeys.paths, "segment", persona)
    if paths:
        listed = [
            element("li", name_markup(row["path"]), f" · {locale.share(row['share'])}") for row in paths
        ]
        title = locale.say("Typical paths")
        found.append(
            Section(
                title=title,
                figure=element(
                    "ol", *listed, style="list-style-type: persian" if locale.language == "fa" else None
                ),
                subtitle=locale.say("The commonest paths of sessions, and their share"),
                definition=journeys.paths.definition,
                spec=journeys.paths.spec,
            )
        )
    return found


def _scores(journeys: PersonaJourneys, persona: str) -> dict[str | None, float]:
    if journeys.channel_satisfaction is None:
        return {}
    rows = _of(journeys.channel_satisfaction, "persona", persona)
    return {row["channel"]: row["nps"] for row in rows}


def _places(
    result: Any, persona: str, title: str, locale: Locale, scores: Mapping[str | None, float | None]
) -> Section | None:
    """Which share of the persona comes to each stage or channel, how soon it goes on, and how content it is there."""
    rows = [] if result is None else _of(result, "segment", persona)
    if not rows:
        return None
    bars = [
        Bar(
            locale.label(row["stage"]),
            row["share"],
            locale.share(row["share"], 0),
            locale.say(
                "{name}: {customers}, {share}",
                name=locale.name(row["stage"]),
                customers=locale.say(so_many(row["customers"], "1 customer", "{number} customers")),
                share=locale.share(row["share"]),
            ),
            row["share_low"],
            row["share_high"],
        )
        for row in rows
    ]
    table = {
        name: [row[name] for row in rows]
        for name in (
            "stage",
            "customers",
            "share",
            "share_low",
            "share_high",
            "events",
            "drop_off",
            "median_seconds",
        )
    }
    if scores:
        table["nps"] = [scores.get(row["stage"], np.nan) for row in rows]
    said = locale.say(title)
    return Section(
        title=said,
        figure=bars_figure(bars, label=said, heading=locale.say("Share of customers"), locale=locale),
        table=table,
        definition=result.definition,
        spec=result.spec,
    )


def _examples(result: PersonasResult, persona: str, most: int, locale: Locale) -> Section:
    found = result.examples(persona, most=most)
    title = locale.say("Customers most like it")
    listed = [element("li", name_markup(name)) for name in found.to_dict()["customer"]]
    return Section(
        title=title,
        figure=element("ul", *listed),
        subtitle=locale.say("Those nearest to the middle of the persona"),
        table=found.to_dict(),
    )

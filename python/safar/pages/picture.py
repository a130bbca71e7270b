"""The journey map as a picture, for everybody and for each segment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from safar import _args
from safar._typing import Duration, Language
from safar.errors import ArgumentError
from safar.language import Length, Locale, Said, paragraph
from safar.pages.colours import CARD, PageTheme, resolved, resolved_fills, theme_style
from safar.pages.customers import groups_of
from safar.pages.figures.journey import journey_figure, score_text
from safar.pages.journey_facts import FEW, SEGMENTS, JourneyFacts, Kind, journey_facts, usual_kind
from safar.pages.markup import Markup, element, scrolled
from safar.pages.section import Columns, Section
from safar.pages.style import rules_of, style_of, typeface_of

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["LOOKBACK", "JourneyPicture", "Lived", "journey_picture", "lived_journeys", "picture_of"]

# How long before an answer an event may be that it is said of.
LOOKBACK = "30d"


@dataclass(frozen=True, slots=True)
class JourneyPicture:
    """A journey map as a picture: notebooks show it, pages hold it, `save` writes it.

    Parameters
    ----------
    journeys
        What is drawn: everybody first, then each segment.
    names
        Names of the stages by id.
    path
        Steps of the designed journey: stage, channel (or None) and name.
    by
        The column of the segments.
    locale, channels
        How readers are written to, and what channels are called.
    definition
        What was counted.
    theme
        ``"light"``, ``"dark"`` or ``"auto"``.
    """

    journeys: Sequence[JourneyFacts]
    names: Mapping[str, str]
    path: Sequence[tuple[str, str | None, str]]
    by: str | None
    locale: Locale
    channels: Locale
    definition: str
    theme: PageTheme = "light"

    def to_svg(self, segment: str | None = None) -> str:
        """Draw the journey of everybody, or of one segment.

        Parameters
        ----------
        segment
            A value of `by`; None is everybody.

        Returns
        -------
        str
            An SVG document with its style inside. Only with the theme ``"auto"`` does it need a browser, which knows
            the reader's.
        """
        opened, rest = self._drawn(self._facts(segment)).split(">", 1)
        style, paper = rules_of("journey.css"), element("rect", width="100%", height="100%", fill=CARD)
        drawing = str(rest if self.theme == "light" else paper + rest)
        if self.theme == "auto":
            style = theme_style("auto") + style
        else:
            style, drawing = resolved(style, self.theme), resolved_fills(drawing, self.theme)
        return (
            f'{opened} xmlns="http://www.w3.org/2000/svg" direction="{self.locale.direction}">'
            f"<style>{typeface_of([self.locale])}{style}</style>{drawing}"
        )

    def to_html(self) -> str:
        """Write the picture as a page of its own, with a choice of segments."""
        style = style_of(self.theme, [self.locale])
        title = self.locale.say("Journey map")
        return (
            f'<!doctype html>\n<html lang="{self.locale.language}" dir="{self.locale.direction}"><head>'
            '<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "style-src 'unsafe-inline'; font-src data:\">"
            f"<title>{escape(title)}</title><style>{style}</style></head>"
            f'<body><main class="card"><h1>{escape(title)}</h1>{self.figure()}</main></body></html>\n'
        )

    def save(self, path: str | os.PathLike[str], segment: str | None = None) -> Path:
        """Write the picture to a file.

        Parameters
        ----------
        path
            Ends with ``.svg`` or ``.html``; a page holds all segments.
        segment
            Which segment an SVG shows; None is everybody.

        Returns
        -------
        Path
            The file.
        """
        target = Path(path)
        if target.suffix.lower() not in (".svg", ".html"):
            raise ArgumentError(
                f'path="{target}" ends with "{target.suffix}"; expected a name that ends with .svg or .html'
            )
        text = self.to_svg(segment) if target.suffix.lower() == ".svg" else self.to_html()
        target.write_text(text, encoding="utf-8")
        return target

    def figure(self) -> Markup:
        """Draw all journeys, of which one is shown at a time: chosen without any script."""
        shown, label = [], self.locale.say("Journey map")
        for place, facts in enumerate(self.journeys):
            name = self.locale.say("Everybody") if facts.segment is None else self.locale.label(facts.segment)
            shown.append((f"journey-{place}", name, self._drawn(facts), self._remarks(facts)))
        if len(shown) == 1:
            return Markup("").join([scrolled(shown[0][2], shown[0][3], label=label), self._legend()])
        # A page may hold the same picture in another language.
        language = self.locale.language
        choices = [
            Markup("").join(
                [
                    element(
                        "input",
                        type="radio",
                        name=f"{language}-journey",
                        id=f"{language}-{view}",
                        checked=place == 0,
                    ),
                    element("label", element("bdi", name), for_=f"{language}-{view}"),
                ]
            )
            for place, (view, name, _, _) in enumerate(shown)
        ]
        views = [element("div", drawn, remarks, class_=f"view {view}") for view, _, drawn, remarks in shown]
        rules = "".join(f"#{language}-{view}:checked~.views .{view}{{display:block}}" for view, *_ in shown)
        return Markup("").join(
            [
                element("style", Markup(rules)),
                element(
                    "div", *choices, scrolled(*views, label=label, class_="views wide"), class_="journeys"
                ),
                self._legend(),
            ]
        )

    def table(self, *, segments: bool = True) -> Columns:
        """Everything that is drawn of channels within stages, a row each; of everybody alone without `segments`."""
        columns: Columns = {}
        for facts in self.journeys if segments else self.journeys[:1]:
            for (stage, channel), cell in facts.cells.items():
                score = cell.score
                row: dict[str, object] = {"segment": facts.segment} if self.by and segments else {}
                row |= {
                    "stage": self.names.get(stage, stage),
                    "channel": self.channels.label(channel),
                    "events": cell.events,
                    "customers": cell.customers,
                }
                if facts.kind is not None:
                    row |= {
                        "answers": 0 if score is None else score.answers,
                        facts.kind: None if score is None else score.value,
                        f"{facts.kind}_low": None if score is None else score.low,
                        f"{facts.kind}_high": None if score is None else score.high,
                        "p_value": None if score is None else score.p,
                    }
                for name, value in row.items():
                    columns.setdefault(name, []).append(value)
        return columns

    def section(self) -> Section:
        """The picture as a card of a page."""
        return Section(
            title=self.locale.say("Journey map"),
            subtitle=self.locale.say("Channels within stages, how customers feel, and where they leave"),
            figure=self.figure(),
            table=self.table(),
            definition=self.definition,
            width="full",
        )

    def _repr_html_(self) -> str:
        """Show the picture in a notebook inside its own frame, so that styles don't mix."""
        height = 330 + 36 * max(len(facts.channels) for facts in self.journeys)
        return (
            f'<iframe srcdoc="{escape(self.to_html(), quote=True)}" title="{escape(self.locale.say("Journey map"))}" '
            f'style="width:100%;height:{height}px;border:0" sandbox=""></iframe>'
        )

    def __repr__(self) -> str:
        stages = len(self.journeys[0].stages)
        return f"JourneyPicture({stages} stages, {len(self.journeys)} journeys)"

    def _facts(self, segment: str | None) -> JourneyFacts:
        for facts in self.journeys:
            if facts.segment == segment:
                return facts
        known = [facts.segment for facts in self.journeys if facts.segment is not None]
        raise ArgumentError(
            f"segment={segment!r} is not drawn{_args.suggestion(str(segment), known)} "
            f"(available: {_args.listing(known) or 'none; ask with by='})"
        )

    def _drawn(self, facts: JourneyFacts) -> Markup:
        stages = (
            self.names[stage.id] + " " + self.locale.count(stage.row["customers"]) for stage in facts.stages
        )
        label = self.locale.say("Journey map: {stages}", stages=self.locale.sentence(stages, ", "))
        return journey_figure(
            facts, names=self.names, path=self.path, label=label, locale=self.locale, channels=self.channels
        )

    def _remarks(self, facts: JourneyFacts) -> Markup | None:
        """Say in words what stands out."""
        items = []
        for key in [*facts.moments, *(pain for pain in facts.pains if pain not in facts.moments)]:
            score, (stage, channel) = facts.cells[key].score, key
            if score is None:
                continue
            said = "Pain point" if key in facts.pains else "Strength"
            text = self.locale.say(
                "{stage}, {channel}: {kind} {value} of {answers} answers, {others} elsewhere",
                stage=self.locale.name(self.names[stage]),
                channel=self.channels.name(channel),
                kind=(facts.kind or "").upper(),
                value=score_text(score.value, facts.kind, self.locale),
                answers=self.locale.count(score.answers),
                others=score_text(score.others, facts.kind, self.locale),
            )
            head = element("strong", self.locale.say(said), class_="bad" if key in facts.pains else "good")
            items.append(element("li", head, " ", text))
        return element("ul", *items, class_="remarks of-all") if items else None

    def _legend(self) -> Markup:
        said = ["Area of a circle: events."]
        if self.journeys[0].kind is not None:
            said += [
                "Blue: a better score than that of all answers, red: a worse one, grey: fewer than {few} answers.",
                "Ring: differs from all other answers (95%, Holm).",
            ]
        if self.path:
            said.append("Dashed: the designed journey.")
        few = self.locale.count(FEW)
        return element("p", " ".join(self.locale.say(text, few=few) for text in said), class_="legend")


def journey_picture(
    log: EventLog,
    *,
    kind: Kind | None = None,
    by: str | None = None,
    lookback: Duration = LOOKBACK,
    language: Language = "en",
    theme: PageTheme = "light",
) -> JourneyPicture:
    """Draw the journey map: stages and channels as they are lived, with scores, feelings and losses.

    Parameters
    ----------
    log
        A log that was read through a journey map; with scores (`EventLog.with_scores`) it also shows how customers
        feel.
    kind
        Which score: ``"nps"``, ``"csat"`` or ``"ces"``; by default the first of these with the most answers.
    by
        A column, such as ``"persona"``: a picture for each of its values beside that of everybody, the 30 with the most
        customers. A customer with several values is one of the value at the first event, with all events and answers.
    lookback
        How long before an answer an event may be that it is said of; 30 days by default.
    language
        ``"en"``, or ``"fa"`` for Persian, from right to left.
    theme
        ``"light"`` or ``"dark"`` paper, or ``"auto"`` for that of the reader's system; what is printed is light.

    Returns
    -------
    JourneyPicture
        `JourneyPicture.save` writes it; notebooks show it.

    Notes
    -----
    Circles are events of a channel at a stage. Their colour is the score of the answers whose last event before them
    was there, less the score of all answers; with fewer than 10 answers there is none. A ring marks cells whose score
    differs from that of all other answers beyond chance (two-sided, 5 %, after Holm over the cells of the picture):
    pain points where it is worse. The three rings that move the score of all answers most, by their share of the
    answers times the difference, are the moments that matter. Faces show the mean answer of a stage with its 95 %
    interval; the line between them only leads the eye. Below the stages: customers, the median time until the next
    stage, and the share of entries after which nothing came.

    Examples
    --------
    >>> import safar
    >>> shop = safar.datasets.shop(200)
    >>> journey_picture(shop.log().with_map(safar.JourneyMap.shop()))
    JourneyPicture(6 stages, 1 journeys)
    """
    from safar.log import EventLog

    if not isinstance(log, EventLog):
        raise ArgumentError(f"log is a {type(log).__name__}; expected an EventLog")
    _args.duration(lookback, "lookback")
    if kind is not None:
        _args.choice(kind, "kind", Kind)
    _args.choice(theme, "theme", PageTheme)
    picture = picture_of(log, lived_journeys(log, kind, by, lookback), by, Locale(language))
    return replace(picture, theme=theme)


@dataclass(frozen=True, slots=True)
class Lived:
    """What a picture shows in any language, and what was counted."""

    journeys: Sequence[JourneyFacts]
    definition: str


def lived_journeys(log: EventLog, kind: Kind | None, by: str | None, lookback: Duration) -> Lived:
    """Count what a picture shows."""
    journey_map = log.map
    if journey_map is None:
        raise ArgumentError(
            "the log has no map, so that there are no stages to draw; read it through one first: "
            "log.with_map(safar.JourneyMap.load(...))"
        )
    chosen = usual_kind(log) if kind is None else kind
    order = [stage.id for stage in journey_map.stages]
    journeys = journey_facts(log, kind=chosen, by=by, lookback=lookback, order=order)
    answered = None if chosen is None else Said(
        "Scores ({kind}) are of the stage and channel of the customer's last event at or before the answer, at most "
        "{lookback} before it; rings mark cells that differ from all other answers (two-sided, 5 %, after Holm).",
        kind=chosen.upper(),
        lookback=Length(lookback),
    )  # fmt: skip
    return Lived(journeys, paragraph(log.stages().definition, answered, *_segments_said(log, by)))


def picture_of(
    log: EventLog,
    lived: Lived,
    by: str | None,
    locale: Locale,
    follow: Callable[[JourneyFacts], JourneyFacts] = lambda facts: facts,
) -> JourneyPicture:
    """The picture of journeys; `follow` lets the numbers of everybody follow a choice of customers."""
    journey_map = log.map
    parts = ((), ()) if journey_map is None else (journey_map.stages, journey_map.channels)
    names, called = ({each.id: each.name.of(locale.language) for each in kind} for kind in parts)
    if not log.channels:
        called["(missing)"] = locale.say("All events")
    everybody, *segments = lived.journeys
    return JourneyPicture(
        [follow(everybody), *segments],
        names,
        _path(log, locale),
        by,
        locale,
        replace(locale, names=called),
        lived.definition,
    )


def _segments_said(log: EventLog, by: str | None) -> list[Said]:
    """Who is meant by a segment."""
    if by is None:
        return []
    groups = groups_of(log, by)
    number = len(groups.largest(len(groups.names)))
    said = Said(
        "A customer is of the {column} at the first event, with all events and answers, so that the journeys of "
        "{column} share no customer.",
        column=by,
    )
    if number <= SEGMENTS:
        return [said]
    few = Said("The {drawn} of {number} with the most customers are drawn.", drawn=SEGMENTS, number=number)
    return [said, few]


def _path(log: EventLog, locale: Locale) -> list[tuple[str, str | None, str]]:
    """The steps of the designed journey that stand at a stage."""
    journey_map = log.map
    found: list[tuple[str, str | None, str]] = []
    if journey_map is None:
        return found
    for step in journey_map.designed:
        if step.touchpoint is not None:
            touchpoint = journey_map.touchpoint(step.touchpoint)
            channel = touchpoint.channel[0] if touchpoint.channel else None
            found.append((touchpoint.stage, channel, touchpoint.name.of(locale.language)))
        elif step.stage is not None:
            found.append((step.stage, None, journey_map.stage(step.stage).name.of(locale.language)))
    return found

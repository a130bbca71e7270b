"""The journey as a picture: stages, channels within them, how customers feel, and where they leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from safar.language import MISSING, Locale, of_all
from safar.pages.colours import CARD, INK, LOW, PALE, on, paint, shade, tint
from safar.pages.journey_facts import FEW, Cell, JourneyFacts, StageFacts
from safar.pages.markup import Markup, svg_name
from safar.pages.svg import Canvas

__all__ = [
    "SCORE_SPAN",
    "cell_hint",
    "cell_tint",
    "followed_score",
    "journey_figure",
    "score_text",
]

_WIDTH, _LABELS = 1180.0, 150.0
_HEAD, _LINE, _ROW, _GAP = 40.0, 20.0, 36.0, 14.0
_CURVE = 132.0
_LEAST, _MOST = 4.0, 15.0
# How far from the score of all answers the strongest colour is.
SCORE_SPAN = {"nps": 60.0, "csat": 0.3, "ces": 0.3}


def score_text(value: float | None, kind: str | None, locale: Locale) -> str:
    """Write an NPS with its sign, or the share of satisfied answers."""
    if value is None:
        return MISSING
    return locale.signed(value) if kind == "nps" else locale.share(value, 0)


def cell_hint(cell: Cell, stage: str, channel: str, kind: str | None, locale: Locale) -> str:
    """Say everything that is known of a channel within a stage."""
    parts = [
        locale.say(
            "{stage}, {channel}: {events} events of {customers} customers",
            stage=stage,
            channel=channel,
            events=locale.count(cell.events),
            customers=locale.count(cell.customers),
        )
    ]
    score = cell.score
    if kind is not None and score is not None and score.answers:
        parts.append(
            locale.say(
                "{kind} {value} (95% interval {low} to {high}) of {answers} answers",
                kind=kind.upper(),
                value=score_text(score.value, kind, locale),
                low=score_text(score.low, kind, locale),
                high=score_text(score.high, kind, locale),
                answers=locale.count(score.answers),
            )
        )
        if score.p is not None:
            said = locale.say(
                "all other answers {value}, p = {p}",
                value=score_text(score.others, kind, locale),
                p=locale.signs("<0.001" if score.p < 0.001 else f"{score.p:.3f}"),
            )
            parts.append(of_all(said, score.answers))
    return locale.sentence(parts)


def journey_figure(
    facts: JourneyFacts,
    *,
    names: Mapping[str, str],
    path: Sequence[tuple[str, str | None, str]],
    label: str,
    locale: Locale,
    channels: Locale,
) -> Markup:
    """Draw a journey.

    Parameters
    ----------
    facts
        What is shown.
    names
        Names of the stages.
    path
        The designed journey: stage, channel and name of each step.
    label
        What the drawing shows, for readers who can't see it.
    locale, channels
        How readers are written to, and what channels are called.

    Returns
    -------
    Markup
        An ``<svg>``.
    """
    grid = _HEAD + 3 * _LINE + 2 * _GAP
    curve = grid + _ROW * len(facts.channels) + _GAP
    shown = any(stage.mean is not None for stage in facts.stages)
    height = curve + (_CURVE + 8 if shown else 0)
    canvas = Canvas(_WIDTH, height, label=label, direction=locale.direction)
    column = (_WIDTH - _LABELS) / max(1, len(facts.stages))
    middle = {stage.id: _LABELS + (place + 0.5) * column for place, stage in enumerate(facts.stages)}
    _stages(canvas, facts, names, column, locale)
    _lines(canvas, facts.stages, middle, locale)
    _path(canvas, facts, path, middle, grid)
    _cells(canvas, facts, names, middle, grid, (locale, channels))
    if shown:
        _feelings(canvas, facts, names, middle, curve, locale)
    whole = None if facts.score is None else facts.score.value
    return canvas.render(class_="figure journey", follow={"whole": whole}, crop=curve - _GAP)


def _stages(
    canvas: Canvas, facts: JourneyFacts, names: Mapping[str, str], column: float, locale: Locale
) -> None:
    """Draw the stages as arrows in the order of the journey."""
    notch = 14.0
    for place, stage in enumerate(facts.stages):
        start, end = _LABELS + place * column + 2, _LABELS + (place + 1) * column - 10
        step = shade(0.85 - 0.4 * place / max(1, len(facts.stages) - 1))
        inner = start + (notch if place else 0)
        corners = [
            (start, 0.0), (end - notch + 8, 0.0), (end + 8, _HEAD / 2), (end - notch + 8, _HEAD), (start, _HEAD),
            (inner, _HEAD / 2),
        ]  # fmt: skip
        row = stage.row
        hint = locale.say(
            "{name}: {number} customers = {share} (95% interval {low} to {high}); {entries} entries, of which "
            "{lost} end the journey",
            name=locale.name(names[stage.id]),
            number=locale.count(row["customers"]),
            share=locale.share(row["share"]),
            low=locale.share(row["share_low"]),
            high=locale.share(row["share_high"]),
            entries=locale.count(row["entries"]),
            lost=locale.share(row["drop_off"]),
        )
        canvas.polygon(corners, fill=paint(step), title=hint)
        text = svg_name(names[stage.id], column - 2 * notch - 8, 13)
        canvas.text(
            start + column / 2 + 4,
            _HEAD / 2 + 4.6,
            text,
            anchor="middle",
            class_="strong",
            fill=on(step),
        )


def _lines(canvas: Canvas, stages: Sequence[StageFacts], middle: Mapping[str, float], locale: Locale) -> None:
    """Write how many customers come to each stage, what time they take there, and how many leave."""

    def time_and_cost(stage: StageFacts) -> str:
        time, cost = stage.row["median_seconds"], stage.row.get("cost_per_customer")
        text = locale.duration(time)
        if cost:
            text = locale.say("{time} · {cost} each", time=text, cost=locale.compact(float(cost)))
        return of_all(text, stage.row["customers"])

    lines: tuple[tuple[str, Callable[[StageFacts], str], str | None], ...] = (
        (
            "Customers",
            lambda stage: (
                locale.count(stage.row["customers"]) + " (" + locale.share(stage.row["share"], 0) + ")"
            ),
            "strong",
        ),
        (
            "Time to next, cost"
            if any(stage.row.get("cost_per_customer") for stage in stages)
            else "Time to next",
            time_and_cost,
            None,
        ),
        ("Leave here", lambda stage: locale.share(stage.row["drop_off"]), "lost"),
    )
    for place, (name, text, class_) in enumerate(lines):
        y = _HEAD + _GAP + place * _LINE + 6
        canvas.text(2, y, locale.say(name), class_="quiet")
        for stage in stages:
            canvas.text(middle[stage.id], y, text(stage), anchor="middle", class_=class_)


def _path(
    canvas: Canvas,
    facts: JourneyFacts,
    path: Sequence[tuple[str, str | None, str]],
    middle: Mapping[str, float],
    grid: float,
) -> None:
    """Draw the designed journey as a ghost behind the real one."""
    rows = {channel: grid + (row + 0.5) * _ROW for row, channel in enumerate(facts.channels)}
    points: list[tuple[float, float]] = []
    for stage, channel, _ in path:
        if stage not in middle or not rows:
            continue
        if channel not in rows:
            mine = {name: cell.events for (of, name), cell in facts.cells.items() if of == stage}
            channel = max(mine, key=lambda name: mine[name], default=facts.channels[0])
        points.append((middle[stage], rows[channel]))
    for first, second in pairwise(points):
        canvas.line(*first, *second, class_="ghost")


def _cells(
    canvas: Canvas,
    facts: JourneyFacts,
    names: Mapping[str, str],
    middle: Mapping[str, float],
    grid: float,
    locales: tuple[Locale, Locale],
) -> None:
    """Draw a circle for each channel within a stage: its area is events, its colour the score."""
    locale, channels = locales
    largest = max((cell.events for cell in facts.cells.values()), default=1)
    for row, channel in enumerate(facts.channels):
        y = grid + (row + 0.5) * _ROW
        canvas.line(_LABELS, y, _WIDTH - 4, y, class_="axis")
        canvas.text(2, y + 4.4, svg_name(channels.label(channel), _LABELS - 12))
        for stage in facts.stages:
            cell = facts.cells.get((stage.id, channel))
            if cell is None:
                continue
            radius = max(_LEAST, _MOST * (cell.events / largest) ** 0.5)
            name, of = locale.name(names[stage.id]), channels.name(channel)
            hint = cell_hint(cell, name, of, facts.kind, locale)
            canvas.circle(
                middle[stage.id],
                y,
                radius,
                fill=paint(cell_tint(facts, cell)),
                class_=_mark(facts, stage.id, channel),
                title=hint,
                follow={"area": cell.events, **followed_score(cell)},
            )
            score = cell.score
            if score is not None and score.stands_out:
                text = of_all(str(score_text(score.value, facts.kind, locale)), score.answers)
                canvas.text(
                    middle[stage.id] + radius + 6, y + 4.2, text, class_="small strong halo", title=hint
                )


def cell_tint(facts: JourneyFacts, cell: Cell) -> str:
    """Blue above the score of all answers, red below it, grey where few answered."""
    score, whole = cell.score, facts.score
    if facts.kind is None or score is None or score.answers < FEW or score.value is None:
        return tint(None)
    if whole is None or whole.value is None:
        return tint(None)
    return tint((score.value - whole.value) / SCORE_SPAN[facts.kind])


def followed_score(cell: Cell) -> dict[str, object]:
    """What the colour of a cell follows."""
    return {} if cell.score is None else {"score": cell.score.value, "answers": cell.score.answers}


def _mark(facts: JourneyFacts, stage: str, channel: str | None) -> str:
    key = (stage, channel)
    marks = ["cell", "moment" if key in facts.moments else "", "pain" if key in facts.pains else ""]
    return " ".join(mark for mark in marks if mark)


def _feelings(
    canvas: Canvas,
    facts: JourneyFacts,
    names: Mapping[str, str],
    middle: Mapping[str, float],
    top: float,
    locale: Locale,
) -> None:
    """Draw the mean answer of each stage with its interval, and a face."""
    known = [stage for stage in facts.stages if stage.mean is not None]
    centre = facts.mean or 0.0
    sure = [stage for stage in known if stage.answers >= FEW] or known
    reach = [
        end for stage in sure for end in (stage.mean_low, stage.mean_high, stage.mean) if end is not None
    ]
    reach += [stage.mean for stage in known if stage.mean is not None]
    low, high = min([*reach, centre - 1e-9]), max([*reach, centre + 1e-9])
    floor = top + _CURVE
    scale = (_CURVE - 36) / (high - low)

    def place(value: float) -> float:
        inside = min(max(value, low), high)
        return floor - 18 - (high - inside if facts.falling else inside - low) * scale

    line = place(centre)
    canvas.rect(_LABELS, top, _WIDTH - _LABELS - 4, line - top, fill=PALE, radius=0, class_="mood")
    canvas.rect(_LABELS, line, _WIDTH - _LABELS - 4, floor - line, fill=LOW, radius=0, class_="mood")
    ends = [locale.number(end) for end in facts.ends]
    said = locale.say("Mean answer, of {low} to {high}", low=ends[0], high=ends[1])
    canvas.text(2, top + 12, said, class_="quiet mood")
    canvas.text(2, line + 4, locale.say("all: {mean}", mean=locale.number(centre, 2)), class_="quiet mood")
    points = {stage.id: (middle[stage.id], place(stage.mean or 0.0)) for stage in known}
    for one, two in pairwise(facts.stages):
        if one.id in points and two.id in points:
            (x1, y1), (x2, y2) = points[one.id], points[two.id]
            half = (x1 + x2) / 2
            canvas.path([("M", (x1, y1)), ("C", (half, y1), (half, y2), (x2, y2))], class_="feeling mood")
    for stage in known:
        x, y = points[stage.id]
        if stage.mean_low is not None and stage.mean_high is not None:
            canvas.line(x, place(stage.mean_low), x, place(stage.mean_high), class_="whisker mood")
        _face(canvas, facts, stage, (x, y), names, locale)


def _face(
    canvas: Canvas,
    facts: JourneyFacts,
    stage: StageFacts,
    at: tuple[float, float],
    names: Mapping[str, str],
    locale: Locale,
) -> None:
    """Draw a face that smiles the more, the nearer the mean is to the best answer."""
    x, y = at
    worst, best = facts.ends
    mood = ((stage.mean or 0.0) - worst) / (best - worst)
    mood = 1 - mood if facts.falling else mood
    hint = locale.say(
        "{stage}: mean answer {mean} (95% interval {low} to {high}) of {answers} answers",
        stage=locale.name(names[stage.id]),
        mean=locale.number(stage.mean, 2),
        low=locale.number(stage.mean_low, 2),
        high=locale.number(stage.mean_high, 2),
        answers=locale.count(stage.answers),
    )
    few = "" if stage.answers >= FEW else " few"
    canvas.circle(x, y, 10, fill=CARD, class_=f"face mood{few}", title=hint)
    for side in (-3.4, 3.4):
        canvas.circle(x + side, y - 2.4, 1.2, fill=INK, class_="mood", title=hint)
    bend = 9.0 * (max(0.0, min(1.0, mood)) - 0.55)
    canvas.path(
        [("M", (x - 4.6, y + 4.2 - bend / 2)), ("C", (x - 2, y + 4.2 + bend / 2), (x + 2, y + 4.2 + bend / 2),
                                                 (x + 4.6, y + 4.2 - bend / 2))],
        class_="mouth mood",
    )  # fmt: skip
    canvas.text(
        x, y - 15, locale.number(stage.mean, 1), anchor="middle", class_="small halo mood", title=hint
    )

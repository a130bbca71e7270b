"""Conformance: how far journeys follow the designed one, where they leave it, and what goes along with that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from safar import _args
from safar._core import Table
from safar._typing import Duration, Others, Per
from safar.analyses._cells import CellsResult
from safar.analyses._conformance_explanation import explained
from safar.analyses._conformance_tables import (
    DEVIATIONS,
    STATUSES,
    Counted,
    StepRow,
    deviations_table,
    overall,
    stages_table,
    steps_table,
)
from safar.analyses._spec import Column, Spec, observed, segments
from safar.analyses._units import segment_words
from safar.design import Block, Part, blocks_of, design_text, of_map, steps_of, tree_of
from safar.errors import ArgumentError
from safar.explanation import Explanation
from safar.language import Length, Listed, Said, paragraph, quoted
from safar.result import ResultTable

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Conformance", "ConformanceResult", "conformance"]

# One bit each in the kernel.
_MOST_STEPS = 64
_MAP_COLUMNS = ("touchpoint", "stage")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ConformanceResult(CellsResult):
    """How far journeys follow the designed one.

    Parameters
    ----------
    table
        One row, or one a segment: ``segment`` (only with `by`; null where there is no value), ``units`` (that are
        over), ``conforming`` (of them, with every step due done in order and in time and nothing extra), ``share``,
        ``share_low``, ``share_high`` (conforming of the units, 0 to 1, with its 95 % Wilson interval), ``in_order``
        (units that conform but for time), ``fitness``, ``fitness_low``, ``fitness_high`` (mean fitness of alignments,
        0 to 1, with its 95 % interval of Student), ``replay_fitness``, ``replay_fitness_low``,
        ``replay_fitness_high`` (mean fitness of token replay, likewise), ``token_fitness`` (of all tokens of all
        units together), ``open`` (units that may still go on and have not deviated yet), ``open_deviating`` (that may
        still go on and have), ``outside`` (units without any event of the design), ``events`` (of steps of the
        design), ``ignored`` (events that are none; with ``others="extra"`` those that count as extra), ``unmapped``
        (events without a label).
    step_table, stage_table, deviation_table
        The tables that `steps`, `stages` and `deviations` show.
    """

    analysis: ClassVar[str] = "conformance"

    step_table: Table
    stage_table: Table
    deviation_table: Table

    def steps(self) -> ResultTable:
        """At which steps do units leave the design?

        Returns
        -------
        ResultTable
            One row a step of the design, for each segment: ``segment``, ``step`` (from 1), ``label``, ``stage`` (only
            of the steps of a map), ``within`` (as designed), ``units`` (that are over), ``in_order`` (units that did
            it in order and in time), ``late``, ``out_of_order``, ``skipped``, ``not_due`` (another branch was taken,
            or the step is optional and was left out), ``share``, ``share_low``, ``share_high`` (in order of the units
            in which it was due, 0 to 1, with its 95 % Wilson interval). A unit counts once, with the worst: out of
            order, then skipped, then late; so the five add up to ``units``.
        """
        return self._shown(self.step_table, Said("One row a step."))

    def stages(self) -> ResultTable:
        """At which stages do units leave the design?

        Returns
        -------
        ResultTable
            One row a stage of the map with a step in the design, for each segment: ``segment``, ``stage``, ``units``
            (that are over), ``reached`` (units that did any of its steps, wherever), ``in_order`` (of them, without
            any deviation at a step of it), ``deviating`` (units with one, whether they reached it or not), ``share``,
            ``share_low``, ``share_high`` (in order of those that reached it, 0 to 1, with its 95 % Wilson interval).
            No row where the steps have no stages.
        """
        return self._shown(self.stage_table, Said("One row a stage."))

    def deviations(self) -> ResultTable:
        """Which deviations are the commonest, and what goes along with them?

        Returns
        -------
        ResultTable
            One row a deviation, for each segment, the commonest first: ``segment``, ``kind`` (``"skipped"``,
            ``"out_of_order"``, ``"late"`` or ``"extra"``), ``step`` (from 1; null for what is extra), ``label``,
            ``units`` (with it), ``share``, ``share_low``, ``share_high`` (of all units that are over, 0 to 1, with
            its 95 % Wilson interval). With `goal` also ``converted_with``, ``converted_without`` (units with a goal
            event, of those with and without the deviation), ``conversion_with``, ``conversion_without`` (their
            shares, each with ``_low`` and ``_high``), ``conversion_difference``, ``conversion_difference_low``,
            ``conversion_difference_high`` (first minus second, with its 95 % Newcombe interval), ``p_value``,
            ``q_value``. With `score` also ``scored_with``, ``scored_without`` (units with a score), ``score_with``,
            ``score_without`` (mean scores), ``score_difference``, ``score_difference_low``, ``score_difference_high``
            (with its 95 % interval of Welch), ``score_p_value``, ``score_q_value``.
        """
        return self._shown(
            self.deviation_table,
            Said(
                "One row a deviation. What goes along with it is association, not effect: who deviates differs "
                "otherwise."
            ),
        )

    def _shown(self, table: Table, head: Said) -> ResultTable:
        shares = {"share", "conversion_with", "conversion_without", "conversion_difference"}
        shares |= {f"{name}_{end}" for name in shares for end in ("low", "high")}
        definition = paragraph(head, self.definition)
        return ResultTable(table, definition, self.timezone, shares=frozenset(shares))

    def explain(self, customer: object) -> Explanation:
        """Which of a customer's events are which steps, and which steps are missing?

        Parameters
        ----------
        customer
            The id, as the data give it.

        Returns
        -------
        Explanation
            One row an event with what it is to the design, and a sentence for each unit.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "who": ["ann", "ann"],
        ...         "day": ["2026-03-01", "2026-03-02"],
        ...         "what": ["visit", "purchase"],
        ...     },
        ...     customer="who",
        ...     time="day",
        ...     event="what",
        ...     observed_until="2026-06-01",
        ... )
        >>> why = log.conformance(["visit", "purchase"]).explain("ann")
        >>> print(*why.conclusion)
        Journey 1 conforms.
        """
        question: Any = Spec.from_json(self.spec)
        log = self._asked()
        rows = question.step_rows(log)
        return explained(log, customer, question.plan_of_moves(log), rows, question.per, self.definition)


@dataclass(frozen=True, slots=True)
class Conformance(Spec[ConformanceResult]):
    """The question of `EventLog.conformance`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> spec = safar.Conformance(["visit", safar.design.choice("call", "chat"), "purchase"])
    >>> safar.Spec.from_json(spec.to_json()) == spec
    True
    """

    analysis: ClassVar[str] = "conformance"

    design: Sequence[Part | Sequence[Part]] | None = None
    _: KW_ONLY
    of: str | None = None
    per: Per = "customers"
    gap: Duration = "30m"
    inactivity: Duration = "30d"
    collapse: bool = True
    others: Others = "ignore"
    goal: str | Sequence[str] | None = None
    score: str | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        if self.design is not None:
            blocks = blocks_of(self.design, "design")
            object.__setattr__(self, "design", blocks)
            _check(blocks, "design")
        _args.choice(self.per, "per", Per)
        _args.choice(self.others, "others", Others)
        for name in ("gap", "inactivity"):
            object.__setattr__(self, name, _args.duration(getattr(self, name), name))
        object.__setattr__(self, "collapse", _args.flag(self.collapse, "collapse"))
        if self.goal is not None:
            object.__setattr__(self, "goal", _args.names(self.goal, "goal"))
        for name in ("of", "score", "by"):
            if getattr(self, name) is not None:
                _args.text(getattr(self, name), name)

    @property
    def events(self) -> None:
        """All events are looked at."""

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        _args.known_events(self.goal or (), log.events, "goal")
        _args.known_segment(self.by, log.columns, log.roles)
        if self.score is not None:
            _args.known_columns_of_log([self.score], log.columns, "score")
        return {"params": self._params(log), "by": self.by, "at": "entry"}

    def plan_of_moves(self, log: Log) -> dict[str, object]:
        """The plan of the kernel that tells each event."""
        return {"params": self._params(log)}

    def _params(self, log: Log) -> dict[str, object]:
        blocks = self._blocks(log)
        columns = list(dict.fromkeys(str(step.column) for step in steps_of(blocks)))
        # An event is at the touchpoint that a step names; its stage counts where none names that.
        columns.sort(key=lambda name: _MAP_COLUMNS.index(name) if name in _MAP_COLUMNS else -1)
        steps = [
            {
                "column": columns.index(str(step.column)),
                "label": step.step,
                "within_us": None if step.within is None else _args.microseconds(step.within),
                "stage": row.stage,
            }
            for step, row in zip(steps_of(blocks), self.step_rows(log), strict=True)
        ]
        return {
            "units": {
                "per": self.per,
                "gap_us": _args.microseconds(self.gap),
                "inactivity_us": _args.microseconds(self.inactivity),
                "events": None,
                "collapse": False,
            },
            "columns": columns,
            "steps": steps,
            "design": {"sequence": tree_of(blocks, count())},
            "collapse": self.collapse,
            "others": self.others,
            "goal": None if self.goal is None else list(self.goal),
            "score": self.score,
        }

    def _blocks(self, log: Log) -> tuple[Block, ...]:
        """The design, each of whose steps says its column, after a check of every name against the log."""
        if self.design is None:
            if self.of is not None:
                raise ArgumentError(
                    f'of="{self.of}" says what the steps of a design are, but none is given; the map says of each '
                    "of its own steps what it is"
                )
            if log.map is None or not log.map.designed:
                missing = (
                    "this log has no map"
                    if log.map is None
                    else f"the map of this log, {log.map.file}, has no [[designed]] steps"
                )
                raise ArgumentError(
                    f'{missing}, so there is no designed journey; give one, such as conformance(["visit", "cart", '
                    '"purchase"]), or read the log through a map that has one: log.with_map(journey_map).conformance()'
                )
            blocks = of_map(log.map.designed)
            _check(blocks, f"the designed journey of {log.map.file}")
            default = "touchpoint"
        else:
            blocks = blocks_of(self.design, "design")
            default = self.of or ("touchpoint" if "touchpoint" in log.columns else "event")
        blocks = tuple(_with_column(block, default) for block in blocks)
        columns = dict.fromkeys(str(step.column) for step in steps_of(blocks))
        _args.known_columns_of_log([name for name in columns if name != "event"], log.columns, "of")
        for step in steps_of(blocks):
            _known_label(step, log)
        return blocks

    def step_rows(self, log: Log) -> list[StepRow]:
        """The steps as the tables show them."""
        stages = {} if log.map is None else {each.id: each.stage for each in log.map.touchpoints}

        def stage(step: Block) -> str | None:
            if step.column == "stage":
                return step.step
            return stages.get(str(step.step)) if step.column == "touchpoint" else None

        return [
            StepRow(
                str(step.step), stage(step), step.optional, None if step.within is None else str(step.within)
            )
            for step in steps_of(self._blocks(log))
        ]

    @property
    def cell_values(self) -> Mapping[str, Sequence[str]]:
        """By column of the cells, texts that may stand there though nobody does."""
        labels = (
            []
            if self.design is None
            else [str(step.step) for step in steps_of(blocks_of(self.design, "design"))]
        )
        return {"kind": (*STATUSES, *DEVIATIONS), "label": labels}

    def _cells(self, rows: dict[str, Column], log: Log) -> dict[str, Column]:
        kinds = rows["kind"][0].astype(object)
        stands = np.isin(kinds, [*STATUSES, *DEVIATIONS])
        cells: dict[str, Column] = {}
        for name in ("segment", "customer", "kind", "step", "label", "units"):
            if name in rows:
                values, missing = rows[name]
                cells[name] = (values[stands], None if missing is None else missing[stands])
        step = cells["step"][0]
        cells["step"] = (step, step == 0)
        label = cells["label"][0]
        cells["label"] = (label, label == "")
        return cells

    def finish(self, partial: Table, log: Log) -> ConformanceResult:
        """The tables of the counts of each segment."""
        rows = self.step_rows(log)
        counted = Counted(partial, segmented=self.by is not None)
        stages = list(dict.fromkeys(row.stage for row in rows if row.stage is not None))
        ends = [
            f"{name}{end}" for name in ("share", "fitness", "replay_fitness") for end in ("", "_low", "_high")
        ]
        return ConformanceResult(
            overall(counted),
            self._definition(log),
            log.timezone,
            self.to_json(),
            steps_table(counted, rows),
            stages_table(counted, stages),
            deviations_table(counted, goal=self.goal is not None, score=self.score is not None),
            shares=frozenset({*ends, "token_fitness"}),
        )

    def _definition(self, log: Log) -> Said:
        blocks = self._blocks(log)
        what = _kinds_words(blocks)
        late = any(step.within is not None for step in steps_of(blocks))
        return paragraph(
            Said(
                "{designed} is {design} ({what}; > then, & in any order, | or, ? optional, + once or more).",
                designed=(
                    Said("The designed journey")
                    if self.design is not None or log.map is None
                    else Said("The journey designed in {file}", file=log.map.file)
                ),
                design=design_text(blocks),
                what=what,
            ),
            Said(_UNIT_OF[self.per], gap=Length(self.gap), what=what),
            Said("Repeats of one in a row count once, from the first to the last.")
            if self.collapse
            else None,
            Said(_OTHERS[self.others]),
            Said(_DEVIATION[late]),
            Said(
                "A unit conforms without any of these. fitness is 1 - deviations / (events + steps of the shortest "
                "way), the mean over units; replay_fitness that of token replay. Units with the last event within "
                "{rest} of {end} are open and in no share.",
                rest=Length(self.gap if self.per == "sessions" else self.inactivity),
                end=observed(log),
            ),
            *self._compared(),
            segments(self.by, segment_words(self)),
        )

    def _compared(self) -> list[Said]:
        """How units with a deviation are compared with the others, for the definition."""
        said = []
        if self.goal is not None:
            text = (
                "A unit converts with any {events} in it; p-values are of the z test of two shares, or of Fisher's "
                "exact test where counts are small."
            )
            said.append(Said(text, events=quoted(self.goal)))
        if self.score is not None:
            text = (
                'The score of a unit is the mean of "{column}" over its events that have one; p-values are of Welch\'s '
                "test."
            )
            said.append(Said(text, column=self.score))
        if said:
            text = (
                "q-values are those of Benjamini and Hochberg over the deviations. Association, not effect."
            )
            said.append(Said(text))
        return said


_UNIT_OF = {
    "customers": "A unit is the journey of a customer, as the sequence of its {what}.",
    "sessions": (
        "A unit is a session, a run of one customer's events with no pause longer than {gap}, as the sequence of its "
        "{what}."
    ),
}
_OTHERS = {
    "ignore": "Events that are no step of it are not looked at; units without any event of it are outside.",
    "extra": "Events with a label that it does not have are extra; units without any event of it are outside.",
}
_DEVIATION = {
    False: (
        "Each unit is aligned with the way through the design that takes the fewest skipped steps and extra events. A "
        "step is skipped, if due and not done; out of order, if its label is both skipped and extra."
    ),
    True: (
        "Each unit is aligned with the way through the design that takes the fewest skipped steps and extra events. A "
        "step is skipped, if due and not done; late, if done more than its time after the end of the latest step "
        "before it by design; out of order, if its label is both skipped and extra."
    ),
}
_KINDS = {"event": "events", "touchpoint": "touchpoints", "stage": "stages"}


def _kinds_words(blocks: Sequence[Block]) -> Listed:
    """What the steps of a design are, for the definition."""
    kinds = dict.fromkeys(str(step.column) for step in steps_of(blocks))
    words = [
        Said(_KINDS[name]) if name in _KINDS else Said('values of "{column}"', column=name) for name in kinds
    ]
    return Listed(words, " or ")


def _check(blocks: Sequence[Block], what: str) -> None:
    """Refuse a design that is too long, or in which nothing is due."""
    steps = list(steps_of(blocks))
    if not 1 <= len(steps) <= _MOST_STEPS:
        raise ArgumentError(
            f"{what} has {len(steps)} steps; expected 1 to {_MOST_STEPS}. Of a long journey, design stages or a part"
        )
    if all(_may_be_left_out(block) for block in blocks):
        raise ArgumentError(f"{what} has optional steps only; at least one must be expected")


def _may_be_left_out(block: Block) -> bool:
    if block.optional:
        return True
    if block.step is not None:
        return False
    if block.choice:
        return any(_may_be_left_out(part) for part in block.choice)
    return all(_may_be_left_out(part) for part in (*block.sequence, *block.parallel, *block.loop))


def _with_column(block: Block, column: str) -> Block:
    """The block, each of whose steps says its column."""
    parts = {
        name: tuple(_with_column(part, column) for part in getattr(block, name))
        for name in ("sequence", "parallel", "choice", "loop", "again")
    }
    own = block.column or column if block.step is not None else None
    return Block(block.step, column=own, within=block.within, optional=block.optional, **parts)


def _known_label(step: Block, log: Log) -> None:
    """Refuse a step that nothing can be, as far as names are known."""
    label = str(step.step)
    if step.column == "event":
        _args.known_events([label], log.events, "design")
    elif log.map is not None and step.column in _MAP_COLUMNS:
        parts = log.map.touchpoints if step.column == "touchpoint" else log.map.stages
        known = [part.id for part in parts]
        if label not in known:
            other = ' (these are touchpoints; for events write of="event")' if label in log.events else ""
            raise ArgumentError(
                f'design "{label}" is not a {step.column} of the map {log.map.file}{_args.suggestion(label, known)} '
                f"(available: {_args.listing(known)}){other}"
            )


def conformance(
    log: Log,
    design: Sequence[Part | Sequence[Part]] | None = None,
    *,
    of: str | None = None,
    per: Per = "customers",
    gap: Duration = "30m",
    inactivity: Duration = "30d",
    collapse: bool = True,
    others: Others = "ignore",
    goal: str | Sequence[str] | None = None,
    score: str | None = None,
    by: str | None = None,
) -> ConformanceResult:
    """How far do journeys follow the designed one, and where do they leave it?

    Parameters
    ----------
    design
        The designed journey: a list of steps, in order, among them blocks: ``safar.design.optional("chat")``,
        ``.parallel("pay", "verify")`` (all, in any order), ``.choice("store", "online")`` (one of them),
        ``.loop("ask", "answer", again="reopen")`` (once or more), ``.step("checkout", within="1h")``. Mappings with the
        keys of ``[[designed]]`` do as well. By default the designed journey of the map that the log was read through
        (`EventLog.with_map`). At most 64 steps.
    of
        What the steps of `design` are: ``"touchpoint"``, ``"stage"``, ``"event"`` or any column of the log. By default
        touchpoints where the log has them, else events. The map says of each of its own steps what it is.
    per
        What is one unit: ``"customers"`` (default), the journey of each, or ``"sessions"``. For other units ask
        ``log.per(...)``, such as ``log.with_journeys(ends="purchase").per("journey").conformance(...)``.
    gap
        The longest pause inside a session, 30 minutes by default; as of `EventLog.sessions`.
    inactivity
        How long a customer must have been silent at `observed_until` for the journey to be over; up to and including
        this, it is open. 30 days by default. A session is open while its `gap` is not over.
    collapse
        Whether repeats of one label in a row count once (default), because three views of one page are one visit to it.
        With False, each repeat needs a loop in the design.
    others
        What becomes of events with labels that the design does not have: ``"ignore"`` (default), because a design names
        the steps that matter and not all that customers do besides; ``"extra"`` makes each a deviation.
    goal
        The event, or several of which any will do, that a unit should have; deviations are compared by it.
    score
        A column of numbers, such as a satisfaction; deviations are compared by its mean over units.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute); each unit belongs to the value at its first
        event.

    Returns
    -------
    ConformanceResult
        One row, or one a segment: ``segment`` (only with `by`), ``units``, ``conforming``, ``share``, ``share_low``,
        ``share_high``, ``in_order``, ``fitness``, ``fitness_low``, ``fitness_high``, ``replay_fitness``,
        ``replay_fitness_low``, ``replay_fitness_high``, ``token_fitness`` (0 to 1), ``open``, ``open_deviating``,
        ``outside`` (units), ``events``, ``ignored``, ``unmapped`` (events).
        `ConformanceResult.steps`, `ConformanceResult.stages` and `ConformanceResult.deviations` say where units leave
        the design, `ConformanceResult.customers` (such as ``kind="skipped", label="cart"``) who does, and
        `ConformanceResult.explain` why one does.

    Notes
    -----
    The design becomes a Petri net. Each unit is aligned with it at unit costs: a step that is due and has no event is
    skipped, an event that is no step at its point is extra, and of all alignments one with the fewest of both counts
    (Adriansyah 2014; van der Aalst 2016, doi:10.1007/978-3-662-49851-4, section 8.3). Its fitness is 1 minus these,
    divided by the events of the unit plus the steps of the shortest way through the design. Of several such
    alignments, the one that does a step rather than skip one, and skips one rather than call an event extra, as
    early as possible; among steps the first of the design. So of two steps that changed places, the one that came
    too late is out of order. Token replay is that of Rozinat and van der Aalst (2008, doi:10.1016/j.is.2007.07.001),
    ½(1 - missing / consumed) + ½(1 - remaining / produced), on the net without silent transitions that it can do
    without; what the net does not have is left out of it. ``token_fitness`` adds up the tokens of all units, as the
    paper does for a log.

    A step with ``within`` is late where more than that, exactly, has passed from the last event of the latest step done
    that stands before it by design (not beside it in any order) to its first event; where none was done, it is not
    late. Lateness lowers no fitness. An event is at a step that names its touchpoint; its stage counts only where
    none does. Events without a label (null) are left out and counted in ``unmapped``.

    Open units are in no share and in no table but the counts ``open`` and ``open_deviating``: theirs is the cheapest
    alignment with a beginning of the design, so that what has not come yet is not skipped. Shares are of units as if
    they were independent (Wilson 1927), means have Student's interval. Units with and without a deviation are
    compared by Newcombe's interval (1998, method 10) and by the test of two shares, scores by Welch's test; q-values
    are those of Benjamini and Hochberg (1995) over the list. All this is association: who deviates differs otherwise,
    too. Twins: ``pm4py.fitness_alignments``, ``pm4py.fitness_token_based_replay``, ProM.

    Examples
    --------
    >>> import safar
    >>> paths = {
    ...     "ann": "visit cart purchase",
    ...     "bob": "visit purchase",
    ...     "cem": "cart visit purchase",
    ... }
    >>> rows = [
    ...     (who, f"2026-03-0{day}", event)
    ...     for who, path in paths.items()
    ...     for day, event in enumerate(path.split(), 1)
    ... ]
    >>> customer, time, event = map(list, zip(*rows))
    >>> log = safar.EventLog(
    ...     {"customer": customer, "time": time, "event": event},
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     observed_until="2026-06-01",
    ... )
    >>> result = log.conformance(["visit", "cart", "purchase"])
    >>> result.to_dict()["conforming"], result.to_dict()["units"]
    ([1], [3])
    >>> found = result.deviations().to_dict()
    >>> list(zip(found["kind"], found["label"], found["units"]))
    [('skipped', 'cart', 1), ('out_of_order', 'visit', 1)]
    """
    return Conformance(
        design,
        of=of,
        per=per,
        gap=gap,
        inactivity=inactivity,
        collapse=collapse,
        others=others,
        goal=goal,
        score=score,
        by=by,
    ).run(log)

"""Why a customer stands where it does in a funnel: each event, and what it decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from safar import _args, _core, _table
from safar._typing import Integers
from safar.analyses._funnel_steps import Exclusion, Gap, Step
from safar.explanation import Explanation, explanation, moment, one_customer
from safar.language import Length, Listed, Said, Span

if TYPE_CHECKING:
    from safar._log import Log
    from safar.analyses.funnel import Funnel
    from safar.log import EventLog

_OF_EQUALS = {
    "latest": "of the attempts the furthest counts, of equals the latest",
    "best": "of the attempts the furthest counts, of equals the earliest",
}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt that counts: which event took which step."""

    reached: int
    status: str
    # By step from 0: position among the unit's events and time in µs; absent where an optional step was left out.
    taken: dict[int, tuple[int, int]]

    @property
    def entry(self) -> int:
        return min(time for _, time in self.taken.values())

    @property
    def last(self) -> int:
        return max(time for _, time in self.taken.values())


def explained(funnel: Funnel, log: Log, customer: object, definition: str) -> Explanation:
    """The events of a customer under a funnel."""
    if funnel.unit == "units":
        # A unit may be of several customers.
        one = units = one_customer(funnel.units(log), customer)
    else:
        one = one_customer(log, customer)
        units = cast("EventLog", funnel.units_of_part(one))
    plan = funnel.plan_of_part(units)
    attempts = units.ask("funnel_attempts", plan)
    events = units.ask("funnel_events", plan)
    decisions: list[Said] = []
    conclusion: list[Said] = []
    ids, starts = units.core.customers(), units.core.view("offsets")
    names = ids.numpy(ids.names[0])[0].tolist()
    columns = units.core.events_table(["time", "event"])
    order = np.argsort(columns.numpy("time")[0], kind="stable") if len(names) > 1 else np.arange(len(units))
    for index, name in enumerate(names):
        mine = _of(attempts, name)
        found = [_attempt(attempts, row) for row in mine]
        masks = np.zeros(int(starts[index + 1] - starts[index]), dtype=np.uint64)
        rows = _of(events, name)
        masks[events.numpy("position")[0][rows]] = events.numpy("steps")[0][rows].astype(np.uint64)
        times = units.core.view("times")[starts[index] : starts[index + 1]]
        story = _Story(funnel, log.timezone, log.observed_until_us, found, times, masks)
        told, ends = story.decisions(), story.conclusion()
        if len(names) > 1:
            told, ends = _labelled(name, told), _labelled(name, ends)
        decisions += told
        conclusion += ends
    ordered = [decisions[position] for position in order] if len(decisions) == len(one) else decisions
    return explanation(
        one if len(decisions) == len(one) else units, customer, ordered, conclusion, definition
    )


def _labelled(name: object, texts: Sequence[Said]) -> list[Said]:
    """Sentences about one of several units; what says nothing stays so."""
    return [Said("{name}: {found}", name=str(name), found=text) if text else text for text in texts]


def _of(table: _core.Table, name: object) -> Integers:
    return np.flatnonzero(np.array([each == name for each in table.numpy("customer")[0]], dtype=bool))


def _attempt(attempts: _core.Table, row: int) -> _Attempt:
    positions, times = attempts.numpy("positions")[0][row], attempts.numpy("times")[0][row]
    reached = int(_table.integers(attempts, "reached")[row])
    skipped = int(_table.integers(attempts, "skipped")[row])
    steps = (step for step in range(reached) if not skipped >> step & 1)
    moments = times.astype("datetime64[us]").astype(np.int64).tolist()
    taken = {
        step: (position, time)
        for step, position, time in zip(steps, positions.tolist(), moments, strict=False)
    }
    return _Attempt(reached, str(attempts.numpy("status")[0][row]), taken)


@dataclass(frozen=True, slots=True)
class _Story:
    """One unit's events under a funnel."""

    funnel: Funnel
    timezone: str
    observed_until: int
    attempts: list[_Attempt]
    times: Integers
    masks: np.ndarray[tuple[int], np.dtype[np.uint64]]

    @property
    def steps(self) -> tuple[Step, ...]:
        return cast("tuple[Step, ...]", self.funnel.steps)

    def decisions(self) -> list[Said]:
        said = [self._of_event(position) for position in range(len(self.times))]
        many = len(self.attempts) > 1
        for number, attempt in enumerate(self.attempts, start=1):
            before: int | None = None
            for step, (position, time) in sorted(
                attempt.taken.items(), key=lambda item: (item[1][1], item[0])
            ):
                taken = self._taken(step, time, before, attempt)
                said[position] = (
                    Said("attempt {number}: {found}", number=number, found=taken) if many else taken
                )
                before = time
        return said

    def _taken(self, step: int, time: int, before: int | None, attempt: _Attempt) -> Said:
        named = self._step(step)
        if before is None:
            return Said("takes {step}: the attempt that counts begins", step=named)
        text = (
            "takes {step}, {span} after the step before"
            if time > before
            else "takes {step}, at the same time as the step before"
        )
        taken = Said(text, step=named, span=Span(time - before))
        if step + 1 == len(self.steps) == attempt.reached:
            return Said("{found}; the funnel is completed", found=taken)
        return taken

    def _step(self, step: int) -> Said:
        if self.funnel.order == "any":
            return Said("step {step} of {steps} in any order", step=step + 1, steps=len(self.steps))
        return Said('step {step} "{name}"', step=step + 1, name=self.funnel.names()[step])

    def _of_event(self, position: int) -> Said:
        """Why an event takes no step of the attempt that counts."""
        mask = int(self.masks[position])
        time = int(self.times[position])
        count = len(self.steps)
        fills = [step for step in range(count) if mask >> step & 1]
        excludes = [index for index in range(len(self._exclusions)) if mask >> (count + index) & 1]
        running = next((each for each in self.attempts if each.entry <= time), None)
        if excludes and running is not None:
            return self._excluded(time, running)
        if not fills:
            if self.funnel.order == "strict" and running is not None and running.status == "dropped":
                first = next(
                    (p for p in range(position) if p > max(q for q, _ in running.taken.values())), None
                )
                inside = position > max(q for q, _ in running.taken.values())
                if inside and first is None:
                    return Said("stands between the steps: ends the attempt (strict order)")
            return Said("")
        if not self.attempts:
            return self._not_entered(fills, time)
        return self._not_taken(fills, time)

    @property
    def _exclusions(self) -> tuple[Exclusion, ...]:
        return cast("tuple[Exclusion, ...]", self.funnel.exclude)

    def _excluded(self, time: int, attempt: _Attempt) -> Said:
        if attempt.status == "excluded" and time >= attempt.last:
            text = "must not happen after step {number}: ends the attempt"
            return Said(text, number=attempt.reached)
        if attempt.status == "completed" and time > attempt.last:
            return Said("would exclude, but the funnel was completed before")
        return Said("would exclude, but not between the steps that it stands between")

    def _not_entered(self, fills: list[int], time: int) -> Said:
        if 0 in fills or self.funnel.order == "any":
            start, end = self.funnel.entries(self.timezone)
            if start is not None and time < start:
                return Said("could begin an attempt, but comes before the range of entries")
            if end is not None and time >= end:
                return Said("could begin an attempt, but comes after the range of entries")
            return Said(
                "could begin an attempt, but bears no value of what is held" if self.funnel.hold else ""
            )
        return Said("fills {step}, but no attempt has begun", step=self._step(fills[0]))

    def _not_taken(self, fills: list[int], time: int) -> Said:
        attempt = min(self.attempts, key=lambda each: (each.entry > time, abs(time - each.entry)))
        named = self._step(fills[0]) if self.funnel.order != "any" else Said("a step")
        other = "could begin an attempt, but {reason}"
        if time < attempt.entry:
            if 0 in fills:
                return Said(other, reason=self._why_other())
            return Said("fills {step}, but comes before the attempt that counts begins", step=named)
        if attempt.status == "completed" and time >= attempt.last:
            return Said("fills {step}, after the funnel was completed", step=named)
        after = [step for step in fills if step >= attempt.reached]
        if after and self.funnel.order == "ordered":
            return self._out_of_turn(after[0], time, attempt)
        if 0 in fills:
            return Said(other, reason=self._why_other())
        if after:
            return self._not_next(after[0], time, attempt)
        return Said("{step} again", step=named)

    def _out_of_turn(self, step: int, time: int, attempt: _Attempt) -> Said:
        missing = next((s for s in range(attempt.reached, step) if not self.steps[s].optional), None)
        if missing is None:
            return self._not_next(step, time, attempt)
        text = "fills {step}, but {missing} has not been taken"
        return Said(text, step=self._step(step), missing=self._step(missing))

    def _not_next(self, step: int, time: int, attempt: _Attempt) -> Said:
        reason = self._why_not(step, time, attempt)
        return Said("would be {step}, but {reason}", step=self._step(step), reason=reason)

    def _why_not(self, step: int, time: int, attempt: _Attempt) -> Said:
        within = self.funnel.within
        late = time - attempt.entry
        if within is not None and within != "session" and late > _args.microseconds(within):
            text = "comes {span} after the entry: outside the window of {window}"
            return Said(text, span=Span(late), window=Length(within))
        gaps = cast("tuple[Gap, ...]", self.funnel.step_within)
        if gaps and step >= 1:
            least, longest = gaps[step - 1]
            wait = time - attempt.last
            if least is not None and wait < _args.microseconds(least):
                text = "comes {span} after the step before, sooner than {least}"
                return Said(text, span=Span(wait), least=Length(least))
            if longest is not None and wait > _args.microseconds(longest):
                text = "comes {span} after the step before, later than {longest}"
                return Said(text, span=Span(wait), longest=Length(longest))
        if within == "session":
            return Said("is in another session")
        if self.funnel.hold:
            return Said("not with the same {columns}", columns=Listed(self.funnel.hold, last="and"))
        if attempt.status == "excluded":
            return Said("the attempt was ended before")
        if self.funnel.ties == "against" and time == attempt.last:
            return Said("is at the same time as the step before")
        if self.funnel.order == "strict":
            return Said("another event stood between")
        return Said("the attempt that counts does not take it")

    def _why_other(self) -> Said:
        if self.funnel.entry == "all":
            return Said("another attempt is under way")
        if self.funnel.entry == "first":
            return Said("only the first entry counts")
        return Said(_OF_EQUALS[self.funnel.entry])

    def conclusion(self) -> list[Said]:
        if not self.attempts:
            first = Said("a step") if self.funnel.order == "any" else self._step(0)
            return [Said("Not in the funnel: no event takes {step}.", step=first)]
        return [self._end(attempt) for attempt in self.attempts]

    def _end(self, attempt: _Attempt) -> Said:
        count = len(self.steps)
        way = Said(
            "Entered at {moment} and reached {reached} of {steps} steps",
            moment=moment(attempt.entry, self.timezone),
            reached=attempt.reached,
            steps=count,
        )
        if attempt.status == "completed":
            return Said("{way}: completed after {span}.", way=way, span=Span(attempt.last - attempt.entry))
        if attempt.status == "excluded":
            gone = self.funnel.on_exclude == "drop_customer"
            return Said("{way}: excluded; it counts at no step." if gone else "{way}: excluded.", way=way)
        named = self._step(attempt.reached) if attempt.reached < count else Said("the last step")
        if attempt.status == "open":
            text = "{way}: still open, because {step} could come after {until}, where the data end."
            return Said(text, way=way, step=named, until=moment(self.observed_until, self.timezone))
        return Said("{way}: dropped, because {step} did not come and can't any more.", way=way, step=named)

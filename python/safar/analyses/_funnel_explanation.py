"""Why a customer stands where it does in a funnel: each event, and what it decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from safar import _args, _core, _table
from safar._typing import Integers
from safar.analyses._funnel_steps import Exclusion, Gap, Step
from safar.explanation import Explanation, explanation, instant_words, one_customer, span_words

if TYPE_CHECKING:
    from safar._log import Log
    from safar.analyses.funnel import Funnel
    from safar.log import EventLog

_OF_EQUALS = {"latest": "the latest", "best": "the earliest", "first": "the first"}


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
        units = cast("EventLog", funnel.units(one))
    plan = funnel.plan_of_part(units)
    attempts = units.ask("funnel_attempts", plan)
    events = units.ask("funnel_events", plan)
    decisions: list[str] = []
    conclusion: list[str] = []
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
        label = "" if len(names) == 1 else f"{name}: "
        decisions += [f"{label}{said}" if said else "" for said in story.decisions()]
        conclusion += [f"{label}{sentence}" for sentence in story.conclusion()]
    ordered = [decisions[position] for position in order] if len(decisions) == len(one) else decisions
    return explanation(
        one if len(decisions) == len(one) else units, customer, ordered, conclusion, definition
    )


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

    def decisions(self) -> list[str]:
        said = [""] * len(self.times)
        for position in range(len(said)):
            said[position] = self._of_event(position)
        many = len(self.attempts) > 1
        for number, attempt in enumerate(self.attempts, start=1):
            label = f"attempt {number}: " if many else ""
            before: int | None = None
            for step, (position, time) in sorted(
                attempt.taken.items(), key=lambda item: (item[1][1], item[0])
            ):
                said[position] = label + self._taken(step, time, before, attempt)
                before = time
        return said

    def _taken(self, step: int, time: int, before: int | None, attempt: _Attempt) -> str:
        what = f"takes {self._step(step)}"
        if before is None:
            return f"{what}: the attempt that counts begins"
        after = span_words(time - before) if time > before else "at the same time as"
        done = "; the funnel is completed" if step + 1 == len(self.steps) == attempt.reached else ""
        return f"{what}, {after} {'after ' if time > before else ''}the step before{done}"

    def _step(self, step: int) -> str:
        if self.funnel.order == "any":
            return f"step {step + 1} of {len(self.steps)} in any order"
        return f'step {step + 1} "{self.funnel.names()[step]}"'

    def _of_event(self, position: int) -> str:
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
                return (
                    "stands between the steps: ends the attempt (strict order)"
                    if inside and first is None
                    else ""
                )
            return ""
        if not self.attempts:
            return self._not_entered(fills, time)
        return self._not_taken(fills, time)

    @property
    def _exclusions(self) -> tuple[Exclusion, ...]:
        return cast("tuple[Exclusion, ...]", self.funnel.exclude)

    def _excluded(self, time: int, attempt: _Attempt) -> str:
        if attempt.status == "excluded" and time >= attempt.last:
            return f"must not happen after step {attempt.reached}: ends the attempt"
        if attempt.status == "completed" and time > attempt.last:
            return "would exclude, but the funnel was completed before"
        return "would exclude, but not between the steps that it stands between"

    def _not_entered(self, fills: list[int], time: int) -> str:
        if 0 in fills or self.funnel.order == "any":
            start, end = self.funnel.entries(self.timezone)
            if start is not None and time < start:
                return "could begin an attempt, but comes before the range of entries"
            if end is not None and time >= end:
                return "could begin an attempt, but comes after the range of entries"
            return "could begin an attempt, but bears no value of what is held" if self.funnel.hold else ""
        return f"fills {self._step(fills[0])}, but no attempt has begun"

    def _not_taken(self, fills: list[int], time: int) -> str:
        attempt = min(self.attempts, key=lambda each: (each.entry > time, abs(time - each.entry)))
        named = self._step(fills[0]) if self.funnel.order != "any" else "a step"
        if time < attempt.entry:
            if 0 in fills:
                return f"could begin an attempt, but {self._why_other()}"
            return f"fills {named}, but comes before the attempt that counts begins"
        if attempt.status == "completed" and time >= attempt.last:
            return f"fills {named}, after the funnel was completed"
        after = [step for step in fills if step >= attempt.reached]
        if after and self.funnel.order == "ordered":
            step = after[0]
            missing = next((s for s in range(attempt.reached, step) if not self.steps[s].optional), None)
            if missing is not None:
                return f"fills {self._step(step)}, but {self._step(missing)} has not been taken"
            return f"would be {self._step(step)}, but {self._why_not(step, time, attempt)}"
        if 0 in fills:
            return f"could begin an attempt, but {self._why_other()}"
        if after:
            return f"would be {self._step(after[0])}, but {self._why_not(after[0], time, attempt)}"
        return f"{named} again"

    def _why_not(self, step: int, time: int, attempt: _Attempt) -> str:
        within = self.funnel.within
        late = time - attempt.entry
        if within is not None and within != "session" and late > _args.microseconds(within):
            return f"comes {span_words(late)} after the entry: outside the window of {_args.duration_words(within)}"
        gaps = cast("tuple[Gap, ...]", self.funnel.step_within)
        if gaps and step >= 1:
            least, longest = gaps[step - 1]
            wait = time - attempt.last
            if least is not None and wait < _args.microseconds(least):
                return f"comes {span_words(wait)} after the step before, sooner than {_args.duration_words(least)}"
            if longest is not None and wait > _args.microseconds(longest):
                return f"comes {span_words(wait)} after the step before, later than {_args.duration_words(longest)}"
        if within == "session":
            return "is in another session"
        if self.funnel.hold:
            return f"not with the same {' and '.join(self.funnel.hold)}"
        if attempt.status == "excluded":
            return "the attempt was ended before"
        if self.funnel.ties == "against" and time == attempt.last:
            return "is at the same time as the step before"
        if self.funnel.order == "strict":
            return "another event stood between"
        return "the attempt that counts does not take it"

    def _why_other(self) -> str:
        if self.funnel.entry == "all":
            return "another attempt is under way"
        if self.funnel.entry == "first":
            return "only the first entry counts"
        kept = _OF_EQUALS[self.funnel.entry]
        return f"of the attempts the furthest counts, of equals {kept}"

    def conclusion(self) -> list[str]:
        if not self.attempts:
            first = "a step" if self.funnel.order == "any" else self._step(0)
            return [f"Not in the funnel: no event takes {first}."]
        count = len(self.steps)
        sentences = []
        for attempt in self.attempts:
            entered = f"Entered at {instant_words(attempt.entry, self.timezone)} and"
            way = f"{entered} reached {attempt.reached} of {count} steps"
            sentences.append(f"{way}{self._end(attempt)}.")
        return sentences

    def _end(self, attempt: _Attempt) -> str:
        count = len(self.steps)
        if attempt.status == "completed":
            return f": completed after {span_words(attempt.last - attempt.entry)}"
        if attempt.status == "excluded":
            gone = "; it counts at no step" if self.funnel.on_exclude == "drop_customer" else ""
            return f": excluded{gone}"
        named = self._step(attempt.reached) if attempt.reached < count else "the last step"
        if attempt.status == "open":
            return (
                f": still open, because {named} could come after {instant_words(self.observed_until, self.timezone)}, "
                "where the data end"
            )
        return f": dropped, because {named} did not come and can't any more"

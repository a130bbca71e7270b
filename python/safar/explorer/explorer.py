"""The explorer of a log: what is chosen, what comes of it, and the widgets around both."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from safar import _args
from safar._typing import Duration, Language
from safar.errors import ArgumentError, SafarError
from safar.explorer.choice import Call, Choice
from safar.explorer.offers import Offers
from safar.language import Locale
from safar.result import Result, ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

    from safar._palette import Theme
    from safar.explorer.panel import Panel
    from safar.log import EventLog

__all__ = ["Explorer", "View", "explorer_of"]

# What charts are without being told.
_DEFAULTS = ("en", "light")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is on screen: an answer, or why there is none.

    Parameters
    ----------
    code
        The code that gives it.
    customers
        Customers of the chosen cohort.
    result, chart, table
        The answer; None where there is none.
    spec
        The chart as JSON.
    problem
        Why there is none.
    seconds
        How long the answer took.
    """

    code: str
    customers: int | None = None
    result: Result | None = None
    chart: ChartType | None = None
    table: ResultTable | None = None
    spec: dict[str, Any] | None = None
    problem: str | None = None
    seconds: float = 0.0


class Explorer:
    """A log explored by hand in a notebook; `EventLog.explore` makes one.

    Parameters
    ----------
    log
        The log.
    choice
        What is chosen at first.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left.
    theme
        ``"light"`` or ``"dark"``: the paper of the charts.
    name
        What the log is called in the code.

    Examples
    --------
    >>> import safar
    >>> log = safar.datasets.shop(100).log()
    >>> explorer = log.explore(["visit", "purchase"], within="7d")
    >>> explorer.choose(by="channel", within="30d")
    >>> print(explorer.code)
    result = log.funnel(["visit", "purchase"], within="30d", by="channel")
    result.plot()
    >>> explorer.result.spec == log.funnel(
    ...     ["visit", "purchase"], within="30d", by="channel"
    ... ).spec
    True
    """

    def __init__(
        self,
        log: EventLog,
        choice: Choice,
        *,
        language: Language = "en",
        theme: Theme = "light",
        name: str = "log",
    ) -> None:
        # Charts stand above results, so they are looked up when they are wanted.
        from safar._palette import Theme

        self.locale = Locale(language)
        self.log = log
        self.offers = Offers(log, self.locale.calendar)
        look = {"language": language, "theme": _args.choice(theme, "theme", Theme)}
        self._plot = Call("plot", named={key: value for key, value in look.items() if value not in _DEFAULTS})
        self._name = _args.text(name, "name")
        if not name.isidentifier() or iskeyword(name):
            raise ArgumentError(
                f'name={name!r} can\'t be the name of a log in code; expected one such as "log"'
            )
        # The cohort that was looked at last: most changes leave it as it is.
        self._cohort: tuple[tuple[Call, ...], EventLog] = ((), log)
        self._panel: Panel | None = None
        self.choice = choice
        self.view = self._answer()

    @property
    def code(self) -> str:
        """The code that gives what is on screen; run in a notebook, it makes ``result`` and draws it."""
        return self.view.code

    @property
    def result(self) -> Result | None:
        """The answer; None while there is a `problem`."""
        return self.view.result

    @property
    def chart(self) -> ChartType | None:
        """The chart of the result."""
        return self.view.chart

    @property
    def table(self) -> ResultTable | None:
        """The small table with the denominators, which may be the result itself."""
        return self.view.table

    @property
    def problem(self) -> str | None:
        """Why there is no answer, in the words of the error that the code would raise."""
        return self.view.problem

    @property
    def seconds(self) -> float:
        """How long the answer took, from the choice to the chart as it is sent."""
        return self.view.seconds

    def choose(self, **changes: Any) -> None:
        """Change what is chosen, as the widgets do, and answer anew.

        Parameters
        ----------
        **changes
            What changes: ``analysis``, ``steps``, ``within``, ``start``, ``goal``, ``period``, ``by``,
            ``first_from`` and ``first_before`` (days), ``column`` and ``value``.
        """
        known = [each.name for each in fields(Choice)]
        for name in changes:
            if name not in known:
                raise ArgumentError(
                    f'"{name}" can\'t be chosen{_args.suggestion(name, known)} (what can: {_args.listing(known)})'
                )
        if "steps" in changes:
            # Only a list is a list of steps: a text would be its letters.
            steps = changes["steps"]
            changes["steps"] = tuple(steps) if isinstance(steps, list) else steps
        self.choice = replace(self.choice, **changes)
        self.view = self._answer()
        if self._panel is not None:
            self._panel.show()

    def _answer(self) -> View:
        began = time.perf_counter()
        view = View(code="")
        try:
            span = self.log.observed_until - self.log.first
            cohort = self.choice.cohort(self.log.timezone)
            question, table = self.choice.question(span, self.locale.calendar), self.choice.table(span)
            view = View(code=self._written(cohort, question, table))
            log = self._part(cohort)
            result = question.of(log)
            chart = self._plot.of(result)
            view = replace(
                view,
                customers=log.customers,
                result=result,
                chart=chart,
                table=result if table is None else table.of(result),
                # Every chart is checked by the tests; here that would only take time.
                spec=chart.to_dict(validate=False),
            )
        except SafarError as problem:
            view = replace(view, problem=str(problem))
        return replace(view, seconds=time.perf_counter() - began)

    def _part(self, cohort: tuple[Call, ...]) -> EventLog:
        if cohort != self._cohort[0]:
            log = self.log
            for condition in cohort:
                # The part that `filter` gives; its columns stay in the memory of the log until a question needs one.
                log = log.selected({**condition.named, "shared": True})
            self._cohort = cohort, log
        return self._cohort[1]

    def _written(self, cohort: tuple[Call, ...], question: Call, table: Call | None) -> str:
        lines = [f"cohort = {self._name}{''.join(map(str, cohort))}"] if cohort else []
        lines.append(f"result = {'cohort' if cohort else self._name}{question}")
        if table is not None:
            lines.append(f"result{table}")
        return "\n".join([*lines, f"result{self._plot}"])

    @cached_property
    def widget(self) -> Any:
        """What the notebook shows."""
        from safar.explorer.panel import Panel

        self._panel = Panel(self)
        return self._panel.box

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)


def explorer_of(
    log: EventLog,
    steps: Sequence[str] | None,
    *,
    within: Duration | None,
    by: str | None,
    language: Language,
    theme: Theme,
    name: str,
) -> Explorer:
    """An explorer that begins with a funnel: with these steps, or from the commonest event to the conversion."""
    _need_widgets()
    chosen = _first_steps(log) if steps is None else _args.names(steps, "steps")
    _args.known_events(chosen, log.events, "steps")
    _args.known_segment(by, log.columns, log.roles)
    window = _first_window(log) if within is None else _args.duration(within, "within")
    choice = Choice(steps=chosen, within=window, start=chosen[0], goal=chosen[-1], by=by)
    return Explorer(log, choice, language=language, theme=theme, name=name)


def _need_widgets() -> None:
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        raise ArgumentError(
            'explore() needs the library "ipywidgets", which is not installed: pip install "safar[notebook]"; without '
            "it, ask the log itself, such as log.funnel([...]).plot()"
        ) from None


def _first_steps(log: EventLog) -> tuple[str, ...]:
    """From the commonest event to the conversion, or to the second commonest."""
    # The rules of the page, which is a leaf.
    from safar.pages.choice import choose_conversion

    conversion = choose_conversion(log, None)
    commonest = list(log.events)[:2]
    goal = commonest[-1] if conversion is None else conversion.events[0]
    return (*(event for event in commonest[:1] if event != goal), goal)


def _first_window(log: EventLog) -> str:
    from safar.pages.choice import longest_window

    return longest_window(log)

"""The widgets of an explorer: controls, chart, table and code."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from safar._typing import Period
from safar.errors import SafarError

if TYPE_CHECKING:
    from safar.explorer.explorer import Explorer

__all__ = ["Panel"]

_ANALYSES = {
    "funnel": "Funnel",
    "retention": "Retention",
    "conversion": "Time to convert",
    "transitions": "Next events",
}
# Which controls an analysis has, beside segments and the cohort.
_CONTROLS = {
    "funnel": ("steps", "within"),
    "retention": ("start", "goal", "period"),
    "conversion": ("start", "goal", "within"),
    "transitions": (),
}
_WINDOWS = ("30m", "1h", "6h", "1d", "3d", "7d", "14d", "30d", "60d", "90d", "180d", "365d")
_PERIODS: dict[Period, str] = {"day": "Day", "week": "Week", "month": "Month"}
# More names than this are typed, not looked for in a list; the commonest ones are suggested.
_LONGEST_LIST = 60
_SUGGESTED = 500
_ROWS = 24
# The value of a choice of nothing: a list shows no label for None.
_NOTHING = object()
# Columns of results that a small table leaves out.
_LEFT_OUT = {"excluded", "from_first_low", "from_first_high", "simple", "cohorts", "mean_seconds"}
_STYLE = """<style>
.safar-explorer { gap: 6px; }
.safar-explorer.safar-rtl { direction: rtl; }
.safar-rtl .widget-label { margin-inline: 0 8px; text-align: start; }
.safar-explorer .widget-hbox { flex-wrap: wrap; column-gap: 10px; }
.safar-explorer .jp-OutputArea-output { overflow-x: auto; }
.safar-explorer .safar-code { direction: ltr; text-align: left; user-select: all; margin: 0; padding: 8px 10px;
  overflow-x: auto; background: var(--jp-layout-color2, #f2f2f2); line-height: 1.5; }
.safar-explorer .safar-problem { color: var(--jp-error-color0, #a3001b); padding: 8px 10px; line-height: 1.5;
  border-inline-start: 4px solid currentColor; white-space: pre-wrap; }
.safar-explorer .safar-quiet { color: var(--jp-ui-font-color2, #616161); line-height: 1.5; }
.safar-explorer .safar-quiet p { margin: 2px 0; }
.safar-explorer .scroll { overflow: auto; max-height: 300px; line-height: 1.5; }
.safar-explorer table.data { border-collapse: collapse; margin: 0; font-size: 13px; }
.safar-explorer table.data caption { text-align: start; padding: 4px 0; color: inherit; }
.safar-explorer table.data th, .safar-explorer table.data td { padding: 3px 10px; text-align: start; border: 0;
  border-bottom: 1px solid var(--jp-border-color2, #d0d0d0); }
.safar-explorer table.data td:not(:has(> bdi, > time)) { text-align: end; font-variant-numeric: tabular-nums; }
</style>"""


class Panel:
    """The widgets of an explorer, which follow its choice and change it.

    Parameters
    ----------
    explorer
        Whose choice is shown.
    """

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        self._locale = explorer.locale
        self._offers = explorer.offers
        # While the widgets are set to what is chosen, they do not choose.
        self._following = False
        say = self._locale.say
        self._analysis = widgets.ToggleButtons(
            options=[(say(name), value) for value, name in _ANALYSES.items()],
            style={"button_width": "auto"},
        )
        self._steps = widgets.VBox()
        self._add = widgets.Button(
            description=say("Add a step"), icon="plus", layout={"width": "max-content"}
        )
        self._controls = self._lists()
        self._chart = widgets.Output()
        self._problem, self._table, self._code, self._said = (widgets.HTML() for _ in range(4))
        self._add.on_click(lambda _: self._change(steps=[*explorer.choice.steps, self._next_step()]))
        for name, control in {"analysis": self._analysis, **self._controls}.items():
            control.observe(self._choosing(name), "value")
        self.box = self._laid_out()
        self.show()

    def _lists(self) -> dict[str, Any]:
        """The choices of one thing, by what they choose."""
        say = self._locale.say
        columns = [(name, name) for name in self._offers.columns]
        return {
            "start": self._event("From the first", none="Any event"),
            "goal": self._event("To", none="Any event"),
            "within": self._list(
                "Within", [(say("No limit"), None), *((self._locale.length(each), each) for each in _WINDOWS)]
            ),
            "period": self._list("Period", [(say(name), value) for value, name in _PERIODS.items()]),
            "by": self._list("Segments by", [(say("Nothing"), None), *columns]),
            "first_from": self._list("First event from", self._days(first=True)),
            "first_before": self._list("until", self._days(first=False)),
            "column": self._list("Only", [(say("Everybody"), None), *columns]),
            "value": self._list("that is", []),
        }

    def _laid_out(self) -> Any:
        of_question, of_cohort = (
            widgets.HBox([self._controls[name] for name in names])
            for names in (
                ("start", "goal", "within", "period", "by"),
                ("first_from", "first_before", "column", "value"),
            )
        )
        choices = [self._analysis, self._steps, self._add, of_question, of_cohort]
        answer = [self._problem, self._chart, self._table, self._code, self._said]
        box = widgets.VBox([widgets.HTML(_STYLE), *choices, *answer])
        box.add_class("safar-explorer")
        if self._locale.direction == "rtl":
            box.add_class("safar-rtl")
        return box

    def show(self) -> None:
        """Show what is chosen, and what comes of it."""
        self._following = True
        try:
            self._show_choice()
        finally:
            self._following = False
        self._show_view()

    # ------------------------------------------------------------------------------------------------ controls

    def _list(self, description: str, options: Sequence[tuple[str, Any]]) -> Any:
        return widgets.Dropdown(
            options=_named(options),
            description=self._locale.say(description),
            style={"description_width": "initial"},
            layout={"width": "auto", "max_width": "340px"},
        )

    def _event(self, description: str, *, none: str | None = None) -> Any:
        """A choice among events: a list, or where that would be too long, a field with suggestions."""
        events, locale = self._offers.events, self._locale
        if len(events) <= _LONGEST_LIST:
            counted = [(f"{name} ({locale.count(count)})", name) for name, count in events.items()]
            return self._list(description, [*([(locale.say(none), None)] if none else []), *counted])
        return widgets.Combobox(
            options=list(events)[:_SUGGESTED],
            description=locale.say(description),
            placeholder=locale.say(none or "Name of an event"),
            continuous_update=False,
            style={"description_width": "initial"},
        )

    def _days(self, *, first: bool) -> list[tuple[str, dt.date | None]]:
        """First days of periods, or the days after them; at the end that bounds nothing, none."""
        starts = self._offers.starts
        write = self._locale.month if self._offers.period == "month" else self._locale.day
        bounds: list[dt.date | None] = [None, *starts[1:]] if first else [*starts[1:], None]
        return [(write(start), bound) for start, bound in zip(starts, bounds, strict=True)]

    def _choosing(self, name: str) -> Callable[[Any], None]:
        def changed(change: Any) -> None:
            if self._following:
                return
            new = _chosen(change)
            changes = {name: new}
            if name == "column":
                changes["value"] = None if new is None else self._offers.values(new)[0]
            self._change(**changes)

        return changed

    def _change(self, **changes: Any) -> None:
        if not self._following:
            self._explorer.choose(**changes)

    def _show_choice(self) -> None:
        choice = self._explorer.choice
        self._analysis.value = choice.analysis
        used = _CONTROLS[choice.analysis]
        for name in ("within", "start", "goal", "period"):
            _visible(self._controls[name], name in used)
        for part in (self._steps, self._add):
            _visible(part, "steps" in used)
        _visible(self._controls["value"], choice.column is not None)
        if choice.column is not None:
            self._controls["value"].options = _named(
                (self._locale.label(value), value) for value in self._values(choice.column)
            )
        for name, control in self._controls.items():
            if name != "value" or choice.column is not None:
                _put(control, getattr(choice, name), self._locale.label)
        self._show_steps(choice.steps)

    def _values(self, column: str) -> list[object]:
        try:
            return self._offers.values(column)
        except SafarError:
            # The answer says so.
            return []

    def _show_steps(self, steps: tuple[str, ...]) -> None:
        if len(steps) != len(self._steps.children):
            self._steps.children = [self._step(place, len(steps)) for place in range(len(steps))]
        for row, name in zip(self._steps.children, steps, strict=True):
            _put(row.children[0], name, self._locale.label)

    def _step(self, place: int, number: int) -> Any:
        """The row of a step: which event, one up, one down, away."""
        say = self._locale.say
        event = self._event(self._locale.count(place + 1))
        event.layout.width = "320px"

        def changed(change: Any) -> None:
            steps = list(self._explorer.choice.steps)
            steps[place] = _chosen(change) or ""
            self._change(steps=steps)

        event.observe(changed, "value")

        def moved(to: int) -> Callable[[Any], None]:
            def move(_: Any) -> None:
                steps = list(self._explorer.choice.steps)
                steps.insert(to, steps.pop(place))
                self._change(steps=steps)

            return move

        def removed(_: Any) -> None:
            steps = self._explorer.choice.steps
            self._change(steps=[*steps[:place], *steps[place + 1 :]])

        buttons = [
            _button("arrow-up", say("Earlier"), moved(place - 1), disabled=place == 0),
            _button("arrow-down", say("Later"), moved(place + 1), disabled=place == number - 1),
            _button("times", say("Remove"), removed, disabled=number == 1),
        ]
        return widgets.HBox([event, *buttons])

    def _next_step(self) -> str:
        """The commonest event that is no step yet."""
        steps = self._explorer.choice.steps
        return next((name for name in self._offers.events if name not in steps), steps[-1])

    # -------------------------------------------------------------------------------------------------- answer

    def _show_view(self) -> None:
        from safar.plot.notebook import bundle_of

        view = self._explorer.view
        shown = {"output_type": "display_data", "metadata": {}}
        self._chart.outputs = () if view.spec is None else (shown | {"data": bundle_of(view.spec)},)
        self._problem.value = (
            ""
            if view.problem is None
            else f'<div class="safar-problem" role="alert" dir="auto">{escape(view.problem)}</div>'
        )
        self._table.value = self._table_html()
        self._code.value = f'<pre class="safar-code">{escape(view.code)}</pre>'
        self._said.value = self._said_html()

    def _table_html(self) -> str:
        from safar.pages.tables import data_table

        table = self._explorer.view.table
        if table is None:
            return ""
        columns = {name: values for name, values in table.to_dict().items() if name not in _LEFT_OUT}
        caption = self._locale.say(_ANALYSES[self._explorer.choice.analysis])
        return str(data_table(columns, caption=caption, rows=_ROWS, locale=self._locale))

    def _said_html(self) -> str:
        view, locale = self._explorer.view, self._locale
        if view.result is None or view.customers is None:
            return ""
        said = locale.say(
            "{shown} of {all} customers; answered in {milliseconds} ms",
            shown=locale.count(view.customers),
            all=locale.count(self._explorer.log.customers),
            milliseconds=locale.count(1000 * view.seconds),
        )
        definition = escape(locale.say(view.result.definition))
        return f'<div class="safar-quiet"><p>{escape(said)}</p><p dir="auto">{definition}</p></div>'


def _visible(widget: Any, shown: bool) -> None:
    widget.layout.display = None if shown else "none"


def _named(options: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Options of a list, as it can hold them."""
    return [(label, _NOTHING if value is None else value) for label, value in options]


def _chosen(change: Any) -> Any:
    """What was chosen in a list or written into a field; None where that is nothing."""
    of_field = isinstance(change.owner, widgets.Combobox)
    return None if change.new is _NOTHING or (of_field and not change.new) else change.new


def _put(control: Any, value: Any, label: Callable[[object], str]) -> None:
    """Set a control; what was chosen elsewhere is added to its list."""
    if isinstance(control, widgets.Combobox):
        control.value = value or ""
        return
    ((name, held),) = _named([(label(value), value)])
    if all(held is not known and held != known for _, known in control.options):
        control.options = [*control.options, (name, held)]
    control.value = held


def _button(icon: str, said: str, pressed: Callable[[Any], None], *, disabled: bool) -> Any:
    button = widgets.Button(icon=icon, tooltip=said, disabled=disabled, layout={"width": "36px"})
    button.on_click(pressed)
    return button

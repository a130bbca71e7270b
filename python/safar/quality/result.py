"""What was found, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import KW_ONLY, dataclass, replace
from html import escape
from typing import Any, ClassVar, Self

import numpy as np

from safar import _table
from safar._core import Table
from safar.language import Listed, Locale, Said, Share, so_many
from safar.quality.checks import CHECKS, SEVERITIES, Finding
from safar.result import ResultTable
from safar.spoken import SpokenTable, spoken_columns

__all__ = ["QualityResult"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class QualityResult(SpokenTable):
    """What is wrong with the data of a log, or looks as if it were?

    Parameters
    ----------
    table
        One row a finding, the gravest first: ``finding`` (its name: that of the check, or the reason why rows were
        rejected), ``severity`` (``"serious"``, ``"warning"`` or ``"info"``), ``column`` (where it was found),
        ``count``, ``of`` (of how many: rows, events, customers, names or days, as the example says), ``share`` (0
        to 1), ``example`` (a concrete one), ``done`` (what safar did), ``advice`` (what to do).
    checks
        Everything that was looked at: ``check``, ``question``, ``status`` (``"found"``, ``"passed"`` or ``"not
        asked"``), ``findings`` (rows of the table).
    silences
        Runs of days without an event that chance does not explain: ``of`` (``"log"``, ``"event"`` or ``"channel"``),
        ``name`` (null for the log), ``place`` (``"start"``, ``"gap"`` or ``"stop"``), ``from``, ``to`` (local days),
        ``days`` (of a name those on which the log had events; of the log a few may have a few), ``active_share``
        (share of the other days, from the first to the last with an event, that have one), ``events``.
    """

    shown: ClassVar[int] = 100

    _: KW_ONLY
    checks: SpokenTable
    silences: ResultTable

    def _in(self, locale: Locale) -> Self:
        told = SpokenTable._in(self, locale)
        return replace(told, checks=self.checks.told(locale.language))

    @property
    def passed(self) -> list[str]:
        """Names of the checks that found nothing."""
        checks = self.checks.told().to_dict()
        return [
            name for name, status in zip(checks["check"], checks["status"], strict=True) if status == "passed"
        ]

    def _extent(self) -> str:
        return self._locale.say(
            Said(
                "{findings}; {passed} of {checks} checks passed",
                findings=so_many(len(self), "1 finding", "{number} findings"),
                passed=len(self.passed),
                checks=len(self.checks),
            )
        )

    def __repr__(self) -> str:
        names = ("severity", "finding", "column", "count", "of", "share", "example")
        columns, locale = self.to_dict(), self._locale
        lines = [
            f"{severity:8} {finding} ({column}): "
            + locale.say(Said("{count} of {of} ({share})", count=count, of=of, share=Share(share, 2)))
            + locale.say(", ")
            + example
            for severity, finding, column, count, of, share, example in zip(
                *(columns[name] for name in names), strict=True
            )
        ]
        return "\n".join([f"{type(self).__name__}: {self._extent()}", *lines])

    def _repr_html_(self) -> str:
        passed = Listed(self.passed) if self.passed else Said("none")
        said = escape(self._locale.say(Said("Passed: {checks}.", checks=passed)))
        table = ResultTable._repr_html_(self)
        return self._laid_out(f'{table}<p class="safar-passed" dir="auto">{said}</p>')


def findings_table(findings: Sequence[Finding]) -> tuple[Table, dict[str, list[str]]]:
    """The findings, the gravest first, and the words of the table."""
    order = sorted(
        findings, key=lambda f: (SEVERITIES.index(f.severity), -f.share, f.name or f.check, f.column)
    )
    checks = [CHECKS[finding.check] for finding in order]
    words: dict[str, list[str]] = {
        "severity": [Said(finding.severity) for finding in order],
        "example": [finding.example for finding in order],
        "done": [Said(check.done) for check in checks],
        "advice": [Said(check.advice) for check in checks],
    }
    spoken = spoken_columns(words)
    table = _table.table_of(
        {
            "finding": _texts([finding.name or finding.check for finding in order]),
            "severity": spoken["severity"],
            "column": _texts([finding.column for finding in order]),
            "count": np.array([finding.count for finding in order], dtype=np.int64),
            "of": np.array([finding.of for finding in order], dtype=np.int64),
            "share": np.array([finding.share for finding in order], dtype=np.float64),
            **{name: spoken[name] for name in ("example", "done", "advice")},
        }
    )
    return table, words


def checks_table(findings: Sequence[Finding], not_asked: AbstractSet[str], timezone: str) -> SpokenTable:
    """Everything that was looked at, and whether something was found."""
    counts = {check: sum(finding.check == check for finding in findings) for check in CHECKS}
    status = [
        "found" if counts[check] else "not asked" if check in not_asked else "passed" for check in CHECKS
    ]
    words: dict[str, list[str]] = {
        "question": [Said(check.question) for check in CHECKS.values()],
        "status": [Said(each) for each in status],
    }
    table = _table.table_of(
        {
            "check": _texts(list(CHECKS)),
            **spoken_columns(words),
            "findings": np.array(list(counts.values()), dtype=np.int64),
        }
    )
    definition = Said("What was looked at: found has rows in the table of findings, passed has none.")
    return SpokenTable(table, definition, timezone, words=words)


def silences_table(facts: dict[str, Any], timezone: str, unlikely: float) -> ResultTable:
    """Runs of days without an event; of names those with most events first."""
    silences = sorted(facts["silences"], key=lambda s: (s["of"] != "log", s["of"], -s["events"], s["from"]))
    days = {
        name: np.array([silence[name] for silence in silences], dtype="datetime64[D]")
        for name in ("from", "to")
    }
    table = _table.table_of(
        {
            "of": _texts([silence["of"] for silence in silences]),
            "name": _texts([silence["name"] for silence in silences]),
            "place": _texts([silence["place"] for silence in silences]),
            **days,
            "days": np.array([silence["days"] for silence in silences], dtype=np.int64),
            "active_share": np.array([silence["share"] for silence in silences], dtype=np.float64),
            "events": np.array([silence["events"] for silence in silences], dtype=np.int64),
        }
    )
    definition = Said(
        "Runs of local days without an event that chance brings with a probability below {unlikely}, if each day from "
        "the first to the last of a name's events had one with probability active_share.",
        unlikely=float(unlikely),
    )
    return ResultTable(table, definition, timezone, shares=frozenset({"active_share"}))


def _texts(texts: Sequence[str | None]) -> object:
    """A column of text, of one type even where it has no row."""
    places: dict[str, int] = {}
    codes = [-1 if text is None else places.setdefault(text, len(places)) for text in texts]
    return _table.named(np.array(codes, dtype=np.int64), list(places))

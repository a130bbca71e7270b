"""Other tools' funnels as sets of options of this one."""

from __future__ import annotations

from collections.abc import Mapping

from safar import _args
from safar.errors import ArgumentError, ArgumentTypeError

# What each tool's rules set; what they leave open is the caller's to choose.
DIALECTS: Mapping[str, Mapping[str, object]] = {
    "posthog": {"entry": "latest", "ties": "favour", "on_exclude": "drop_customer"},
    "mixpanel": {"order": "ordered", "entry": "first", "ties": "2s", "on_exclude": "stop_attempt"},
    "amplitude": {"entry": "best", "ties": "same second"},
    "clickhouse": {"order": "ordered", "entry": "latest", "step_within": (), "exclude": (), "hold": ()},
}
# The modes of ClickHouse's windowFunnel, which may be combined.
MODES = ("strict_order", "allow_reentry", "strict_deduplication", "strict_increase", "strict_once")

_WITH_ONCE = {"strict_once", "strict_increase"}


def dialect(given: object) -> str:
    """The one text of a dialect: its name, for ClickHouse with its modes in their order."""
    if not isinstance(given, str):
        raise ArgumentTypeError(f"dialect={given!r} is a {type(given).__name__}; expected {_allowed()}")
    name, *modes = given.lower().split() or [""]
    if name not in DIALECTS:
        raise ArgumentError(
            f"dialect={given!r} is not a dialect{_args.suggestion(name, DIALECTS)}; expected {_allowed()}"
        )
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown or (modes and name != "clickhouse"):
        which = unknown[0] if unknown else modes[0]
        raise ArgumentError(
            f'dialect={given!r}: "{which}" is not a mode of {name}{_args.suggestion(which, MODES)}; expected '
            f"{_allowed()}"
        )
    chosen = [mode for mode in MODES if mode in modes]
    if "strict_once" in chosen and not set(chosen) <= _WITH_ONCE:
        raise ArgumentError(f"dialect={given!r}: strict_once is counted alone or with strict_increase")
    if "allow_reentry" in chosen and "strict_order" not in chosen:
        raise ArgumentError(f"dialect={given!r}: allow_reentry is a rule of strict_order; add that mode")
    return " ".join([name, *chosen])


def options(name: str) -> Mapping[str, object]:
    """The options that a dialect sets."""
    tool, *chosen = name.split()
    if tool != "clickhouse":
        return DIALECTS[tool]
    # Where an event takes one step only and each comes later, times that tie lead nowhere; else they are in order.
    against = "strict_once" in chosen and "strict_increase" in chosen
    return {**DIALECTS[tool], "ties": "against" if against else "favour"}


def modes(name: str | None) -> dict[str, bool] | None:
    """The modes of `windowFunnel` that ask for its own matcher; None where safar's own counts the same."""
    if name is None or not name.startswith("clickhouse") or "strict_once" in name.split():
        return None
    return {mode: mode in name.split() for mode in MODES if mode != "strict_once"}


def _allowed() -> str:
    return f'one of {_args.listing(DIALECTS)}; after "clickhouse" any of the modes {", ".join(MODES)}'

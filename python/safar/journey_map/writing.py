"""From plain values to the text of a journey map."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from safar.errors import ArgumentTypeError

__all__ = ["quoted", "written"]

# Lists that are left out where they are empty, and lists of steps, which stay lists.
_NAMES = ("event", "channel")
_BLOCKS = ("sequence", "parallel", "choice", "loop", "again")
TABLES = ("stage", "channel", "touchpoint", "kpi", "designed")
# What TOML writes without quotes; Jalali dates, whose years come before 1700, have quotes.
_GREGORIAN = re.compile(
    r"(?:1[7-9]|[2-9]\d)\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?"
)


def written(plain: Mapping[str, Any]) -> str:
    """The file of a map, from its keys and values: those of `JourneyMap.to_dict`."""
    top = {key: value for key, value in plain.items() if key not in (*TABLES, "plan")}
    blocks = [_table("", {"version": 1} | top)]
    if plain.get("plan"):
        blocks.append(_table("[plan]\n", _mapping(plain["plan"], "plan")))
    for key in TABLES:
        entries = plain.get(key) or ()
        if isinstance(entries, str | Mapping) or not isinstance(entries, Sequence):
            raise ArgumentTypeError(f'"{key}" is a {type(entries).__name__}; expected a list of mappings')
        blocks += [_table(f"[[{key}]]\n", _mapping(entry, key)) for entry in entries]
    return "\n".join(block for block in blocks if block)


def _mapping(entry: object, key: str) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        raise ArgumentTypeError(f'"{key}" holds a {type(entry).__name__}; expected a mapping of its keys')
    return entry


def _table(head: str, entry: Mapping[str, Any]) -> str:
    lines = [f"{_key(key)} = {_value(key, value)}\n" for key, value in entry.items() if _is_given(key, value)]
    return head + "".join(lines) if head or lines else ""


def _is_given(key: object, value: object) -> bool:
    """Whether a key stands in the file."""
    return value is not None and not (key in (*_NAMES, *_BLOCKS) and value in ([], ()))


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise ArgumentTypeError(f"a key is a {type(key).__name__}; expected text")
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else quoted(key)


def _value(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dt.date):  # a datetime is one, too
        return value.isoformat()
    if isinstance(value, str):
        return value if key in ("from", "until") and _GREGORIAN.fullmatch(value) else quoted(value)
    if isinstance(value, Mapping):
        if key == "name" and len(value) == 2 and len(set(value.values())) == 1:
            return _value(key, next(iter(value.values())))
        items = ", ".join(
            f"{_key(inner)} = {_value(str(inner), item)}"
            for inner, item in value.items()
            if _is_given(inner, item)
        )
        return f"{{ {items} }}"
    if isinstance(value, Sequence):
        return (
            _value(key, value[0])
            if len(value) == 1 and key not in _BLOCKS
            else f"[{', '.join(_value(key, each) for each in value)}]"
        )
    raise ArgumentTypeError(f'"{key}" is a {type(value).__name__}, which a journey map cannot hold')


def quoted(text: str) -> str:
    """A text between quotes. The escapes of JSON are those of TOML, which also wants one for the delete character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

"""The exceptions of safar: each says what was given, what was expected, what is available and the way out."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "DataError",
    "EmptyLogError",
    "FileError",
    "InternalError",
    "MapError",
    "SafarError",
    "UnknownColumnError",
    "UnknownEventError",
]


class SafarError(Exception):
    """Base of every error that safar raises on purpose."""

    # KeyError shows the repr of its message; a sentence reads better without quotes.
    def __str__(self) -> str:
        return Exception.__str__(self)


class ArgumentError(SafarError, ValueError):
    """An argument has a value that the function can't use."""


class ArgumentTypeError(SafarError, TypeError):
    """An argument is of a type that the function can't use."""


class DataError(SafarError, ValueError):
    """The data can't be read as events: the message names column, row and value."""


class EmptyLogError(DataError):
    """No event is left of a log after what was asked of it."""


class FileError(SafarError, OSError):
    """A file can't be found, read or written."""


class MapError(SafarError, ValueError):
    """A journey map can't be used.

    ``problems`` lists everything that is wrong with it as ``(line, column, message)``, both counted from 1.
    """

    def __init__(self, message: str, problems: Sequence[tuple[int, int, str]] = ()) -> None:
        super().__init__(message)
        self.problems = list(problems)

    def __reduce__(self) -> tuple[type[MapError], tuple[str, list[tuple[int, int, str]]]]:
        return type(self), (str(self), self.problems)


class UnknownColumnError(SafarError, KeyError):
    """A column was named that the data or the log does not have."""


class UnknownEventError(SafarError, KeyError):
    """An event was named that the log does not have."""


class InternalError(SafarError, RuntimeError):
    """An invariant of safar was broken: a fault of safar, not of the caller."""

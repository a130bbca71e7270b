"""The files that paths, patterns and directories name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from safar.errors import ArgumentError, ArgumentTypeError, FileError

# What a file is, its name says; safar.read reads these.
ENDINGS = (
    ".parquet",
    ".pq",
    ".csv",
    ".csv.gz",
    ".tsv",
    ".tsv.gz",
    ".arrow",
    ".arrows",
    ".feather",
    ".ipc",
)


_MAGIC = re.compile(r"[*?[]")


def are_paths(source: object) -> bool:
    """Whether a source of data names files, and does not hold the data themselves."""
    return isinstance(source, str | os.PathLike) or (
        isinstance(source, Sequence)
        and len(source) > 0
        and all(isinstance(path, str | os.PathLike) for path in source)
    )


def files_of(paths: object) -> list[str]:
    """The files meant, those of a pattern or directory in the order of their paths, none twice."""
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    if not isinstance(given, Sequence) or not all(isinstance(path, str | os.PathLike) for path in given):
        raise ArgumentTypeError(
            f"paths={paths!r} is a {type(paths).__name__}; expected a path, a pattern, a directory or a list"
        )
    files: list[Path] = []
    if any(not os.fspath(path) for path in given):
        raise ArgumentError('paths holds an empty text; to read the working directory, write "."')
    for path in map(Path, given):
        if path.is_dir():
            files += _of_directory(path)
        elif path.exists():
            files.append(path)
        else:
            files += _of_pattern(path)
    if not files:
        raise ArgumentError("paths is an empty list; expected at least one file")
    # A file under two names is one file.
    once = {os.path.realpath(file): str(file) for file in reversed(files)}
    return list(reversed(once.values()))


def _of_directory(directory: Path) -> list[Path]:
    """All files below that `safar.read` knows."""
    below = [path for path in directory.rglob("*") if path.is_file()]
    visible = [path for path in below if not _is_hidden(path.relative_to(directory).parts)]
    files = [path for path in visible if path.name.lower().endswith(ENDINGS)]
    if not files:
        others = f"; there are others, such as {visible[0].name}" if visible else ""
        raise FileError(f'no file below "{directory}" ends in {", ".join(ENDINGS)}{others}')
    return sorted(files)


def _of_pattern(pattern: Path) -> list[Path]:
    anchor = Path(pattern.anchor)
    relative = pattern.relative_to(anchor)
    # What is hidden is meant only by a pattern that says so.
    patterned = next(
        (at for at, part in enumerate(relative.parts) if _MAGIC.search(part)), len(relative.parts)
    )
    hidden_too = _is_hidden(relative.parts[patterned:])
    found: list[Path] = []
    for path in sorted(anchor.glob(str(relative))):
        if not hidden_too and _is_hidden(path.relative_to(anchor).parts[patterned:]):
            continue
        if path.is_file():
            found.append(path)
        elif "**" not in relative.parts:
            found += _of_directory(path)
    if not found:
        raise FileError(f'no file matches "{pattern}" (working directory: {Path.cwd()})')
    return found


def _is_hidden(parts: Iterable[str]) -> bool:
    """Whether a file is not meant as data, such as ``_SUCCESS`` or ``.part-0.crc``; ``_year=2026`` is."""
    return any(part.startswith((".", "_")) and "=" not in part for part in parts)

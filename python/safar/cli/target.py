"""Where the files of the command go: the page, and the tables behind it."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safar.errors import ArgumentError

if TYPE_CHECKING:
    from safar._core import Table
    from safar.log import EventLog
    from safar.pages import Page

__all__ = ["Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the files go: the tables into a folder, if there is one, and the page into a file."""

    folder: Path | None
    page: Path

    @classmethod
    def of(cls, options: argparse.Namespace, default: Path | None = None) -> Target:
        """Make sure that there is a place before anything is computed."""
        folder: Path | None = options.out
        if folder is None and options.dashboard is None:
            folder = default
        if folder is not None:
            _refuse_no_folder(folder, f'--out "{folder}"')
        if options.dashboard is not None:
            if options.dashboard.suffix.lower() not in (".html", ".htm") or options.dashboard.is_dir():
                raise ArgumentError(
                    f'--dashboard "{options.dashboard}" is not the name of a page; expected a file that ends with .html'
                )
            _refuse_no_folder(options.dashboard.absolute().parent, f'--dashboard "{options.dashboard}"')
            return cls(folder, options.dashboard)
        if folder is None:
            raise ArgumentError(
                "there is no place to write to; give --out DIR for the page and the tables, or --dashboard FILE for "
                "the page alone"
            )
        return cls(folder, folder / "index.html")

    def write(self, page: Page, log: EventLog) -> None:
        """Write page, tables and specs; nothing else in the folder is touched."""
        self.page.parent.mkdir(parents=True, exist_ok=True)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_tables(self.folder, page, log)
        page.save(self.page)


def _refuse_no_folder(folder: Path, given: str) -> None:
    """Refuse a folder that neither exists nor can be made, or that can't be written."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        what = "is a file" if nearest == folder else f'lies below "{nearest}", which is a file'
        raise ArgumentError(f"{given} {what}; expected a folder, which is made where it is missing")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ArgumentError(
            f'{given}: nothing can be written into the folder "{nearest}"; choose another one'
        )


def _write_tables(folder: Path, page: Page, log: EventLog) -> None:
    for name, result in page.results.items():
        _write_table(folder / f"{name}.parquet", result.table)
    _write_table(folder / "rejects.parquet", log.rejects.table)
    specs = {name: json.loads(result.spec) for name, result in page.results.items()}
    text = json.dumps(specs, indent=2, ensure_ascii=False) + "\n"
    _replace(folder / "specs.json", lambda path: path.write_text(text, encoding="utf-8"))


def _write_table(path: Path, table: Table) -> None:
    _replace(path, lambda partial: table.write_parquet(os.fspath(partial)))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the file and move it there, so that no reader sees half of it."""
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)

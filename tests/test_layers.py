"""The rooms of the house: a module imports from lower layers only, in Rust and in Python (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RUST = ROOT / "src"
PYTHON = ROOT / "python" / "safar"

# A room is a file of src/ or a folder with all that is in it. `lib` only lists the modules.
RUST_ROOMS: dict[str, float] = {
    "error": 0,
    "calendar": 0.5,
    "memory": 0,
    "pool": 0.5,
    "table": 0.5,
    "expression": 1,
    "log": 1,
    "derived": 1.5,
    "rename": 1.5,
    "ingest": 2,
    "conformance": 2,
    "pattern": 2,
    "state": 2,
    "map": 2,
    "partial": 2.5,  # its witness hashes customers as ingest does
    "beside": 2.5,  # reads ids and times as ingest does
    "quality": 2.5,  # sees letters in one form, as ingest does
    "regroup": 2.5,  # builds a log of the events of another one, as ingest does
    "selection": 2.5,  # samples customers by the hash that ingest orders them by
    "engine": 3,
    "kernels": 4,
    "scoring": 4,
    "py": 5,
    "lib": 6,
}
PYTHON_ROOMS: dict[str, float] = {
    "_core": 0,
    "errors": 0,
    "_typing": 0,
    "_args": 1,
    "_files": 1,
    "_intervals": 1,
    "_palette": 1,
    "_progress": 1,
    "_significance": 1.5,  # trinomial variances are those of the intervals
    "_selection": 1.5,  # names what it takes as _args does
    "_table": 1.5,  # names columns and suggests them, as _args does
    "calendar": 1.5,
    "language": 2,  # writes dates in both calendars
    "result": 2,
    "design": 2,
    "features": 2.5,  # its sentences are of the language
    "kpi": 2.5,  # its catalogue is a table of a result
    "spoken": 2.5,  # a table of a result, in the words of a language
    "explanation": 2.7,  # such a table, read as a story
    "analyses": 3,
    "journey_map": 3,
    "monitoring": 3,
    "profiles": 3,
    "quality": 3,
    "voice": 3,
    "_log": 3.5,  # the questions of all logs
    "log": 4,
    "models": 4.5,  # asks logs
    "scan": 4.5,  # its parts are logs
    "one_shot": 5,
    "plot": 5,
    "pages": 5,
    "explorer": 5,
    "datasets": 5,
    "findings": 5,
    "cli": 5,
    "__init__": 6,
    "__main__": 6,
}
# Nothing imports these while modules are imported: whoever needs one asks for it inside a function.
LEAVES = {"plot", "pages", "explorer", "export", "cluster"}


def room_of(path: Path, base: Path) -> str:
    """Name the room in which a source file stands."""
    return path.relative_to(base).parts[0].split(".")[0]


def refusals(room: str, used: set[str], rooms: dict[str, float]) -> list[str]:
    """Say which of the rooms used by a room it may not know."""
    found = []
    for other in sorted(used - {room}):
        if other not in rooms:
            found.append(f"uses {other}, which has no layer: declare its room")
        elif rooms[other] >= rooms[room]:
            found.append(f"is in layer {rooms[room]} and uses {other} of layer {rooms[other]}")
        elif other in LEAVES:
            found.append(f"imports {other}, a leaf, at import time")
    return found


# ------------------------------------------------------------------------------------------------ Rust


def without_comments(text: str) -> str:
    """Blank out comments and string literals, so that braces and paths in them do not count."""
    noise = r'//[^\n]*|/\*.*?\*/|r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"' + r"|'(?:\\.|[^\\'])'"
    return re.sub(noise, " ", text, flags=re.DOTALL)


def without_tests(text: str) -> str:
    """Cut out modules under `#[cfg(test)]`: a test may use any room."""
    kept, position = [], 0
    for found in re.finditer(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod\s+\w+\s*\{", text):
        if found.start() < position:
            continue
        kept.append(text[position : found.start()])
        depth, position = 1, found.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[position], 0)
            position += 1
    return "".join([*kept, text[position:]])


def depth_of_modules(before: str) -> int:
    """Count the modules with a body that are open where a text ends."""
    depth, open_at = 0, []
    for found in re.finditer(r"\bmod\s+\w+\s*\{|[{}]", before):
        if found[0] == "}":
            depth -= 1
            open_at = [level for level in open_at if level < depth]
        else:
            if found[0] != "{":
                open_at.append(depth)
            depth += 1
    return len(open_at)


def first_names(group: str) -> Iterator[str]:
    """Yield the first name of each path in a `use` group: `{a, b::{c, d}}` gives a and b."""
    depth, part = 0, ""
    for character in group:
        if character == "," and depth == 0:
            yield part.strip().split("::")[0].split(" ")[0]
            part = ""
            continue
        depth += {"{": 1, "}": -1}.get(character, 0)
        part += character
    if part.strip():
        yield part.strip().split("::")[0].split(" ")[0]


def rust_uses(text: str, module: tuple[str, ...]) -> set[str]:
    """Return the rooms that a Rust source names, given the path of its module below the crate."""
    text = without_tests(without_comments(text))
    used = set()
    for found in re.finditer(r"\b(crate|super(?:\s*::\s*super)*)\s*::\s*(\{|\w+)", text):
        start, following = found.groups()
        if start != "crate" and start.count("super") != len(module) + depth_of_modules(text[: found.start()]):
            continue  # stays inside the room
        if following != "{":
            used.add(following)
            continue
        depth, end = 1, found.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        used.update(first_names(text[found.end() : end - 1]))
    return used - {"self"}


def rust_macros() -> dict[str, str]:
    """Return the rooms of exported macros, which Rust calls as if they stood in the crate's root."""
    pattern = r"#\[macro_export\]\s*(?:#\[[^\]]*\]\s*)*macro_rules!\s*(\w+)"
    return {
        name: room_of(path, RUST) for path in RUST_FILES for name in re.findall(pattern, path.read_text())
    }


def rust_module(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(RUST).with_suffix("").parts
    return parts[:-1] if parts[-1] == "mod" else parts


RUST_FILES = sorted(RUST.rglob("*.rs"))


@pytest.mark.parametrize("path", RUST_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_rust_module_uses_lower_layers_only(path: Path) -> None:
    room = room_of(path, RUST)
    assert room in RUST_ROOMS, f"{room} has no layer: declare its room in RUST_ROOMS"
    macros = rust_macros()
    used = {macros.get(name, name) for name in rust_uses(path.read_text(), rust_module(path))}
    assert not refusals(room, used, RUST_ROOMS)


@pytest.mark.parametrize("path", RUST_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_python_room_of_the_core_knows_python(path: Path) -> None:
    if room_of(path, RUST) != "py":
        assert not re.findall(r"\b(?:pyo3\w*|numpy)\b", without_comments(path.read_text()))


def test_every_rust_room_exists() -> None:
    assert set(RUST_ROOMS) == {room_of(path, RUST) for path in RUST_FILES}


# ------------------------------------------------------------------------------------------------ Python


def imports(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the import statements that run when a module is imported."""
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                yield node
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from imports(node.orelse)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                pass
            case _:
                for field in ("body", "orelse", "finalbody"):
                    yield from imports(getattr(node, field, []))
                for handler in getattr(node, "handlers", []):
                    yield from imports(handler.body)


def python_uses(text: str, package: tuple[str, ...]) -> set[str]:
    """Return the rooms that a Python source imports at import time; `package` is where the file stands below safar."""
    used = set()
    for node in imports(ast.parse(text).body):
        if isinstance(node, ast.Import):
            paths = [alias.name.split(".") for alias in node.names]
        elif node.level == 0:
            start = (node.module or "").split(".")
            paths = [[*start, alias.name] for alias in node.names]
        else:
            start = ["safar", *package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            paths = [[*(part for part in start if part), alias.name] for alias in node.names]
        for path in paths:
            if path[0] == "safar":
                used.add(path[1] if len(path) > 1 else "__init__")
    return used


PYTHON_FILES = sorted(path for path in PYTHON.rglob("*.py*") if path.suffix in {".py", ".pyi"})


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_python_module_imports_lower_layers_only(path: Path) -> None:
    room = room_of(path, PYTHON)
    assert room in PYTHON_ROOMS, f"{room} has no layer: declare its room in PYTHON_ROOMS"
    assert not refusals(
        room, python_uses(path.read_text(), path.relative_to(PYTHON).parts[:-1]), PYTHON_ROOMS
    )


def test_every_python_room_exists() -> None:
    assert set(PYTHON_ROOMS) == {room_of(path, PYTHON) for path in PYTHON_FILES}


# ------------------------------------------------------------------------------------------------ the test's own eyes


def test_rust_paths_are_found_in_every_form() -> None:
    text = """
        use crate::{error::{Error, Result}, log, engine as motor};
        use super::super::ingest::Rows; // crate::py
        fn f() { let s = "crate::kernels"; crate::pattern::compile(s) }
        #[cfg(test)] mod tests { use crate::py::door; fn g() {} }
    """
    assert rust_uses(text, ("log", "view")) == {"error", "log", "engine", "ingest", "pattern"}
    assert rust_uses("use super::{state, table};", ("partial",)) == {"state", "table"}
    assert rust_uses("use super::columns::Column;", ("log", "view")) == set()
    inner = "mod door { use super::Table; fn f() {} } use super::error; mod wall { use super::super::log; }"
    assert rust_uses(inner, ("py",)) == {"error", "log"}


def test_python_imports_are_found_only_where_they_run() -> None:
    text = """
from typing import TYPE_CHECKING
from ..log import EventLog
from .. import plot
import safar.cli
try:
    from safar import errors
except ImportError:
    from ._deep import x
if TYPE_CHECKING:
    from safar.pages import Page
def f():
    from safar.datasets import shop
"""
    assert python_uses(text, ("analyses",)) == {"log", "plot", "cli", "errors", "analyses"}


def test_a_higher_room_a_leaf_and_an_unknown_room_are_refused() -> None:
    found = refusals("cli", {"log", "datasets", "export"}, {**PYTHON_ROOMS, "cli": 7, "export": 5})
    assert found == ["imports export, a leaf, at import time"]
    assert refusals("result", {"log"}, PYTHON_ROOMS) == ["is in layer 2 and uses log of layer 4"]
    assert refusals("result", {"attic"}, PYTHON_ROOMS) == ["uses attic, which has no layer: declare its room"]

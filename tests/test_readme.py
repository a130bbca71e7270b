"""The Python in the READMEs and in docs/ runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READMES = [ROOT / "README.md", ROOT / "README.fa.md"]
# What is made with the site alone.
MADE = ROOT / "docs" / "reference" / "kpi_catalogue.md"
PAGES = [*READMES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def python_blocks(page: Path) -> list[str]:
    return re.findall(
        r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


WITH_PYTHON = [page for page in PAGES if python_blocks(page)]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {"__name__": "page"}
    for number, block in enumerate(python_blocks(page), start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), scope)


def test_the_readmes_show_python() -> None:
    assert set(READMES) <= set(WITH_PYTHON)


def test_the_readmes_show_the_same_code_and_link_to_each_other() -> None:
    english, persian = (page.read_text(encoding="utf-8") for page in READMES)
    code = re.compile(r"^```.*?^```", flags=re.DOTALL | re.MULTILINE)
    assert code.findall(english) == code.findall(persian)
    assert "](README.fa.md)" in english
    assert "](README.md)" in persian


def test_the_readmes_have_the_same_parts() -> None:
    english, persian = (page.read_text(encoding="utf-8") for page in READMES)
    for beginning in ("## ", "* **", "* ", "!["):
        assert sum(line.startswith(beginning) for line in english.splitlines()) == sum(
            line.startswith(beginning) for line in persian.splitlines()
        )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            there = (page.parent / target).resolve()
            assert there == MADE or there.exists(), f"{page.name} links to {target}, which is not there"

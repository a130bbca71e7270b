"""The site of the documentation builds without a warning, has every name and KPI, and loads nothing from elsewhere."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

import safar
from safar import plot

for module in ("mkdocs", "material", "mkdocstrings_handlers", "nbclient", "ipykernel"):
    pytest.importorskip(module, reason="the site needs mkdocs-material and more (make test installs them)")

ROOT = Path(__file__).resolve().parent.parent
# Methods that parts of safar use among themselves: they have docstrings, and no place on the pages.
NOT_SHOWN = {
    "ask": "kernels are asked by analyses",
    "beside": "with_scores is the question",
    "check_pattern": "done by whatever takes a pattern",
    "core": "the log in Rust",
    "covered": "map_coverage is the question",
    "each": "done by whatever is asked of a scan",
    "in_parts": "what a log knows of itself",
    "mapped": "with_map is the question",
    "observed_until_us": "observed_until is the same as a datetime",
    "of_core": "EventLog builds a log",
    "of_customer": "filter(customers=...) is the question",
    "of_part": "EventLog builds a log",
    "of_table": "EventLog builds a log",
    "profiled": "with_profiles is the question",
    "roles": "what EventLog was given",
    "scored": "with_scores is the question",
    "selected": "filter is the question",
}
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc\s*=\s*["'](?P<source>[^"']+)"""
    r"""|<link\b[^>]*?\bhref\s*=\s*["'](?P<link>[^"']+)"""
)
REMOTE = re.compile(r"(?:[a-z]+:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, ran: Callable[[Path], Path]) -> Path:
    """The site, built strictly."""
    folder = tmp_path_factory.mktemp("site")
    notebooks = [ran(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    environment = os.environ | {
        "SAFAR_NOTEBOOKS": str(notebooks[0].parent),
        "NO_MKDOCS_2_WARNING": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), os.environ.get("PYTHONPATH", "")]),
    }
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def reference(site: Path) -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted((site / "reference").glob("*.html")))


def headings(reference: str) -> set[str]:
    """The paths that stand in headings of objects."""
    return set(re.findall(r"<h2 [^>]*>\s*(?:<[^>]*>\s*)*(safar\.[\w.]+)\s*<", reference))


def test_every_public_name_is_in_the_reference(reference: str) -> None:
    assert {f"safar.{name}" for name in safar.__all__} <= headings(reference)


def test_every_chart_is_in_the_reference(reference: str) -> None:
    charts = [name for name in plot.__all__ if inspect.isfunction(getattr(plot, name)) and name != "plot"]
    assert {f"safar.plot.{name}" for name in charts} <= headings(reference)


@pytest.mark.parametrize("log", [safar.EventLog, safar.Scan])
def test_every_question_of_a_log_is_in_the_reference(reference: str, log: type) -> None:
    own = [] if log is safar.EventLog else [name for name in dir(safar.EventLog) if name != "filter"]
    public = {name for name in dir(log) if not name.startswith("_")} - set(own)
    shown = set(re.findall(rf'id="safar\.{log.__name__}\.(\w+)"', reference))
    assert public - set(NOT_SHOWN) == shown


def test_every_method_of_a_result_is_in_the_reference(reference: str) -> None:
    for name in safar.__all__:
        result = getattr(safar, name)
        if inspect.isclass(result) and issubclass(result, safar.ResultTable):
            own = {method for method, value in vars(result).items() if inspect.isfunction(value)}
            own |= {"customers"} & set(dir(result))
            missing = [
                method
                for method in sorted(own)
                if not method.startswith("_") and f'id="safar.{name}.{method}"' not in reference
            ]
            assert missing == [], name


def test_no_method_is_kept_from_the_reference_that_is_not_there() -> None:
    assert set(NOT_SHOWN) <= set(dir(safar.EventLog))


def test_a_method_is_shown_with_its_parameters(reference: str) -> None:
    part = reference.split('id="safar.EventLog.funnel"')[1].split("<h2")[0]
    assert "How many customers come through these steps" in part
    assert re.search(r"<b>on_exclude</b>|>on_exclude<", part)


def test_every_kpi_has_its_place_with_both_names(site: Path) -> None:
    page = (site / "reference" / "kpi_catalogue.html").read_text(encoding="utf-8")
    known = safar.kpi_catalogue().to_dict()
    parts = re.split(r'<h3 id="(\w+)"', page)
    places = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert sorted(places) == sorted(known["kpi"])
    for kpi in zip(*known.values(), strict=True):
        fields = dict(zip(known, kpi, strict=True))
        place = unescape(places[fields["kpi"]])
        for field in ("name_en", "name_fa", "definition", "form", "unit", "numerator", "denominator"):
            assert fields[field] is None or fields[field] in place, (fields["kpi"], field)
        for name in fields["inputs"].split(", "):
            assert f'href="#input-{name}"' in place
            assert f'id="input-{name}"' in page


def test_the_notebooks_show_their_charts_and_tables(site: Path) -> None:
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        page = (site / "notebooks" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        charts = re.findall(rf'<img src="({notebook.stem}[^"]+\.png)"', page)
        assert charts
        assert all((site / "notebooks" / chart).stat().st_size > 1_000 for chart in charts)
        assert '<div class="output"><' in page
        assert "data-output" not in page


def test_persian_pages_run_from_right_to_left(site: Path) -> None:
    for name in ("fa/quick_start", "fa/readme", "notebooks/05_farsi"):
        page = (site / f"{name}.html").read_text(encoding="utf-8")
        body = page.split("<article")[1].split("</article>")[0]
        assert '<div dir="rtl" lang="fa">' in body
        # Headings and lists inside it were read as Markdown.
        assert re.search(r'<div dir="rtl" lang="fa">\s*<h[12]', body)
        assert "\n## " not in body


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text(encoding="utf-8")
        # The one thing that the theme's script would fetch is what draws such diagrams.
        assert 'class="mermaid"' not in text
        loaded = [found["source"] or found["link"] for found in LOADED.finditer(text)]
        assert loaded
        assert [address for address in loaded if REMOTE.match(address)] == [], page.name
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert re.findall(r"""(?:url\(|@import)\s*["']?(?:[a-z]+:)?//""", text) == [], sheet.name

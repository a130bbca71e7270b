"""Notebooks in a real JupyterLab, with everything but its own server shut off: tables, charts, the explorer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

for needed in ("jupyterlab", "ipywidgets", "nbformat", "ipykernel"):
    pytest.importorskip(needed, reason=f"JupyterLab is tested with {needed} (make test installs it)")

from local_server import Lab, running_lab  # noqa: E402

TESTS = Path(__file__).resolve().parent
NOTEBOOKS = TESTS.parent / "notebooks"
CHART = "application/vnd.vegalite.v5+json"
# Pictures of charts in which more than one colour is.
DRAWN = """
() => [...document.querySelectorAll(".vega-embed canvas")].filter(canvas => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const words = new Uint32Array(pixels.buffer);
    return words.some(word => word !== words[0]);
}).length
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("jupyterlab"), browser) as started:
        yield started
        # Nothing was wanted from elsewhere.
        assert started.visitor.elsewhere == []


def until(wanted: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def charts_of(outputs: list[dict[str, Any]]) -> int:
    return sum(CHART in output.get("data", {}) for output in outputs)


def assert_no_cell_failed(outputs: list[dict[str, Any]]) -> None:
    said = [
        output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert said == []


@pytest.mark.parametrize("name", ["01_first_journey", "05_farsi"])
def test_a_notebook_of_the_project_runs_and_draws_without_a_network(
    lab: Lab, name: str, tmp_path: Path
) -> None:
    shutil.copy(NOTEBOOKS / f"{name}.ipynb", lab.folder)
    with lab.opened(f"{name}.ipynb") as tab:
        outputs = lab.outputs(tab, f"{name}.ipynb")
        assert_no_cell_failed(outputs)
        charts = charts_of(outputs)
        assert charts >= 3
        until(lambda: tab.evaluate(DRAWN) == charts, f"{charts} charts are drawn")
        assert tab.locator(".jp-OutputArea-output table").count() > 0
        tab.screenshot(path=tmp_path / f"{name}.png")


def test_every_chart_is_drawn_by_what_jupyterlab_has_with_it(lab: Lab, tmp_path: Path) -> None:
    first = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import safar
safar.plot.offline()
from test_chart_look import DRAWN
drawn = {{name: ask().plot(**options) for name, (ask, options) in DRAWN.items()}}
"""
    lab.keep("charts.ipynb", [first, "for chart in drawn.values():\n    display(chart)", "len(drawn)"])
    with lab.opened("charts.ipynb") as tab:
        outputs = lab.outputs(tab, "charts.ipynb")
        assert_no_cell_failed(outputs)
        charts = int(outputs[-1]["data"]["text/plain"])
        assert charts_of(outputs) == charts > 30
        until(lambda: tab.evaluate(DRAWN) == charts, f"{charts} charts are drawn")
        assert tab.locator(".jp-RenderedVegaCommon5 .vega-error, .jp-mod-error").count() == 0
        tab.screenshot(path=tmp_path / "charts.png")


def test_a_result_is_shown_as_a_table(lab: Lab) -> None:
    ask = "import safar\nsafar.datasets.shop(100).log().funnel(['visit', 'purchase'], within='7d')"
    lab.keep("result.ipynb", [ask])
    with lab.opened("result.ipynb") as tab:
        assert_no_cell_failed(lab.outputs(tab, "result.ipynb"))
        table = tab.locator(".safar-result table")
        assert table.count() == 1
        assert table.locator("tbody tr").count() == 2
        assert "visit" in table.inner_text()


EXPLORED = {
    "en": {"by": "Segments by", "goal": "To", "any": "Any event", "step": "Add a step"},
    "fa": {
        "by": "بخش‌ها به تفکیک",
        "goal": "به",
        "any": "هر رویداد",
        "step": "افزودن گام",
    },
}


@pytest.mark.parametrize("language", EXPLORED)
def test_the_explorer_answers_a_click(lab: Lab, language: str, tmp_path: Path) -> None:
    words = EXPLORED[language]
    name = f"explorer_{language}.ipynb"
    asked = f"log.explore(['visit', 'purchase'], within='7d', language={language!r})"
    lab.keep(name, ["import safar\nlog = safar.datasets.shop(500).log()", asked])
    with lab.opened(name) as tab:
        said: list[str] = []
        tab.on("pageerror", lambda error: said.append(str(error)))
        panel = tab.locator(".safar-explorer")
        code = panel.locator(".safar-code")

        until(lambda: tab.evaluate(DRAWN) == 1, "the first chart is drawn")
        assert 'funnel(["visit", "purchase"], within="7d")' in code.inner_text()
        assert (
            panel.evaluate("panel => getComputedStyle(panel).direction")
            == {"en": "ltr", "fa": "rtl"}[language]
        )

        panel.get_by_label(words["by"], exact=True).select_option(label="channel")
        until(lambda: 'by="channel"' in code.inner_text(), "the code names the segments")
        until(lambda: panel.locator("tbody tr").count() == 4, "the table has a row a segment and step")
        until(lambda: tab.evaluate(DRAWN) == 1, "the chart is drawn anew")
        tab.screenshot(path=tmp_path / "funnel.png")

        panel.get_by_role("button", name=words["step"]).click()
        until(lambda: code.inner_text().count('", "') == 2, "there are three steps")
        until(lambda: panel.locator("tbody tr").count() == 6, "the table has them")

        panel.locator(".widget-toggle-buttons button").nth(2).click()
        until(lambda: "conversion(" in code.inner_text(), "another analysis is asked")
        panel.get_by_label(words["goal"], exact=True).select_option(label=words["any"])
        problem = panel.get_by_role("alert")
        until(lambda: problem.count() == 1, "what can't be answered says why")
        assert "end=None" in problem.inner_text()
        assert tab.evaluate(DRAWN) == 0
        tab.screenshot(path=tmp_path / "problem.png")

        assert said == []
        assert_no_cell_failed(lab.outputs(tab, name))

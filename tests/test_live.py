"""The live pages of docs/examples run, answer a choice, and say what the log says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import safar

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
STEPS = ["visit", "add_to_cart", "purchase"]
PERSONA = "gift_givers"


def loaded(name: str) -> ModuleType:
    """The module of an example, as its file has it."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def expected(persona: str | None, steps: list[str] = STEPS) -> list[int]:
    """Customers at each step, counted on the events of the persona alone."""
    log = safar.datasets.shop(4_000).log()
    if persona is not None:
        people = log.to_polars().filter(persona=persona)["customer"].unique().to_list()
        log = log.filter(customers=people)
    return list(log.funnel(steps, within="7d").to_dict()["customers"])


@pytest.fixture(scope="module")
def marimo_app() -> Any:
    pytest.importorskip("marimo", reason="the live page of marimo needs marimo (make test installs it)")
    return loaded("marimo_app").app


def test_the_page_of_marimo_answers_its_first_choice(marimo_app: Any) -> None:
    shown, made = marimo_app.run()
    assert made["funnel"].to_dict()["customers"] == expected(None)
    assert made["scores"].to_dict() == safar.nps(made["log"], by="channel", lookback="7d").to_dict()
    written = shown[-1].text
    assert (written.count("<marimo-mime-renderer"), written.count("<iframe")) == (2, 1)


def test_the_page_of_marimo_answers_another_choice(marimo_app: Any) -> None:
    first = marimo_app.run()[1]
    assert PERSONA in first["persona"].options
    chosen = {
        "personas": {},
        "persona": SimpleNamespace(value=PERSONA),
        "steps": SimpleNamespace(value=STEPS[:2]),
    }
    _, made = marimo_app.run(defs=chosen)
    assert made["funnel"].to_dict()["customers"] == expected(PERSONA, STEPS[:2])


@pytest.fixture(scope="module")
def panel_app() -> Any:
    pytest.importorskip("panel", reason="the live page of Panel needs panel (make test installs it)")
    return loaded("panel_app")


def panes(page: Any, kind: str) -> list[Any]:
    return [pane for pane in page.select() if type(pane).__name__ == kind]


def test_the_page_of_panel_answers_its_choices(panel_app: Any) -> None:
    page = panel_app.page
    page.get_root()

    def counted() -> list[int]:
        rows = panes(page, "Vega")[0].object.data.values
        return [row["customers"] for row in rows if row["place"] == 0]

    assert counted() == expected(None)
    everybody = panes(page, "SVG")[0].object
    panel_app.steps.value = STEPS[:2]
    panel_app.persona.value = PERSONA
    assert counted() == expected(PERSONA, STEPS[:2])
    assert panes(page, "SVG")[0].object == panel_app.picture.to_svg(PERSONA) != everybody
    panel_app.steps.value = []
    assert "Choose at least one step" in str([pane.object for pane in panes(page, "Markdown")])
    panel_app.persona.value, panel_app.steps.value = "", STEPS


SERVED = {
    "marimo": [
        "marimo",
        "run",
        str(EXAMPLES / "marimo_app.py"),
        "--headless",
        "--no-token",
        "--host",
        "127.0.0.1",
        "--port",
    ],
    "panel": ["panel", "serve", str(EXAMPLES / "panel_app.py"), "--address", "127.0.0.1", "--port"],
}


@pytest.mark.parametrize("kind", SERVED)
def test_a_live_page_is_drawn_without_anything_from_elsewhere(
    kind: str, tmp_path: Path, browser: Any
) -> None:
    pytest.importorskip(kind, reason=f"the live page needs {kind} (make test installs it)")
    from local_server import Visitor, free_port, serving

    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with serving([*SERVED[kind], str(port)], address, tmp_path):
        visitor = Visitor(browser, address)
        with visitor.visiting("/" if kind == "marimo" else "/panel_app") as tab:
            # The marks of the funnel and of the scores; selectors look into shadow roots too.
            tab.locator(".vega-embed").nth(1).locator("canvas, svg.marks").first.wait_for(timeout=60_000)
            tab.get_by_text("Persona").first.wait_for()
            tab.screenshot(path=tmp_path / f"{kind}.png")
    assert visitor.elsewhere == []

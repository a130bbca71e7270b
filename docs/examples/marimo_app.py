"""The shop as a live page: ``pip install marimo``, then ``marimo run docs/examples/marimo_app.py``."""

import marimo

app = marimo.App(width="medium", app_title="The shop")


@app.cell
def data():
    import marimo as mo

    import safar

    shop = safar.datasets.shop(4_000)
    roles = {"customer": "customer_id", "time": "time", "score": "score", "kind": "kind"}
    asked = ["nps_answer", "csat_answer", "ces_answer"]
    log = shop.log().with_map(safar.JourneyMap.shop())
    log = log.with_scores(shop.surveys, **roles, answer_events=asked)
    picture = safar.journey_picture(log, kind="nps", by="persona")
    return log, mo, picture, safar


@app.cell
def choices(log, mo, picture):
    personas = {"Everybody": None} | {journey.segment: journey.segment for journey in picture.journeys[1:]}
    persona = mo.ui.dropdown(personas, value="Everybody", label="Persona")
    steps = mo.ui.multiselect(list(log.events), value=["visit", "add_to_cart", "purchase"], label="Steps")
    mo.hstack([persona, steps], justify="start")
    return persona, steps


@app.cell
def cohort(log, persona):
    part = log if persona.value is None else log.filter(where=f"persona = '{persona.value}'")
    return (part,)


@app.cell
def answers(mo, part, picture, persona, safar, steps):
    mo.stop(not steps.value, "Choose at least one step.")
    funnel = part.funnel(steps.value, within="7d")
    scores = safar.nps(part, by="channel", lookback="7d")
    journey = mo.iframe(picture.to_svg(persona.value), height="560px")
    mo.vstack([funnel.plot(), journey, scores.plot()])
    return funnel, scores


if __name__ == "__main__":
    app.run()

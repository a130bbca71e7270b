"""Figures of the page, each drawn from plain columns."""

from safar.pages.figures.bars import Bar, bars_figure
from safar.pages.figures.course import course_figure
from safar.pages.figures.flow import flow_figure
from safar.pages.figures.funnel import funnel_figure
from safar.pages.figures.histogram import histogram_figure
from safar.pages.figures.matrix import matrix_figure
from safar.pages.figures.ranking import ranking_figure
from safar.pages.figures.retention import retention_figure
from safar.pages.figures.steps import steps_figure

__all__ = [
    "Bar",
    "bars_figure",
    "course_figure",
    "flow_figure",
    "funnel_figure",
    "histogram_figure",
    "matrix_figure",
    "ranking_figure",
    "retention_figure",
    "steps_figure",
]

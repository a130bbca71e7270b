"""Personas: kinds of customers, found in what they do, who they are and what they think."""

from __future__ import annotations

from safar.models.personas.drift import PersonaDriftResult
from safar.models.personas.finding import personas
from safar.models.personas.journey import PersonaJourneys
from safar.models.personas.model import PersonaModel
from safar.models.personas.result import PersonasResult

__all__ = ["PersonaDriftResult", "PersonaJourneys", "PersonaModel", "PersonasResult", "personas"]

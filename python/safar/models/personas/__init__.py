"""Personas: kinds of customers, found in what they do, who they are and what they think."""

from __future__ import annotations

from safar.models.personas.finding import personas
from safar.models.personas.model import PersonaModel
from safar.models.personas.result import PersonasResult

__all__ = ["PersonaModel", "PersonasResult", "personas"]

"""Models of customers: which kinds of them there are."""

from __future__ import annotations

from safar.models.personas import (
    PersonaDriftResult,
    PersonaJourneys,
    PersonaModel,
    PersonasResult,
    personas,
)

__all__ = ["PersonaDriftResult", "PersonaJourneys", "PersonaModel", "PersonasResult", "personas"]

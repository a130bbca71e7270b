"""When to get in touch: answered contacts by slot of the day, shrunk towards each other."""

from __future__ import annotations

from safar.models.contact.times import ContactTimesResult, contact_times

__all__ = ["ContactTimesResult", "contact_times"]

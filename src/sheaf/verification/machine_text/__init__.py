"""Leads that a text was written by a machine: learnt from examples, a reason to look, never a reason to refuse."""

from sheaf.verification.machine_text.judge import MachineText, Quality, area, is_lead, limit, train
from sheaf.verification.machine_text.style import plainly, style

__all__ = ["MachineText", "Quality", "area", "is_lead", "limit", "plainly", "style", "train"]

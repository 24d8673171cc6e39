"""Training among owners whose data never move: one plan that all agree on, rounds whose sums nobody can take apart."""

from sheaf.actions.train.coordinate import TrainingReport, coordinate
from sheaf.actions.train.identity import show_identity
from sheaf.actions.train.join import JoinReport, join
from sheaf.actions.train.plan import Owner, Plan, load_plan
from sheaf.actions.train.protection import Protected, Spent, protected_by
from sheaf.actions.train.status import TrainingStatus, training_status

__all__ = [
    "JoinReport",
    "Owner",
    "Plan",
    "Protected",
    "Spent",
    "TrainingReport",
    "TrainingStatus",
    "coordinate",
    "join",
    "load_plan",
    "protected_by",
    "show_identity",
    "training_status",
]

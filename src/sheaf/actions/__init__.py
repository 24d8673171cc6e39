"""What one can do in the market, verb by verb; each takes a `Context`: the network, the store, the mailbox, and who acts."""

from sheaf.actions.account import (
    Balances,
    balances,
    create_account,
    fund_account,
    import_account,
    list_accounts,
    local_account,
    register_key,
    unlock,
)
from sheaf.actions.cases.ballot import find_marks, keep_marks
from sheaf.actions.cases.rating import score
from sheaf.actions.cases.reading import Assignment
from sheaf.actions.context import Context
from sheaf.actions.deliver import hand_over, hand_to_buyer, hand_to_jurors
from sheaf.actions.disputes.dispute import (
    Dispute,
    appeal,
    bond_for,
    challenge,
    collect_winnings,
    dispute,
    list_disputes,
    proceed,
    refusals,
    reveal,
    vote,
    winnings,
)
from sheaf.actions.disputes.moving import challenge_until, is_audit_due, move, open_audit
from sheaf.actions.disputes.sitting import (
    JurySeat,
    cast_decisions,
    cast_vote,
    find_case_marks,
    jury_seats,
    keep_case_marks,
    open_case,
    sit,
)
from sheaf.actions.download import download
from sheaf.actions.gold.opening import open_gold, require_own
from sheaf.actions.gold.record import Record, execute_sentences, leave_jail, record_of
from sheaf.actions.gold.stock import Gold
from sheaf.actions.ledgers import Ledger, ledgers
from sheaf.actions.recompute import Recomputation, recompute
from sheaf.actions.request import (
    Reclaimed,
    cancel,
    fund_request,
    list_requests,
    open_request,
    publish_sample,
    reclaim,
    show_request,
    specification,
)
from sheaf.actions.review import Seat, advance, cast, open_records, seats
from sheaf.actions.settle import Settlement, claim, draw, owed, settle, settlement_of, tend, void, withdraw
from sheaf.actions.stake import declare, stake, unbond, withdraw_stake
from sheaf.actions.status import Status, explain, list_submissions, status
from sheaf.actions.submit import Preview, preview, resume_submissions, submit
from sheaf.actions.verify import Verification, verify

__all__ = [
    "Assignment",
    "Balances",
    "Context",
    "Dispute",
    "Gold",
    "JurySeat",
    "Ledger",
    "Preview",
    "Reclaimed",
    "Recomputation",
    "Record",
    "Seat",
    "Settlement",
    "Status",
    "Verification",
    "advance",
    "appeal",
    "balances",
    "bond_for",
    "cancel",
    "cast",
    "cast_decisions",
    "cast_vote",
    "challenge",
    "challenge_until",
    "claim",
    "collect_winnings",
    "create_account",
    "declare",
    "dispute",
    "download",
    "draw",
    "execute_sentences",
    "explain",
    "find_case_marks",
    "find_marks",
    "fund_account",
    "fund_request",
    "hand_over",
    "hand_to_buyer",
    "hand_to_jurors",
    "import_account",
    "is_audit_due",
    "jury_seats",
    "keep_case_marks",
    "keep_marks",
    "leave_jail",
    "ledgers",
    "list_accounts",
    "list_disputes",
    "list_requests",
    "list_submissions",
    "local_account",
    "move",
    "open_audit",
    "open_case",
    "open_gold",
    "open_records",
    "open_request",
    "owed",
    "preview",
    "proceed",
    "publish_sample",
    "reclaim",
    "recompute",
    "record_of",
    "refusals",
    "register_key",
    "require_own",
    "resume_submissions",
    "reveal",
    "score",
    "seats",
    "settle",
    "settlement_of",
    "show_request",
    "sit",
    "specification",
    "stake",
    "status",
    "submit",
    "tend",
    "unbond",
    "unlock",
    "verify",
    "void",
    "vote",
    "winnings",
    "withdraw",
    "withdraw_stake",
]

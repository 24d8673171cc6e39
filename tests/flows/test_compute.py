"""Computing where the data lie, from an order to a checked answer: owner, provider and buyer on one chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sheaf.actions.compute import mail, placed
from sheaf.actions.compute.order import Computation, order_computation
from sheaf.actions.compute.result import open_result
from sheaf.actions.context import Context
from sheaf.actions.datasets import order, terms
from sheaf.domain.errors import InputError, IntegrityError, Missing, Refused, SandboxError
from sheaf.domain.job import Ending, Job, Outcome
from tests.flows.ward import COUNTS, LESSONS, WAD, Ward, made_market, made_ward

PROGRAM = b"def compute(folder, parameters): return {'rows': 1}"
CODE = f"""
release = "approved-code"
purposes = ["research"]
algorithms = ["{hashlib.sha256(PROGRAM).hexdigest()}"]
answers = 5
limits = {{ wall_seconds = 10 }}
fields = {{ age = "disclosed" }}
output.rows = {{ kind = "number", minimum = 0, maximum = 1000, step = 1 }}
"""
QUESTION = json.dumps({"sql": "SELECT count(*) FROM data WHERE age >= 50", "epsilon": 0.5})


class Home:
    """A sandbox for the program of this test: it counts the records and keeps nothing apart."""

    name = "home"
    is_broken = False

    def check(self) -> None:
        """Hold, unless told not to."""
        if self.is_broken:
            raise SandboxError("sandbox: not here")

    def run(self, job: Job) -> Outcome:
        """Return how many records there are."""
        import pyarrow.parquet as pq

        rows = pq.read_table(Path(job.folder, "data.parquet")).num_rows
        return Outcome(Ending.FINISHED, json.dumps({"rows": rows}).encode(), b"", 0.1)


@pytest.fixture(scope="module")
def market() -> Context:
    return made_market()


@pytest.fixture
def ward(market: Context, tmp_path: Path) -> Iterator[Ward]:
    yield from made_ward(market, tmp_path)


def test_a_statistic_from_order_to_receipt(ward: Ward) -> None:
    """A count is within eight deviations of the truth, its receipt passes all checks, owner and provider are paid, the budget is less."""
    pytest.importorskip("opendp")
    number = ward.publish(COUNTS, "statistics")
    made = order_computation(ward.buyer, number, Computation("query", parameters=QUESTION))
    with pytest.raises(InputError, match="there is no answer"):
        open_result(ward.buyer, made)
    serving = ward.serve(number)
    ward.settle(serving)
    found = open_result(ward.buyer, made, "e" * 64)
    answer = json.loads(found.output)
    ages = [int(line.split(",")[1]) for line in (ward.folder / "ward.csv").read_text().splitlines()[1:]]
    truth, deviation = sum(age >= 50 for age in ages), answer["errors"][0][0]
    assert abs(answer["rows"][0][0] - truth) < 8 * deviation and deviation < 20
    assert found.checked == [
        "order", "dataset", "algorithm", "policy", "purpose", "output", "spent_nanonats", "signature", "environment",
    ]  # fmt: skip
    balance = serving.ledger.balance(f"dataset {number}")
    assert balance.spent_nanonats == found.receipt.spent_nanonats > 0
    assert serving.ledger.balance("person p7").spent_nanonats > 0
    assert terms.claim_income(ward.owner, number) == 5 * WAD
    with pytest.raises(InputError, match="its buyer is"):
        open_result(ward.owner, made)
    with pytest.raises(IntegrityError, match="receipt: environment"):
        open_result(ward.buyer, made, "f" * 64)


def test_a_budget_ends_for_all_buyers(ward: Ward) -> None:
    """Orders beyond the dataset's ε are not taken on, whoever asks; their money comes back, and a restarted node spends nothing twice."""
    pytest.importorskip("opendp")
    number = ward.publish(COUNTS, "statistics")
    whole = json.dumps({"sql": "SELECT count(*) FROM data", "epsilon": 1})
    makers = [ward.buyer, ward.owner] * 3
    numbers = [order_computation(one, number, Computation("query", parameters=whole)) for one in makers]
    ward.settle(ward.serve(number))
    serving = ward.serve(number)
    ward.settle(serving)
    states = [order.show_order(ward.buyer, one).state for one in numbers]
    answered = states.count("settled")
    assert 2 <= answered < 6 and states[answered:] == ["placed"] * (6 - answered)
    balance = serving.ledger.balance(f"dataset {number}")
    assert balance.jobs == answered and balance.spent_epsilon <= 2
    assert order.refund_order(makers[-1], numbers[-1]) == 6 * WAD


def test_a_model_is_learnt(ward: Ward) -> None:
    """A training job gives weights with noise whose loss is that of the receipt."""
    pytest.importorskip("opacus")
    number = ward.publish(LESSONS, "trusted-train")
    wanted = json.dumps({"features": ["age"], "label": "ill", "steps": 20})
    made = order_computation(ward.buyer, number, Computation("train", parameters=wanted))
    ward.settle(ward.serve(number))
    found = open_result(ward.buyer, made)
    assert not found.is_failed and "spent_nanonats" in found.checked
    shapes = {name: shape for name, (shape, _) in json.loads(found.output)["weights"].items()}
    assert shapes == {"0.weight": [2, 1], "0.bias": [2]}


def test_only_approved_code_runs(ward: Ward) -> None:
    """The approved program's answer comes; another program cannot even be ordered; without a sandbox nothing of it is served."""
    number = ward.publish(CODE, "approved-code")
    with pytest.raises(Refused, match="is not approved"):
        order_computation(ward.buyer, number, Computation(program=b"print(1)"))
    made = order_computation(ward.buyer, number, Computation(program=PROGRAM))
    broken = Home()
    broken.is_broken = True
    for sandbox, error in ((None, InputError), (broken, SandboxError)):
        with pytest.raises(error, match="sandbox"):
            ward.serve(number, sandbox=sandbox)
    ward.settle(ward.serve(number, sandbox=Home()))
    found = open_result(ward.buyer, made)
    assert found.output == b'{"rows":400}' and found.receipt.spent_nanonats == 0


def test_harder_sandbox_is_demanded(ward: Ward) -> None:
    """What its owner lets run in the harder tier alone is served by a node that offers it, and by no other, which says so."""
    number = ward.publish('sandbox = "gvisor"\n' + CODE, "approved-code")
    made = order_computation(ward.buyer, number, Computation(program=PROGRAM))
    sandbox = Home()
    with pytest.raises(InputError, match=r"sandbox: home: this policy demands gvisor: .*--tier gvisor"):
        ward.serve(number, sandbox=sandbox)
    sandbox.name = "gvisor"
    ward.settle(ward.serve(number, sandbox=sandbox))
    assert open_result(ward.buyer, made).output == b'{"rows":400}'


def test_what_does_not_fit_is_not_taken_on(ward: Ward) -> None:
    """An order without its document, for another use, for an unknown column or of too much ε waits until its buyer takes it back."""
    pytest.importorskip("opendp")
    number = ward.publish(COUNTS, "statistics")
    terms.set_price(ward.owner, number, "download", 0)
    first = order_computation(ward.buyer, number, Computation("query", parameters=QUESTION))
    document = placed.ordered(ward.buyer, placed.placed(ward.buyer, first), 1).document
    numbers = [
        order.order_use(ward.buyer, number, order.Wish("statistics", b"no document")),
        order.order_use(ward.buyer, number, order.Wish("download", document)),
        *(
            order_computation(ward.buyer, number, Computation("query", parameters=json.dumps(wrong)))
            for wrong in (
                {"sql": "SELECT mean(height) FROM data"}, {"sql": "SELECT count(*) FROM data", "epsilon": 9},
                {"question": 1}, {"sql": "SELECT mean(id) FROM data"},
            )
        ),
    ]  # fmt: skip
    serving = ward.serve(number)
    ward.settle(serving)
    assert set(serving.orders.unreadable) == set(numbers)
    words = (
        "its document has not come",
        "download was paid for",
        "is no column here",
        "at most 1",
        "parameters",
        "tells people apart",
    )
    for one, word in zip(numbers, words, strict=True):
        assert word in serving.orders.unreadable[one]
        assert order.refund_order(ward.buyer, one) > 0
    assert order.show_order(ward.buyer, first).state == "settled"
    assert serving.orders.placed() == [] and serving.orders.unreadable == {}


def test_a_provider_that_fails_pays_back(ward: Ward) -> None:
    """What goes wrong at the provider is tried three times and refunded in full, with a part of its lock for nothing."""
    number = ward.publish(CODE, "approved-code")
    made = order_computation(ward.buyer, number, Computation(program=PROGRAM))
    serving = ward.serve(number, sandbox=Home())
    (ward.folder / "ward.csv").write_text("id,age,ill\np1,5,no\n")
    for _ in range(2):
        ward.settle(serving)
    assert order.show_order(ward.buyer, made).state == "refunded"
    assert order.refund_order(ward.buyer, made) == 6 * WAD
    with pytest.raises(InputError, match="refunded"):
        open_result(ward.buyer, made)


def test_forged_answers_are_not_taken(ward: Ward) -> None:
    """Before the provider's letter, others' letters count for nothing: wrong output, wrong signature, no receipt at all."""
    number = ward.publish(CODE, "approved-code")
    made = order_computation(ward.buyer, number, Computation(program=PROGRAM))
    forger = ward.owner
    one = placed.placed(forger, made)
    mail.send(forger, placed.ANSWERS, str(made), b"no answer", [ward.buyer.account])
    from sheaf.domain.order import Receipt

    receipt = Receipt(made, str(one.cid), "a", "e", "p", "research", 0, "0")
    placed.hand_over(forger, one, b"5", receipt)
    placed.hand_over(forger, one, b'{"rows":400}', receipt)
    serving = ward.serve(number, sandbox=Home())
    forged = serving.orders.hand_over
    serving.orders.hand_over = lambda *_: None  # type: ignore[method-assign]
    ward.settle(serving)
    with pytest.raises(IntegrityError, match="not signed by its provider"):
        open_result(ward.buyer, made)
    kept = serving.provider.means.queue.entry(made)
    assert kept is not None and kept.output is not None and kept.receipt is not None
    forged(made, kept.output, Receipt(**json.loads(kept.receipt)))
    assert open_result(ward.buyer, made).output == b'{"rows":400}'


def test_what_cannot_be_served_is_said(ward: Ward) -> None:
    """No stake, no records, other records, or a policy without a budget: each is refused with what to do."""
    with pytest.raises(InputError, match="stake first"):
        ward.serve()
    number = ward.publish(COUNTS.replace(", total = 2", ""), "statistics")
    for places, words in (((), "directory: unknown"), ((number,), "budget.total")):
        with pytest.raises(InputError, match=words):
            ward.serve(*places)
    other = ward.publish(COUNTS, "statistics")
    (ward.folder / "ward.csv").write_text("id,age,ill\np1,5,no\n")
    with pytest.raises(InputError, match="not those of this version"):
        ward.serve(other)
    with pytest.raises(Missing, match="has not come"):
        placed.ordered(ward.buyer, placed.placed(ward.buyer, order.order_use(
            ward.buyer, other, order.Wish("statistics", b"x"))), 1)  # fmt: skip

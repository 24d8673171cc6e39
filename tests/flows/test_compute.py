"""Computing where the data lie, from an order to a checked answer: owner, provider and buyer on one chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sheaf import actions
from sheaf.actions.compute import mail, placed
from sheaf.actions.compute.order import Computation, order_computation
from sheaf.actions.compute.progress import progress
from sheaf.actions.compute.result import open_result
from sheaf.actions.context import Context
from sheaf.actions.datasets import earnings, order, publish, terms
from sheaf.actions.datasets.find import show_dataset
from sheaf.actions.datasets.uses import uses_of
from sheaf.domain.errors import InputError, IntegrityError, Missing, Refused, SandboxError
from sheaf.domain.job import Ending, Job, Outcome
from sheaf.domain.order import DOWNLOAD, Order
from sheaf.market.compute_orders import Service
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


def past_the_client(
    ward: Ward, number: int, parameters: str, method: str = "query", use: str = "statistics"
) -> int:
    """Order straight to chain and mailbox, without what a client would refuse; return the order's number."""
    cid = str(show_dataset(ward.buyer, number).cid)
    document = Order(1, ward.buyer.account, cid, method, "research", 1, parameters=parameters)
    sealed = msgspec.msgpack.encode(placed.Sealed(document.document, b""))
    readers = [ward.provider.account, ward.buyer.account]
    mail.send(ward.buyer, placed.ORDERS, document.digest.hex(), sealed, readers)
    return int(order.order_use(ward.buyer, number, order.Wish(use, document.document)))


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
            past_the_client(ward, number, json.dumps(wrong))
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


def test_what_nobody_would_take_on_is_not_ordered(ward: Ward) -> None:
    """A question that does not fit the columns, the noise or the time, or a policy nobody serves, is refused before money moves."""
    number = ward.publish(COUNTS, "statistics")
    held = actions.balances(ward.buyer).tokens
    tries: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"sql": ""}, InputError, "sql"), ({"sql": "SELECT mean(height) FROM data"}, InputError, "height: is no column"),
        ({"sql": "SELECT mean(id) FROM data"}, InputError, "tells people apart"), ({"question": 1}, InputError, "parameters"),
        ({"sql": "SELECT count(*) FROM data", "epsilon": 9}, Refused, "at most 1"),
    ]  # fmt: skip
    for wrong, kind, words in tries:
        with pytest.raises(kind, match=words):
            order_computation(ward.buyer, number, Computation("query", parameters=json.dumps(wrong)))
    terms.set_service(ward.owner, number, Service(WAD, 50 * WAD, 9))
    with pytest.raises(InputError, match="leaves after 10 s, its provider has 9 s"):
        order_computation(ward.buyer, number, Computation("query", parameters=QUESTION))
    other = ward.publish(COUNTS.replace(", total = 2", ""), "statistics")
    with pytest.raises(InputError, match=r"no budget\.total: no provider serves it"):
        order_computation(ward.buyer, other, Computation("query", parameters=QUESTION))
    assert actions.balances(ward.buyer).tokens == held


def test_progress_tells_when(ward: Ward) -> None:
    """Before it is taken on an order can be cancelled; then its answer has an earliest time and the money a day; in the end it came."""
    number = ward.publish(CODE, "approved-code")
    made = order_computation(ward.buyer, number, Computation(program=PROGRAM))
    found = progress(ward.buyer, made, ward.buyer)
    assert (found.state, found.answer, found.hold_seconds, found.back_at) == ("placed", "none", 10.0, 0)
    assert found.paid == 6 * WAD and found.provider == ward.provider.account and not found.is_over
    serving = ward.serve(number, sandbox=Home())
    serving.provider.start()
    serving.provider.tick()
    found = progress(ward.buyer, made)
    until = order.show_order(ward.buyer, made).until
    assert (found.state, found.back_at, found.answer_at) == ("accepted", until, until - 600 + 10)
    unwanted = past_the_client(ward, number, "{}", "query", "approved-code")
    serving.provider.tick()
    assert "is not approved" in progress(ward.buyer, unwanted, ward.buyer).declined
    assert progress(ward.owner, unwanted, ward.owner).declined == ""
    with pytest.raises(InputError, match=f"its provider has until {until}"):
        order.refund_order(ward.buyer, made)
    ward.settle(serving)
    found = progress(ward.buyer, made, ward.buyer)
    assert found.is_over and found.answer == "come" and not found.is_withheld
    assert progress(ward.owner, made, ward.owner).answer == "unknown" == progress(ward.owner, made).answer
    with pytest.raises(InputError, match="it is paid"):
        order.refund_order(ward.buyer, made)
    with pytest.raises(InputError, match="order: 99"):
        progress(ward.buyer, 99)


def test_a_stated_result_without_bytes_is_told_apart(ward: Ward) -> None:
    """A provider that states a hash and hands nothing over: the buyer is told so, and of a deterministic job how all money returns."""
    number = ward.publish(CODE, "approved-code")
    second = ward.other
    terms.provide(second, 1000 * WAD)
    terms.admit_provider(ward.owner, number, second.account)
    wishes = [
        Computation(program=PROGRAM, provider=ward.provider.account, is_deterministic=one)
        for one in (False, True)
    ]
    paid, open_ = (order_computation(ward.buyer, number, wish) for wish in wishes)
    serving = ward.serve(number, sandbox=Home())
    serving.orders.hand_over = lambda *_: None  # type: ignore[method-assign]
    ward.settle(serving)
    for made, state, words in (
        (paid, "settled", "no contract can make it"),
        (open_, "delivered", "by `sheaf dataset dispute"),
    ):
        found = progress(ward.buyer, made, ward.buyer)
        assert (found.state, found.answer, found.is_withheld) == (state, "stated", True)
        with pytest.raises(Missing, match=f"its hash is on the chain, its bytes have not come.*{words}"):
            open_result(ward.buyer, made)
    found = progress(ward.buyer, open_, ward.buyer)
    assert found.others == 1 and found.dispute_until == order.show_order(ward.buyer, open_).until
    with pytest.raises(InputError, match="a result is stated: until"):
        order.refund_order(ward.buyer, open_)
    order.dispute_order(ward.buyer, open_)
    with pytest.raises(Missing, match="wait for the second provider"):
        open_result(ward.buyer, open_)
    back_at = progress(ward.buyer, open_, ward.buyer).back_at
    assert ward.owner.engine is not None
    ward.owner.engine.advance(back_at - int(ward.now()))
    assert order.refund_order(ward.buyer, open_) == 7 * WAD  # price, fee, and the fee for repeating it


def test_records_are_sold_whole(ward: Ward) -> None:
    """Who pays for a download gets every record, at once, held against the manifest; who pays for something else does not."""
    import io

    import pyarrow.parquet as pq

    number = ward.publish(CODE, "approved-code")
    with pytest.raises(InputError, match="use: download: it is not offered"):
        order_computation(ward.buyer, number, Computation(DOWNLOAD))
    terms.set_price(ward.owner, number, "download", 9 * WAD)
    made = order_computation(ward.buyer, number, Computation(DOWNLOAD))
    thief = past_the_client(ward, number, "{}", DOWNLOAD, "approved-code")
    job = past_the_client(ward, number, "{}", "query", DOWNLOAD)
    serving = ward.serve(number, sandbox=Home())
    serving.provider.start()
    for _ in range(3):
        serving.provider.tick()
    found = open_result(ward.buyer, made)
    table = pq.read_table(io.BytesIO(found.output))
    lines = (ward.folder / "ward.csv").read_text().splitlines()[1:]
    assert [f"{row['id']},{row['age']},{row['ill']}" for row in table.to_pylist()] == lines
    assert "records" in found.checked and found.receipt.spent_nanonats == 0 and found.epsilon is None
    assert order.show_order(ward.buyer, thief).state == order.show_order(ward.buyer, job).state == "placed"
    assert "approved-code was paid for" in serving.orders.unreadable[thief]
    assert uses_of(ward.owner, number).earned == 9 * WAD


def test_an_owner_sees_every_use(ward: Ward) -> None:
    """The owner sees buyer, purpose, algorithm, cost and earnings of each order by signed receipts; no other account does."""
    pytest.importorskip("opendp")
    number = ward.publish(COUNTS, "statistics")
    made = order_computation(ward.buyer, number, Computation("query", parameters=QUESTION))
    waiting = order_computation(ward.buyer, number, Computation("query", parameters=QUESTION))
    order.refund_order(ward.buyer, waiting)
    serving = ward.serve(number)
    ward.settle(serving)
    found = uses_of(ward.owner, number)
    assert [(one.order, one.state) for one in found.uses] == [(waiting, "refunded"), (made, "settled")]
    first = found.uses[1]
    balance = serving.ledger.balance(f"dataset {number}")
    assert (first.buyer, first.purpose, first.algorithm) == (ward.buyer.account, "research", "query")
    assert first.spent_nanonats == balance.spent_nanonats and found.spent_epsilon == balance.spent_epsilon
    assert (found.total_epsilon, found.unseen, found.earned, found.due) == (2, [], 5 * WAD, 5 * WAD)
    with pytest.raises(InputError, match="its owner is"):
        uses_of(ward.buyer, number)
    assert earnings.claim(ward.owner).income == {number: 5 * WAD} and uses_of(ward.owner, number).due == 0


def test_a_provider_takes_its_fees_and_its_stake(ward: Ward) -> None:
    """Fees come by one claim, which settles what waited; stake leaves after its unbonding time, and not before."""
    number = ward.publish(CODE, "approved-code")
    terms.set_service(ward.owner, number, Service(2 * WAD, 50 * WAD, 600))
    wish = Computation(program=PROGRAM, is_deterministic=True)
    made = order_computation(ward.buyer, number, wish)
    with pytest.raises(InputError, match="stakes first"):
        earnings.position_of(ward.buyer, ward.buyer.account)
    serving = ward.serve(number, sandbox=Home())
    serving.provider.start()
    serving.provider.tick()
    assert earnings.position_of(ward.owner, ward.provider.account).locked == 50 * WAD
    assert ward.owner.engine is not None
    ward.owner.engine.advance(11)
    serving.provider.tick()
    early = earnings.claim(ward.provider)
    assert early.owed == 0 and early.waits[0].startswith(f"order {made}: may be disputed for another")
    with pytest.raises(InputError, match="up to the 1000000000000000000000 that are bonded"):
        earnings.unbond(ward.provider, 1001 * WAD)
    with pytest.raises(InputError, match="amount: 0"):
        earnings.unbond(ward.provider, 0)
    seat = earnings.unbond(ward.provider, 1000 * WAD)
    assert seat.unbonding == 1000 * WAD and seat.orders == {"delivered": 1} and seat.datasets == [number]
    assert "stake: what unbonds may leave in" in earnings.claim(ward.provider).waits[-1]
    ward.owner.engine.advance(10_000)
    before = actions.balances(ward.provider).tokens
    found = earnings.claim(ward.provider)
    assert (found.settled, found.owed, found.stake) == ([made], 2 * WAD, 1000 * WAD)
    assert actions.balances(ward.provider).tokens == before + 1002 * WAD
    again = earnings.claim(ward.provider)
    assert (again.owed, again.income, again.stake, again.settled, again.waits) == (0, {}, 0, [], [])


def test_a_new_policy_is_taken_up_by_a_node_that_runs(ward: Ward) -> None:
    """An order under a version that was published after the node started is answered; one that cannot be served is declined with why."""
    number = ward.publish(CODE, "approved-code")
    serving = ward.serve(number, sandbox=Home())
    (ward.folder / "stricter.toml").write_text("minimum_rows = 300\n" + CODE)
    publish.change_policy(ward.owner, number, ward.folder / "stricter.toml", ward.folder / "ward.csv")
    made = order_computation(ward.buyer, number, Computation(program=PROGRAM))
    ward.settle(serving)
    found = open_result(ward.buyer, made)
    assert found.output == b'{"rows":400}' and placed.placed(ward.buyer, made).version == 2
    elsewhere = ward.folder / "elsewhere.csv"
    elsewhere.write_text("id,age,ill\np1,5,no\n")
    (ward.folder / "policy.toml").write_text(CODE)
    publish.change_policy(ward.owner, number, ward.folder / "policy.toml", elsewhere)
    elsewhere.unlink()
    waiting = order_computation(ward.buyer, number, Computation(program=PROGRAM))
    ward.settle(serving)
    assert "order one that this provider holds" in progress(ward.buyer, waiting, ward.buyer).declined
    assert order.refund_order(ward.buyer, waiting) == 6 * WAD

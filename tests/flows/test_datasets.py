"""Datasets as owner, buyer and provider deal in them: by actions, and by the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sheaf import actions
from sheaf.actions.context import Context
from sheaf.actions.datasets import disclosure, find, order, publish, terms
from sheaf.actions.datasets.order import Wish
from sheaf.actions.datasets.publish import About
from sheaf.bootstrap import add_datasets, local
from sheaf.domain.dataset import Parent
from sheaf.domain.errors import InputError, IntegrityError, RecordError, Refused, Reverted, SpecificationError
from sheaf.market import compute_orders
from sheaf.market.compute_orders import Service
from tests.flows.counter import PASSWORD, STILL, Counter

WAD = 10**18
POLICY = """
release = "statistics"
purposes = ["research"]
methods = ["query"]
budget = { epsilon = 1, delta = 1e-6, total = 4 }
fields = { site = "disclosed" }
"""
ROWS = "person,count,site\n" + "".join(f"p{i},{i % 7},{'north' if i % 2 else 'south'}\n" for i in range(50))
ABOUT = About("Blood counts", "CC-BY-4.0", prices={"statistics": 5 * WAD})


@dataclass
class Clinic:
    """A market of this process: who owns data, who buys their use, who computes, and nobody."""

    owner: Context
    buyer: Context
    provider: Context
    outsider: Context
    folder: Path

    def advance(self, seconds: int) -> None:
        assert self.owner.engine is not None
        self.owner.engine.advance(seconds)

    def served(self) -> int:
        """Publish a dataset that the provider serves; return its number."""
        number = publish.publish_dataset(self.owner, self.folder, self.folder / "policy.toml", ABOUT).dataset
        terms.set_service(self.owner, number, Service(WAD, 50 * WAD, 600))
        terms.provide(self.provider, 500 * WAD)
        terms.admit_provider(self.owner, number, self.provider.account)
        return int(number)


def folder_of(root: Path, rows: str = ROWS) -> Path:
    folder = root / "clinic"
    folder.mkdir(exist_ok=True)
    (folder / "counts.csv").write_text(rows)
    (folder / "policy.toml").write_text(POLICY)
    (folder / "datasheet.md").write_text("Counted by machines of one make, 2024.")
    return folder


@pytest.fixture(scope="module")
def market() -> Context:
    ctx = local(seed=7)
    add_datasets(ctx)
    add_datasets(ctx)
    return ctx


@pytest.fixture
def clinic(market: Context, tmp_path: Path) -> Iterator[Clinic]:
    assert market.engine is not None
    kept = market.engine.dump()
    actors = [
        replace(actions.local_account(market, name), home=tmp_path / "home")
        for name in ("owner", "buyer", "provider", "outsider")
    ]
    yield Clinic(*actors, folder_of(tmp_path))
    market.engine.restore(kept)


def test_only_the_manifest_leaves(clinic: Clinic) -> None:
    """What the store holds after publishing is one block: the manifest, with no value of any record in it."""
    made = publish.publish_dataset(clinic.owner, clinic.folder, clinic.folder / "policy.toml", ABOUT)
    data = clinic.owner.store.get(made.cid)
    assert b"p49" not in data and b"north" not in data and b"counts.csv" not in data
    found = find.show_dataset(clinic.buyer, made.dataset)
    assert found.cid == made.cid and found.manifest == made.manifest
    assert [(one.name, one.type) for one in made.manifest.fields] == [
        ("person", "string"), ("count", "int64"), ("site", "string"),
    ]  # fmt: skip
    assert found.manifest is not None and found.manifest.datasheet.startswith("Counted by machines")
    assert found.offers["statistics"].price == 5 * WAD and set(found.offers) == {"statistics"}


def test_publishing_again_is_the_same_dataset(clinic: Clinic) -> None:
    """Repeated with the same records and words, publishing sends nothing new; other records are another dataset."""
    first = publish.publish_dataset(clinic.owner, clinic.folder, clinic.folder / "policy.toml", ABOUT)
    nonce = clinic.owner.chain.nonce(clinic.owner.account)
    assert publish.publish_dataset(clinic.owner, clinic.folder, clinic.folder / "policy.toml", ABOUT) == first
    assert clinic.owner.chain.nonce(clinic.owner.account) == nonce
    folder_of(clinic.folder.parent, ROWS + "p50,1,north\n")
    other = publish.publish_dataset(clinic.owner, clinic.folder, clinic.folder / "policy.toml", ABOUT)
    assert other.dataset == first.dataset + 1 and other.manifest.nonce != first.manifest.nonce


def test_disclosed_values_are_checked(clinic: Clinic) -> None:
    """A shown value passes; another value, record, salt or field of the same dataset does not, nor does another's copy of the root."""
    number = clinic.served()
    shown = disclosure.disclose_values(clinic.owner, number, ["count"], [12])
    [one] = shown.values
    assert one.value == 5 and disclosure.check_disclosure(clinic.buyer, shown).values == (one,)
    changed = msgspec.structs.replace
    for wrong in (
        changed(one, value=6), changed(one, record=13), changed(one, salt="00" * 16), changed(one, field="site"),
        changed(one, value="five"), changed(one, path=()), changed(one, field="none"), changed(one, salt=""),
        changed(one, value=2**70),
    ):  # fmt: skip
        with pytest.raises(IntegrityError, match="disclosure"):
            disclosure.check_disclosure(clinic.buyer, changed(shown, values=(wrong,)))
    with pytest.raises(IntegrityError, match="disclosure"):
        disclosure.check_disclosure(clinic.buyer, changed(shown, records=51))
    for field, record in (("none", 0), ("count", 50), ("count", -1)):
        with pytest.raises(InputError, match="give"):
            disclosure.disclose_values(clinic.owner, number, [field], [record])
    folder_of(clinic.folder.parent, ROWS.replace("p1,1", "p1,2"))
    with pytest.raises(IntegrityError, match="not those of the newest manifest"):
        disclosure.disclose_values(clinic.owner, number, ["count"], [12])


def test_shown_values_travel_in_a_file(clinic: Clinic) -> None:
    """Values of chosen fields and records pass by a file, also under an older version; a changed, foreign or made-up file does not."""
    rows = "person,seen,share,when\n" + "".join(
        f"p{i},{i % 2 == 0},{i / 7},2025-03-{i + 1:02d}\n" for i in range(9)
    )
    folder_of(clinic.folder.parent, rows)
    (clinic.folder / "policy.toml").write_text(POLICY.replace('site = "disclosed"', 'share = "disclosed"'))
    number = publish.publish_dataset(
        clinic.owner, clinic.folder, clinic.folder / "policy.toml", ABOUT
    ).dataset
    shown = disclosure.disclose_values(clinic.owner, number, ["person", "share", "when", "seen"], [8, 0, 8])
    assert len(shown.values) == 8 and shown.values[3].value == 0.0
    data = msgspec.json.encode(shown)
    held = disclosure.check_disclosure(clinic.outsider, disclosure.parse(data))
    assert held.is_newest and held.values == shown.values and held.values[2].value == 8 / 7
    for wrong in (
        data.replace(b'"p8"', b'"p7"'), data.replace(b'"record":8', b'"record":7'), data.replace(b'"share"', b'"seen"'),
        data.replace(b"2025-03-01", b"2025-03-02"), data.replace(b'"records":9', b'"records":8'),
    ):  # fmt: skip
        assert wrong != data
        with pytest.raises((IntegrityError, InputError), match=r"disclosure|field"):
            disclosure.check_disclosure(clinic.outsider, disclosure.parse(wrong))
    for wrong, words in (
        (data.replace(b'"market":"', b'"market":"x'), "market: x"), (data.replace(b'"version":1', b'"version":2'), "version: 2"),
        (data.replace(b'"version":1', b'"version":0'), "version: 0"), (data.replace(b'"dataset":', b'"dataset":9'), "dataset: 9"),
        (data[:-5], "malformed"), (b"[" * 9000, "malformed"), (b"", "malformed"), (data.replace(b"sure-1", b"sure-9"), "take sheaf-"),
        (data.replace(b'"salt":"', b'"salt":"zz'), "malformed"), (b"x" * (disclosure.MAX_BYTES + 1), "take none above"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            disclosure.check_disclosure(clinic.outsider, disclosure.parse(wrong))
    (clinic.folder / "policy.toml").write_text(POLICY.replace('site = "disclosed"', 'when = "disclosed"'))
    publish.change_policy(clinic.owner, number, clinic.folder / "policy.toml")
    assert not disclosure.check_disclosure(clinic.outsider, shown).is_newest
    for fields, records, words in (
        ([], [1], "field: none"), (["seen"], [], "record: none"), (["seen"], list(range(10_001)), "at most 10,000"),
        (["x"], [1], "field: x: give one of person"), (["seen"], [9], "give a number below 9"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            disclosure.disclose_values(clinic.owner, number, fields, records)
    with pytest.raises(InputError, match="act as that account"):
        disclosure.disclose_values(clinic.buyer, number, ["seen"], [1])


def test_what_nobody_would_serve_is_said(clinic: Clinic) -> None:
    """Publishing warns, with the fix, of a policy without a total or its method; another total than was promised is refused."""
    policy = clinic.folder / "policy.toml"

    def warned(text: str, number: int = 0) -> str:
        policy.write_text(text)
        if number:
            return " ".join(publish.change_policy(clinic.owner, number, policy).warnings)
        return " ".join(publish.publish_dataset(clinic.owner, clinic.folder, policy, ABOUT).warnings)

    words = warned(POLICY.replace(", total = 4", ""))
    assert "no budget.total" in words and "budget = { epsilon = 1, delta = 1e-6, total = 4 }" in words
    words = warned(POLICY.replace('"query"', '"median"'))
    assert 'methods: median: no provider serves statistics without methods = ["query"]' in words
    assert "budget" not in warned(POLICY)
    number = len(find.list_datasets(clinic.buyer))
    with pytest.raises(Refused, match=r"total = 5.*a promise stays"):
        warned(POLICY.replace("total = 4", "total = 5"), number)
    assert warned(POLICY + "minimum_rows = 30\n", number) == "it never expires: set expires"
    policy.write_text(POLICY.replace("site", "sight"))
    with pytest.raises(RecordError, match=r"fields\.sight: not in the table"):
        publish.publish_dataset(clinic.owner, clinic.folder, policy, ABOUT)


def test_an_order_from_money_to_money(clinic: Clinic) -> None:
    """The buyer's money waits until the provider's result, then owner and provider have their shares, and nothing is left."""
    number = clinic.served()
    made = order.order_use(clinic.buyer, number, Wish("statistics", b"mean of count"))
    assert order.show_order(clinic.outsider, made).state == "placed"
    assert list(order.list_orders(clinic.outsider, buyer=clinic.buyer.account)) == [made]
    assert order.list_orders(clinic.outsider, dataset=number + 1) == {}
    compute_orders.step(clinic.provider.chain, clinic.provider.sender, "accept", made)
    with pytest.raises(InputError, match="nothing comes back now: its provider has until"):
        order.refund_order(clinic.buyer, made)
    compute_orders.deliver(clinic.provider.chain, clinic.provider.sender, made, b"\x05" * 32)
    one = order.settle_order(clinic.outsider, made)
    assert (one.state, one.use_name, one.result) == ("settled", "statistics", b"\x05" * 32)
    assert terms.claim_income(clinic.outsider, number) == 5 * WAD
    assert compute_orders.withdraw(clinic.provider.chain, clinic.provider.sender, clinic.owner.token) == WAD
    assert find.show_dataset(clinic.buyer, number).income == 5 * WAD
    assert terms.claim_income(clinic.outsider, number) == 0
    with pytest.raises(InputError, match="a result was stated and it is paid"):
        order.refund_order(clinic.buyer, made)


def test_money_comes_back(clinic: Clinic) -> None:
    """Before a provider accepts, and when it delivers nothing, the buyer has every unit back."""
    number = clinic.served()
    held = actions.balances(clinic.buyer).tokens
    for is_accepted in (False, True):
        made = order.order_use(clinic.buyer, number, Wish("statistics", b"job", clinic.provider.account))
        assert actions.balances(clinic.buyer).tokens == held - 6 * WAD
        if is_accepted:
            compute_orders.step(clinic.provider.chain, clinic.provider.sender, "accept", made)
            clinic.advance(601)
            assert order.refund_order(clinic.outsider, made) == 0
        assert order.refund_order(clinic.buyer, made) == 6 * WAD
    assert actions.balances(clinic.buyer).tokens == held


def test_uses_bought_ahead(clinic: Clinic) -> None:
    """A use bought ahead pays for an order but for the fee; a refund brings it back."""
    number = clinic.served()
    assert order.uses_left(clinic.buyer, number, "download") == 0
    assert order.buy_uses(clinic.buyer, number, "statistics", 2) == 10 * WAD
    made = order.order_use(clinic.buyer, number, Wish("statistics", b"job", is_ticket=True))
    assert order.uses_left(clinic.buyer, number, "statistics") == 1
    assert order.refund_order(clinic.buyer, made) == WAD
    assert order.uses_left(clinic.buyer, number, "statistics") == 2
    with pytest.raises(InputError, match="uses: 0"):
        order.buy_uses(clinic.buyer, number, "statistics", 0)


def test_a_dispute_is_paid_for(clinic: Clinic) -> None:
    """A deterministic job is repeated by another provider of the same data, for a second fee."""
    number = clinic.served()
    terms.provide(clinic.outsider, 500 * WAD)
    terms.admit_provider(clinic.owner, number, clinic.outsider.account)
    made = order.order_use(
        clinic.buyer, number, Wish("statistics", b"job", clinic.provider.account, False, True)
    )
    compute_orders.step(clinic.provider.chain, clinic.provider.sender, "accept", made)
    compute_orders.deliver(clinic.provider.chain, clinic.provider.sender, made, b"\x05" * 32)
    order.dispute_order(clinic.buyer, made)
    assert clinic.owner.engine is not None
    clinic.owner.engine.mine(3)
    compute_orders.step(clinic.owner.chain, clinic.owner.sender, "draw", made)
    compute_orders.repeat(clinic.outsider.chain, clinic.outsider.sender, made, b"\x06" * 32)
    assert order.show_order(clinic.buyer, made).state == "refunded"
    assert order.refund_order(clinic.buyer, made) == 7 * WAD


def test_terms_are_the_owners(clinic: Clinic) -> None:
    """Prices, seats, revoking and withdrawal change what buyers can do, at once; others cannot change them."""
    number = clinic.served()
    terms.revoke_buyer(clinic.owner, number, clinic.buyer.account)
    with pytest.raises(Reverted, match="datasets: revoked"):
        order.order_use(clinic.buyer, number, Wish("statistics", b"job"))
    terms.revoke_buyer(clinic.owner, number, clinic.buyer.account, is_revoked=False)
    terms.set_price(clinic.owner, number, "statistics", None)
    with pytest.raises(InputError, match="it is not offered"):
        order.order_use(clinic.buyer, number, Wish("statistics", b"job"))
    terms.set_price(clinic.owner, number, "statistics", 0)
    terms.withdraw_dataset(clinic.owner, number)
    assert find.list_datasets(clinic.buyer) == []
    assert [one.number for one in find.list_datasets(clinic.buyer, is_all=True)] == [number]
    terms.withdraw_dataset(clinic.owner, number, is_withdrawn=False)
    assert terms.admit_provider(clinic.owner, number, clinic.provider.account, is_admitted=False) == 1
    assert terms.admit_provider(clinic.owner, number, clinic.provider.account, is_admitted=False) == 1
    with pytest.raises(InputError, match="provider: none"):
        order.order_use(clinic.buyer, number, Wish("statistics", b"job"))
    with pytest.raises(InputError, match="it has no seat"):
        order.order_use(clinic.buyer, number, Wish("statistics", b"job", clinic.provider.account))
    with pytest.raises(InputError, match="it stakes first"):
        terms.admit_provider(clinic.owner, number, clinic.buyer.account)
    for step in (
        lambda: terms.withdraw_dataset(clinic.buyer, number),
        lambda: terms.set_price(clinic.buyer, number, "statistics", 1),
        lambda: terms.set_service(clinic.buyer, number, Service(1, 1, 1)),
    ):
        with pytest.raises(Reverted, match="not the owner"):
            step()


def test_a_policy_changes_for_the_future(clinic: Clinic) -> None:
    """Another policy is another version; the former stays readable; the same policy again sends nothing."""
    number = clinic.served()
    other = clinic.folder / "stricter.toml"
    other.write_text(POLICY + "minimum_rows = 20\n")
    made = publish.change_policy(clinic.owner, number, other)
    assert made.version == 2 and "minimum_rows" in find.manifest_of(clinic.buyer, number).policy
    assert find.manifest_of(clinic.buyer, number, 1).policy == POLICY
    assert made.manifest.fields == find.manifest_of(clinic.buyer, number, 1).fields
    assert publish.change_policy(clinic.owner, number, other).version == 2
    with pytest.raises(InputError, match="version: 3"):
        find.manifest_of(clinic.buyer, number, 3)
    with pytest.raises(SpecificationError, match="directory: unknown"):
        publish.change_policy(clinic.buyer, number, other)


def test_search(clinic: Clinic) -> None:
    """All words must stand somewhere in the manifest; use and price narrow the search; the title weighs most."""
    number = clinic.served()
    about = replace(
        ABOUT,
        title="Heights",
        description="of the same people as blood counts",
        prices={"statistics": 9 * WAD},
    )
    folder_of(clinic.folder.parent, ROWS.replace("count", "height"))
    other = publish.publish_dataset(clinic.owner, clinic.folder, clinic.folder / "policy.toml", about).dataset

    def numbers(*given: Any, **more: Any) -> list[int]:
        return [one.number for one in find.search_datasets(clinic.buyer, *given, **more)]

    assert numbers("blood counts") == [number, other] and numbers("HEIGHT") == [other]
    assert numbers("blood", most=5 * WAD) == [number] and numbers("blood", use="download") == []
    assert numbers("blood unheard") == [] and set(numbers("")) == {number, other}
    with pytest.raises(InputError, match="use: buying"):
        numbers("blood", use="buying")


def test_lineage_pays_the_parent(clinic: Clinic) -> None:
    """Of what a dataset made from another earns, the parent's owner is paid its weight."""
    parent = clinic.served()
    folder_of(clinic.folder.parent, ROWS.replace("p1,", "q1,"))
    about = replace(ABOUT, parents=(Parent(parent, 2500),))
    child = publish.publish_dataset(
        clinic.outsider, clinic.folder, clinic.folder / "policy.toml", about
    ).dataset
    order.buy_uses(clinic.buyer, child, "statistics", 4)
    assert terms.claim_income(clinic.buyer, child) == 15 * WAD
    assert terms.claim_income(clinic.buyer, parent) == 5 * WAD
    assert find.show_dataset(clinic.buyer, child).parents == [Parent(parent, 2500)]


@pytest.mark.parametrize(
    ("about", "policy", "words"),
    [
        (replace(ABOUT, title=" "), POLICY, "title: none"),
        (replace(ABOUT, licence="Ω"), POLICY, "licence: Ω: give an SPDX identifier"),
        (replace(ABOUT, licence="x" * 33), POLICY, "licence"),
        (replace(ABOUT, licence="mine"), POLICY, "licence: mine: give an SPDX identifier"),
        (replace(ABOUT, licence="LicenseRef-" + "x" * 33), POLICY, "licence"),
        (replace(ABOUT, prices={"open": 1}), POLICY, "price: open: the policy releases statistics"),
        (replace(ABOUT, prices={"buying": 1}), POLICY, "price: buying: give one of download"),
        (replace(ABOUT, prices={"statistics": 2**96}), POLICY, "price"),
        (replace(ABOUT, royalty_bps=10_001), POLICY, "royalty: 10001"),
        (replace(ABOUT, parents=(Parent(1, 1),) * 6), POLICY, "parents: 6"),
        (replace(ABOUT, parents=(Parent(0, 1),)), POLICY, "parent: 0"),
        (replace(ABOUT, parents=(Parent(1, 0),)), POLICY, "weight: 0"),
        (replace(ABOUT, parents=(Parent(1, 9999), Parent(1, 2))), POLICY, "weights: 10001"),
        (ABOUT, "release = 1\n", "release: 1"),
        (ABOUT, "", "release: None"),
        (ABOUT, "release = [", "policy: policy.toml: mend the TOML"),
        (ABOUT, POLICY + "colour = 1\n", "policy.colour: unknown"),
        (ABOUT, POLICY.replace("epsilon = 1, ", ""), "policy.budget.epsilon: none"),
        (ABOUT, POLICY.replace('"research"', ""), "policy.purposes: none"),
    ],
)  # fmt: skip
def test_what_cannot_be_published(clinic: Clinic, about: About, policy: str, words: str) -> None:
    """Bad words are refused with field, value and fix, and no dataset comes of them."""
    (clinic.folder / "policy.toml").write_text(policy)
    with pytest.raises(InputError, match=words.replace("[", r"\[")):
        publish.publish_dataset(clinic.owner, clinic.folder, clinic.folder / "policy.toml", about)
    assert find.list_datasets(clinic.owner, is_all=True) == []


def test_files_that_cannot_be_published(clinic: Clinic) -> None:
    """No records, two files of them, no folder, an unreadable policy or a huge one: each is named."""
    policy = clinic.folder / "policy.toml"
    tries: list[tuple[Any, type[Exception], str]] = [
        (lambda: (clinic.folder / "more.csv").write_text(ROWS), RecordError, "records: counts.csv, more.csv"),
        (lambda: [one.unlink() for one in clinic.folder.glob("*.csv")], RecordError, "records: none"),
        (lambda: (clinic.folder / "counts.csv").write_text("a,b\n"), RecordError, "records"),
        (lambda: policy.write_bytes(b"\xff\xfe"), InputError, "policy: policy.toml: write it in UTF-8"),
        (lambda: policy.write_text("#" * 70_000), InputError, "keep it below 65536"),
        (policy.unlink, InputError, "policy: policy.toml: give the path"),
    ]
    for spoil, kind, words in tries:
        spoil()
        with pytest.raises(kind, match=words):
            publish.publish_dataset(clinic.owner, clinic.folder, policy, ABOUT)
    with pytest.raises(InputError, match="policy"):
        publish.publish_dataset(clinic.owner, clinic.folder / "nowhere", policy, ABOUT)


def test_a_market_without_datasets_says_so() -> None:
    """Where the contracts of datasets are not deployed, whoever asks is told what adds them."""
    ctx = local(seed=7)
    with pytest.raises(
        InputError, match="contract: Datasets: this market has none: its governor adds it by `sheaf deploy`"
    ):
        find.list_datasets(ctx)
    with pytest.raises(InputError, match="market: remote"):
        add_datasets(replace(ctx, faucet=None))


@contextmanager
def counter(root: Path) -> Iterator[Counter]:
    """A deployed market behind a URL, with owner, buyer and provider in the keystore."""
    import sheaf
    from sheaf import bootstrap
    from sheaf.chain import keystore
    from sheaf.chain.deploy import deploy, deploy_data
    from sheaf.chain.engines.network import LocalNetwork
    from sheaf.chain.engines.server import Server
    from sheaf.chain.rpc import Chain
    from sheaf.chain.signer import Signer
    from sheaf.settings import read_settings

    home = root / "home"
    with LocalNetwork(home / "network" / "chain", pace=STILL) as network, Server(network, 0) as server:
        faucet = Signer(network.faucet_key)
        key = "0x" + network.faucet_key.hex()
        keystore.import_key(home / "network", bootstrap.FAUCET_NAME, key, bootstrap.FAUCET_NAME, work=2)
        found = deploy(Chain(server.url), faucet, "local", directory=home / "deployments")
        deploy_data(Chain(server.url, found), faucet, directory=home / "deployments")
        made = object.__new__(Counter)
        made.settings = read_settings(home=home, rpc=server.url)
        made.ctx = sheaf.connect(made.settings)
        for name in ("owner", "buyer", "provider"):
            made.keep(name)
        yield made


def test_the_command_line(tmp_path: Path) -> None:
    """Publish, terms, search, order, refund, income and policy by commands, each with an answer in JSON and one for people."""
    folder = folder_of(tmp_path)
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"mean": "count"}))
    with counter(tmp_path) as town:
        words = ("dataset", "publish", folder, "--policy", folder / "policy.toml", "--title", "Blood counts")
        more = ("--licence", "CC-BY-4.0", "--price", "statistics=5", "--royalty", "2.5", "--account", "owner")
        made = town.ask(*words, *more)
        assert made["dataset"] == 1 and made["records"] == 50
        assert town.ask("dataset", "provide", 500, "--account", "provider")["provider"] == 1
        town.ask("dataset", "serve", 1, "--fee", 1, "--lock", 50, "--account", "owner")
        assert town.ask("dataset", "admit", 1, "provider", "--account", "owner")["is_admitted"]
        assert (
            town.ask("dataset", "search", "blood")["datasets"][0]["prices"]["statistics"]["price"] == 5 * WAD
        )
        assert "Blood counts" in town.run("dataset", "list").out
        shown = town.run("dataset", "show", 1).out
        assert "5 SHEAF" in shown and "│ Counted by machines" in shown and "royalty" not in made
        order_words = ("dataset", "order", 1, "--use", "statistics", "--job", job, "--account", "buyer")
        assert town.ask(*order_words)["state"] == "placed"
        assert town.ask("dataset", "orders", "--buyer", "buyer")["orders"][0]["fee"] == WAD
        assert (
            "placed" in town.run("dataset", "orders", 1).out and "placed" in town.run("dataset", "orders").out
        )
        assert "6 SHEAF came back" in town.run("dataset", "refund", 1, "--account", "buyer").out
        bought = town.ask("dataset", "buy", 1, "--use", "statistics", "--uses", 2, "--account", "buyer")
        assert bought["uses_left"] == 2
        assert "10 SHEAF paid" in town.run("dataset", "income", 1, "--account", "owner").out
        assert "release" in town.run("dataset", "policy", 1).out
        (folder / "policy.toml").write_text(POLICY + "k = 5\n")
        assert town.ask("dataset", "policy", 1, folder / "policy.toml", "--account", "owner")["version"] == 2
        assert town.ask("dataset", "price", 1, "--use", "statistics", "--amount", 7, "--account", "owner")[
            "prices"
        ]
        assert "7 SHEAF" in town.run("dataset", "price", 1).out
        assert town.ask("dataset", "revoke", 1, "buyer", "--account", "owner")["is_revoked"]
        assert "datasets: revoked" in town.ask(*order_words, code=3)["error"]["message"]
        assert town.ask("dataset", "withdraw", 1, "--account", "owner")["is_withdrawn"]
        assert town.ask("dataset", "list")["datasets"] == []
        for bad in (
            ("--price", "statistics"),
            ("--price", "statistics=x"),
            ("--parent", "one"),
            ("--royalty", "0.001"),
        ):
            town.run(*words, "--licence", "MIT", *bad, "--account", "owner", code=2)
        for verb, code in (("settle", 0), ("dispute", 3)):
            town.run("dataset", verb, 1, "--account", "buyer", code=code)
        assert PASSWORD not in shown

"""The demo of data that never move: a clinic sells answers, owners train together, and somebody tries to carry the data out."""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sheaf import actions
from sheaf.actions.compute import mail, placed
from sheaf.actions.compute.order import Computation, order_computation
from sheaf.actions.compute.result import Result, open_result
from sheaf.actions.datasets import order as orders
from sheaf.actions.datasets import publish, terms
from sheaf.bootstrap import add_datasets, local, sandbox
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import Refused, SandboxError, SpecificationError
from sheaf.domain.order import Order
from sheaf.market.compute_orders import Service
from sheaf.nodes.compute.serving import Serving, Site, serve

if TYPE_CHECKING:
    from sheaf.actions.context import Context

BOUNDS = {"radius": 40, "texture": 60, "perimeter": 250, "smoothness": 0.3, "concavity": 0.6, "symmetry": 0.5}
"""What is known of tumours by anyone: no bound is read from the data."""
FEATURES = tuple(BOUNDS)
SQL = "SELECT diagnosis, count(*), mean(radius) FROM data GROUP BY diagnosis"
LESSON = {"features": list(FEATURES), "label": "diagnosis", "steps": 150}
THIEF = b"""
def compute(folder, parameters):
    import pyarrow.parquet as pq
    table = pq.read_table(folder + "/data.parquet")
    print(table.to_pydict())
    if "whole" in parameters:
        return table.to_pydict()
    return {"share": int(1000 * table["radius"][0].as_py() / 40) / 1000}
"""
POLICY = """
release = "{release}"
purposes = ["research"]
minimum_rows = 100
answers = 10
limits = {{ wall_seconds = 30 }}
{terms}
[fields]
{person}diagnosis = {{ show = "disclosed", choices = ["benign", "malignant"] }}
"""
NOISE = 'person = "patient"\nbudget = {{ epsilon = {each}, delta = 1e-5, total = {total}, person = 8 }}\nmethods = ["{method}"]'


class Bought(msgspec.Struct, frozen=True):
    """An answer that was paid for: what it says, what it cost in ε, and what its receipt was held against."""

    answer: dict[str, Any]
    epsilon: float
    checked: list[str]


class Attempts(msgspec.Struct, frozen=True):
    """What became of who tried to carry the data out; bits None where no sandbox holds on this machine."""

    open_policy: str
    unapproved: str
    unapproved_sent: str
    whole_table: str
    bits_cap: float | None
    bits_in_data: int
    repeated: int
    answered: int
    money_back: bool


class Together(msgspec.Struct, frozen=True):
    """A training of several owners: rounds, accuracy on held-out digits, alone and together."""

    owners: int
    rounds: int
    accuracy: float
    alone: float
    contributions: dict[str, float]


class Outcome(msgspec.Struct, frozen=True):
    """All that the demo showed; amounts in smallest units."""

    statistic: Bought
    model: Bought
    income: int
    attempts: Attempts
    together: Together
    wall_seconds: float


@dataclass
class Clinic:
    """The market, the owner, a buyer, a thief, a provider with its node, and the folder of the records."""

    owner: Context
    buyer: Context
    thief: Context
    provider: Context
    folder: Path
    serving: Serving | None = None

    @classmethod
    def build(cls, seed: int, root: Path) -> Clinic:
        """Start the embedded chain and write the clinic's records: 400 of the 569 tumours of scikit-learn's data."""
        market = local(seed=seed, directory=root / "market")
        add_datasets(market)
        names = ("owner", "buyer", "thief", "provider")
        owner, buyer, thief, provider = (actions.local_account(market, name, seed=seed) for name in names)
        folder = root / "clinic"
        folder.mkdir()
        rows, labels = tumours(seed)
        lines = [f"p{i},{','.join(map(repr, row.tolist()))},{labels[i]}" for i, row in enumerate(rows[:400])]
        (folder / "tumours.csv").write_text(
            "\n".join([f"patient,{','.join(FEATURES)},diagnosis", *lines]) + "\n"
        )
        terms.provide(provider, 1000 * WAD)
        return cls(owner, buyer, thief, provider, folder)

    def publish(self, release: str, words: str, price: int, *, with_person: bool = True) -> int:
        """Publish the records for one use, with a seat for the provider; return the dataset's number."""
        person = 'patient = "disclosed"\n' if with_person else ""
        text = POLICY.format(release=release, terms=words, person=person)
        text += "".join(
            f'{name} = {{ show = "disclosed", minimum = 0, maximum = {most} }}\n'
            for name, most in BOUNDS.items()
        )
        if release == "approved-code":
            text += '[output.share]\nkind = "number"\nminimum = 0\nmaximum = 1\nstep = 0.001\n'
        path = self.folder.parent / f"{release}.toml"
        path.write_text(text)
        about = publish.About(f"Tumours, {release}", "CC-BY-4.0", prices={release: price * WAD})
        number = int(publish.publish_dataset(self.owner, self.folder, path, about).dataset)
        terms.set_service(self.owner, number, Service(WAD, 10 * WAD, 3600))
        terms.admit_provider(self.owner, number, self.provider.account)
        return number

    def now(self) -> float:
        """Return the chain's time."""
        return float(self.owner.chain.block().timestamp)

    def work(self, numbers: list[int], is_confined: bool) -> None:
        """Let the provider's node take turns until it has nothing to do, as a new process each time."""
        engine, places = self.owner.engine, dict.fromkeys(numbers, self.folder)
        assert engine is not None
        box, environment = sandbox()
        site = Site(self.folder.parent / "site", places, box if is_confined else None, environment)
        with ThreadPoolExecutor(2) as pool:
            self.serving = serve(self.provider, site, pool, self.now)
            node = self.serving.provider
            node.start()
            while node.tick():
                while node.means.queue.counts().get("running"):
                    time.sleep(0.02)
                engine.advance(31)

    def bought(self, number: int) -> Bought:
        """Open a buyer's answer and check its receipt."""
        found = open_result(self.buyer, number)
        answer = json.loads(found.output)
        return Bought(answer, round(self._epsilon(found), 3), found.checked)

    def _epsilon(self, found: Result) -> float:
        from sheaf.privacy.accountant import Loss

        return msgspec.convert(json.loads(found.output)["loss"], Loss).epsilon(1e-5)


def play(seed: int, watch: Callable[[str], None]) -> Outcome:
    """Play all of it, and return what happened. Raises what goes wrong: nothing here is made up."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="sheaf-private-") as root:
        watch("starting the embedded chain, publishing the clinic's manifests")
        clinic = Clinic.build(seed, Path(root))
        counts = clinic.publish("statistics", NOISE.format(each=0.5, total=1, method="query"), 5)
        lessons = clinic.publish("trusted-train", NOISE.format(each=3, total=3, method="train"), 20)
        asked = order_computation(
            clinic.buyer, counts, Computation("query", parameters=json.dumps({"sql": SQL}))
        )
        taught = order_computation(clinic.buyer, lessons, Computation("train", parameters=json.dumps(LESSON)))
        watch("the provider counts and trains, with noise, under a budget")
        clinic.work([counts, lessons], False)
        statistic, model = clinic.bought(asked), clinic.bought(taught)
        model = msgspec.structs.replace(model, answer={"accuracy": _accuracy(model.answer, seed)})
        income = sum(terms.claim_income(clinic.owner, number) for number in (counts, lessons))
        watch("an attacker tries to carry the data out")
        attempts = _attack(clinic, counts, lessons)
        watch("five owners train together on digits")
        together = train_together(Path(root), seed)
    return Outcome(statistic, model, income, attempts, together, round(time.perf_counter() - started, 2))


def tumours(seed: int) -> tuple[Any, list[str]]:
    """Return the 569 tumours in an order drawn from `seed`: six mean measures each, shape (569, 6), and the diagnoses."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    places = [list(data.feature_names).index(f"mean {name}") for name in FEATURES]
    order = np.random.default_rng(seed).permutation(len(data.target))
    return data.data[order][:, places], [str(data.target_names[data.target[i]]) for i in order]


def _accuracy(answer: dict[str, Any], seed: int) -> float:
    """Return the share of the buyer's own 169 tumours that the bought model, a logistic one, tells right."""
    import base64

    weights = {
        name: np.frombuffer(base64.b64decode(data), "<f4").reshape(shape)
        for name, (shape, data) in answer["weights"].items()
    }
    rows, labels = tumours(seed)
    middle = np.array(list(BOUNDS.values())) / 2
    scores = ((rows[400:] - middle) / middle) @ weights["0.weight"].T + weights["0.bias"]
    told = np.array(["benign", "malignant"])[scores.argmax(axis=1)]
    return round(float((told == np.array(labels[400:])).mean()), 4)


def _attack(clinic: Clinic, counts: int, lessons: int) -> Attempts:
    """Try what an attacker would: an open policy, own code, code that somebody approved, and the same question again and again."""
    thief, held = clinic.thief, actions.balances(clinic.thief).tokens
    try:
        clinic.publish("open", "", 1, with_person=False)
        open_policy = "taken"
    except SpecificationError as error:
        open_policy = str(error)
    unapproved, sent = _unapproved(clinic, lessons)
    whole = Computation("query", parameters=json.dumps({"sql": "SELECT mean(radius) FROM data"}))
    again = [order_computation(thief, counts, whole) for _ in range(6)]
    clinic.work([counts, lessons], False)
    states = [orders.show_order(thief, number).state for number in (*again, sent)]
    came = [
        orders.refund_order(thief, number)
        for number, state in zip((*again, sent), states, strict=True)
        if state == "placed"
    ]
    answered = states[:-1].count("settled")
    bits, whole_table = _approved(clinic)
    spent = held - actions.balances(thief).tokens
    bits_in_data = 8 * (clinic.folder / "tumours.csv").stat().st_size
    code_price = 0 if bits is None else 11 * WAD
    is_back = spent == answered * 6 * WAD + code_price and len(came) == len(states) - answered
    return Attempts(
        open_policy, unapproved, states[-1], whole_table, bits, bits_in_data, len(again), answered, is_back
    )


def _unapproved(clinic: Clinic, lessons: int) -> tuple[str, int]:
    """Order a program where only our methods run: once as the client lets one, once past it, straight to chain and mailbox."""
    thief = clinic.thief
    try:
        order_computation(thief, lessons, Computation(program=THIEF))
        refusal = "taken"
    except Refused as error:
        refusal = str(error)
    from sheaf.actions.datasets.find import show_dataset

    algorithm = hashlib.sha256(THIEF).hexdigest()
    cid = str(show_dataset(thief, lessons).cid)
    document = Order(1, thief.account, cid, algorithm, "research", 1, THIEF)
    sealed = msgspec.msgpack.encode(placed.Sealed(document.document, THIEF))
    mail.send(thief, placed.ORDERS, document.digest.hex(), sealed, [clinic.provider.account])
    return refusal, int(orders.order_use(thief, lessons, orders.Wish("trusted-train", document.document)))


def _approved(clinic: Clinic) -> tuple[float | None, str]:
    """Run the thief's program where an owner approved it by mistake; return the policy's bits and what its whole table came to."""
    try:
        sandbox()[0].check()
    except SandboxError as error:
        return None, f"not tried: {error}"
    approved = f'algorithms = ["{hashlib.sha256(THIEF).hexdigest()}"]'
    number = clinic.publish("approved-code", approved, 10, with_person=False)
    made = order_computation(clinic.thief, number, Computation(program=THIEF, parameters='{"whole": true}'))
    clinic.work([number], True)
    found = open_result(clinic.thief, made)
    from sheaf.actions.datasets.find import manifest_of

    return placed.policy_of(manifest_of(clinic.owner, number)).bits.total, found.output.decode()


def train_together(root: Path, seed: int, owners: int = 5, rounds: int = 20) -> Together:
    """Let owners of a fifth of 1,400 digits each train one model, by sums that nobody can take apart; 397 digits are held out."""
    from sheaf.actions.train import coordinate, join, show_identity
    from sheaf.actions.train.learner import first_model, read_learner
    from sheaf.actions.train.plan import read_plan
    from sheaf.cli.demo.digits import load

    pixels, digits = load(seed)
    names = [f"clinic-{number + 1}" for number in range(owners)]
    parts = dict(
        zip(
            (*names, "held-out"),
            np.split(np.arange(1797), [280 * (i + 1) for i in range(owners)]),
            strict=True,
        )
    )
    for name, part in parts.items():
        rows = [",".join(map(str, [*pixels[i], digits[i]])) for i in part]
        head = ",".join([*(f"p{place:02}" for place in range(64)), "digit"])
        (root / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n")
    plan = read_plan({
        "name": "digits", "coordinator": show_identity(root / "coordinator"), "label": "digit", "features": 64, "classes": 10,
        "rounds": rounds, "minimum": owners - 1, "scale": 16.0, "clip": 2.0, "phase_seconds": 30.0,
        "owners": [{"name": name, "key": show_identity(root / name)} for name in names],
    })  # fmt: skip
    threads: list[threading.Thread] = []

    def heard(event: str, told: dict[str, Any]) -> None:
        if event != "listening":
            return
        for name in names:
            given = (plan, root / f"{name}.csv", root / name)
            address = {"address": ("127.0.0.1", told["port"])}
            threads.append(threading.Thread(target=join, args=given, kwargs=address, daemon=True))
            threads[-1].start()

    report = coordinate(
        plan, root / "coordinator", held_out=root / "held-out.csv", on_event=heard, wait_seconds=60
    )
    for thread in threads:
        thread.join(10)
    held_out, own = (read_learner(plan, root / f"{name}.csv") for name in ("held-out", names[0]))
    alone = first_model(plan)
    for _ in range(rounds):
        alone = alone + own.change(alone)
    assert report.accuracy is not None
    gains = {name: round(gain, 4) for name, gain in report.contributions.items()}
    return Together(
        owners, report.rounds, round(report.accuracy, 4), round(held_out.accuracy(alone), 4), gains
    )

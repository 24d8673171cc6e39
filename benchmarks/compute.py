"""Computing where the data lie: what the sandbox costs, and how many bits an attacker's program carries out under each class of policy.

    python -m benchmarks.compute --json [--seeds N]

The attacker knows the policy, has had his program approved by mistake, and uses every way there is: levels of numbers, digits below
the step, order and spaces of the text, failing, the log, and when the answer comes. What arrives is counted at the buyer's end, bit by bit.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.report import Figure, Options, main
from sheaf.actions.compute.methods import BudgetedMethods
from sheaf.domain.job import Ending, Job, Limits
from sheaf.domain.order import FAILED_OUTPUT, Order
from sheaf.domain.policy import FieldRule, OutputField, Policy, Release, Showing
from sheaf.domain.ports import Sandbox
from sheaf.nodes.compute.memory_orders import MemoryOrders
from sheaf.nodes.compute.provider import Holding, Means, Provider, released_at
from sheaf.nodes.compute.queue import Queue
from sheaf.nodes.compute.workplace import Workplace
from sheaf.privacy.ledger import Ledger
from sheaf.sandbox.bubblewrap import Bubblewrap
from sheaf.sandbox.gvisor import Gvisor
from sheaf.sandbox.unconfined import Unconfined

STARTS, PAIRS, MOMENTS = 15, 5, 12
SECRET_BITS = 65_536
LIMITS = Limits(wall_seconds=30, output_bytes=1 << 20)
FIELDS = {"secret": FieldRule(Showing.DISCLOSED)}
WEIGHTS, LEVELS = 650, 256  # a linear model of digits, in bytes
NOTHING = "def compute(folder, parameters): return 1"
TRAINING = """
import pyarrow.parquet as pq, numpy as np
def compute(folder, parameters):
    table = pq.read_table(folder + "/data.parquet")
    x = np.array(table["x"].to_pylist()); y = table["y"].to_numpy()
    weights = np.zeros((x.shape[1], 10)); truth = np.eye(10)[y]
    for _ in range(parameters["rounds"]):
        scores = x @ weights; scores -= scores.max(1, keepdims=True)
        chance = np.exp(scores); chance /= chance.sum(1, keepdims=True)
        weights += 0.1 / len(x) * x.T @ (truth - chance)
    return {"accuracy": float((np.argmax(x @ weights, 1) == y).mean())}
"""
# Writes the secret wherever it may stand; what of it arrives is the policy's business.
ATTACK = """
import json, sys
import pyarrow.parquet as pq
def compute(folder, parameters):
    bits = pq.read_table(folder + "/data.parquet")["secret"].to_pylist()
    print("".join(map(str, bits)))
    way, levels, count = parameters["way"], parameters["levels"], parameters["count"]
    if way == "bytes":
        return bytes(int("".join(map(str, bits[i:i + 8])), 2) for i in range(0, 8 * parameters["bytes"], 8))
    if way == "failing":
        if bits[0]: raise ValueError(bits)
        return {"weights": [0] * count}
    width = levels.bit_length() - 1
    places = [int("".join(map(str, bits[i:i + width])), 2) for i in range(0, width * count, width)]
    if way == "levels":
        return {"weights": places}
    rest = "".join(map(str, bits[width * count:]))
    if way == "digits":
        return {"weights": [place + int(rest[30 * i:30 * i + 30] or "0", 2) / 2**31 * .4 for i, place in enumerate(places)]}
    spaces = "".join(" " if bit == "1" else "\\t" for bit in rest[:60000])
    return ("{" + spaces + '"weights": ' + json.dumps(places) + "}").encode()
"""
SLEEPER = "import time\ndef compute(folder, parameters):\n    time.sleep(parameters['seconds'])\n    return 1"


class Inline(Executor):
    """Runs what is submitted at once."""

    def submit(self, work: Any, /, *given: Any, **named: Any) -> Future[Any]:
        """Run `work`."""
        done: Future[Any] = Future()
        done.set_result(work(*given, **named))
        return done


@contextmanager
def folder(program: str, table: pa.Table | None = None) -> Iterator[str]:
    """Yield a job's folder with `program` and `table`."""
    with tempfile.TemporaryDirectory(prefix="sheaf-bench-") as place:
        Path(place).chmod(0o755)
        Path(place, "program.py").write_text(program)
        if table is not None:
            pq.write_table(table, Path(place, "data.parquet"))
        yield place


def seconds(sandbox: Sandbox, place: str, parameters: object) -> float:
    """Return how long a job takes, from asking for it to having its output."""
    start = time.perf_counter()
    outcome = sandbox.run(Job(place, "program.py", json.dumps(parameters), LIMITS))
    assert outcome.ending is Ending.FINISHED, outcome.log
    return time.perf_counter() - start


def costs(tiers: Sequence[Sandbox]) -> list[Figure]:
    """Measure a start in every tier, and a training of some seconds inside over the same outside, in turns."""
    from sklearn.datasets import load_digits

    plain = Unconfined()
    with folder(NOTHING) as place:
        starts = {one.name: [seconds(one, place, {}) for _ in range(STARTS)] for one in (*tiers, plain)}
    digits = load_digits()
    table = pa.table({"x": list(np.tile(digits.data / 16, (4, 1))), "y": np.tile(digits.target, 4)})
    with folder(TRAINING, table) as place:
        given = {"rounds": 100}
        turns = [[seconds(one, place, given) for one in (*tiers, plain)] for _ in range(PAIRS)]
    *inside, outside = (statistics.median(one) for one in zip(*turns, strict=True))
    nothing, same = "a job that does nothing, Python and all", "the same job without a sandbox"
    figures = []
    for tier, trained in zip(tiers, inside, strict=True):
        # The first tier is what is promised; the second costs what a kernel of its own costs.
        is_first = tier.name == Bubblewrap.name
        mark, limit, target = ("", 0.3, 1.10) if is_first else (f"_{tier.name}", None, None)
        took = starts[tier.name]
        figures += [
            Figure(f"start{mark}", statistics.median(took), "s", limit=limit, against=nothing),
            Figure(f"start_slowest{mark}", max(took), "s", limit=limit, against=nothing),
            Figure(f"training{mark}", trained, "s", peer=outside, against=same, target=target),
        ]
    return [*figures, Figure("start_without_sandbox", statistics.median(starts[plain.name]), "s")]


def asked(
    sandbox: Sandbox, policy: Policy, table: pa.Table, program: str, parameters: object
) -> tuple[str, bytes]:
    """Order `program` of a provider under `policy`; return the order's state and the bytes that its buyer got."""
    source = program.encode()
    name = hashlib.sha256(source).hexdigest()
    listed = replace(policy, algorithms=(name,)) if policy.release is Release.APPROVED_CODE else policy
    with tempfile.TemporaryDirectory(prefix="sheaf-bench-") as place:
        root, orders, now = Path(place), MemoryOrders(), [0.0]
        methods = BudgetedMethods(Ledger(root / "budgets"))
        means = Means(orders, sandbox, methods, Queue(root / "queue"), Workplace(root / "work", 1 << 28), "e")
        provider = Provider(
            means, {"data": Holding(listed, table.num_rows, lambda: table)}, Inline(), lambda: now[0]
        )
        orders.place(Order(1, "buyer", "data", name, "research", 10**6, source, json.dumps(parameters)))
        for _ in range(3):
            provider.tick()
            now[0] += LIMITS.wall_seconds
        means.queue.close()
        return orders.states[1], orders.handed[1][0] if 1 in orders.handed else b""


def arrived(secret: Sequence[int], output: bytes, levels: int) -> float:
    """Return how many bits of the secret the buyer has in his hands, beyond what guessing gives, read in every way that was written."""
    if output == FAILED_OUTPUT or not output:
        return 0.0
    width = levels.bit_length() - 1
    try:
        document = json.loads(output)
        numbers = document["weights"]
        read = "".join(f"{math.floor(one):0{width}b}" for one in numbers)
        rests = [round((one - math.floor(one)) / 0.4 * 2**31) for one in numbers]
        if any(rests):
            read += "".join(f"{one:030b}" for one in rests)
        read += "".join("1" if mark == " " else "0" for mark in output.decode()[1:].partition('"')[0])
    except (ValueError, TypeError, KeyError):
        read = "".join(f"{byte:08b}" for byte in output)
    right = sum(int(bit) == truth for bit, truth in zip(read, secret, strict=False))
    count = min(len(read), len(secret))
    return max(0.0, 2 * right - count)


def carried(sandbox: Sandbox, options: Options) -> list[Figure]:
    """Let the attacker loose on each class, and count what arrives against what the policy says."""
    weights = OutputField("weights", "number", 0.0, LEVELS - 1.0, 1.0, WEIGHTS)
    approved = Policy(Release.APPROVED_CODE, True, FIELDS, ("research",), output=(weights,), limits=LIMITS)
    narrow = replace(approved, output=(OutputField("weights", "number", 0.0, 1.0, 1.0, 1),))
    open_ = Policy(Release.OPEN, False, FIELDS, ("research",), limits=replace(LIMITS, output_bytes=4096))
    noisy = Policy(Release.STATISTICS, True, FIELDS, ("research",), methods=("count",), epsilon=1.0)
    classes = {
        "approved_model": (approved, LEVELS, WEIGHTS),
        "approved_yes_or_no": (narrow, 2, 1),
        "open": (open_, LEVELS, WEIGHTS),
        "statistics": (noisy, LEVELS, WEIGHTS),
        "trusted_train": (replace(noisy, release=Release.TRUSTED_TRAIN, delta=1e-6), LEVELS, WEIGHTS),
    }
    worst: dict[str, float] = dict.fromkeys(classes, 0.0)
    unheld = 0.0
    for seed in range(options.seeds):
        secret = np.random.default_rng(seed).integers(0, 2, SECRET_BITS).tolist()
        table = pa.table({"secret": secret})
        for name, (policy, levels, count) in classes.items():
            for way in ("levels", "digits", "text", "bytes"):
                given = {"way": way, "levels": levels, "count": count, "bytes": policy.limits.output_bytes}
                given["bytes"] = min(4096, given["bytes"])
                _, output = asked(sandbox, policy, table, ATTACK, given)
                worst[name] = max(worst[name], arrived(secret, output, levels))
        with folder(ATTACK, table) as place:
            given = {"way": "text", "levels": LEVELS, "count": WEIGHTS, "bytes": 0}
            raw = sandbox.run(Job(place, "program.py", json.dumps(given), LIMITS)).output
            unheld = max(unheld, arrived(secret, raw, LEVELS))
    figures = [
        Figure(
            f"carried_{name}",
            worst[name],
            "bits",
            limit=policy.bits.total if not policy.has_noise else None,
            against="the policy's cap",
        )
        for name, (policy, _, _) in classes.items()
    ]
    return [*figures, Figure("carried_without_a_policy", unheld, "bits")]


def spoken(sandbox: Sandbox) -> list[Figure]:
    """Let a program speak by when it ends: bits between what it says and when its answer leaves."""
    figures = []
    policy = Policy(Release.OPEN, False, FIELDS, ("research",), limits=replace(LIMITS, wall_seconds=4))
    with folder(SLEEPER) as place:
        said = list(itertools.islice(itertools.cycle((0.0, 0.5, 1.0, 1.5)), MOMENTS))
        took = [seconds(sandbox, place, {"seconds": one}) for one in said]
    for times in (1, 2, 4):
        held = replace(policy, release_times=times)
        heard = [released_at(0.0, one, held) for one in took]
        figures.append(
            Figure(
                f"spoken_by_time_{times}",
                mutual_bits(said, heard),
                "bits",
                limit=held.bits.timing or 1e-9,
                against=f"{times} moments",
            )
        )
    return [
        *figures,
        Figure("spoken_by_time_without_a_policy", mutual_bits(said, [round(one, 1) for one in took]), "bits"),
    ]


def mutual_bits(said: Sequence[float], heard: Sequence[float]) -> float:
    """Return the mutual information of two series, in bits, by counting."""
    total = len(said)
    pairs, left, right = Counter(zip(said, heard, strict=True)), Counter(said), Counter(heard)
    return abs(sum(n / total * math.log2(n * total / (left[a] * right[b])) for (a, b), n in pairs.items()))


def failing(sandbox: Sandbox, options: Options) -> list[Figure]:
    """Count how many different things a buyer can see of failures: one, whatever the reason."""
    weights = OutputField("weights", "number", 0.0, 1.0, 1.0, 4)
    policy = Policy(Release.APPROVED_CODE, True, FIELDS, ("research",), output=(weights,), limits=LIMITS)
    given = {"way": "failing", "levels": 2, "count": 4, "bytes": 0}
    seen = set()
    for bit in (0, 1):
        table = pa.table({"secret": [bit] * 64})
        seen.add(asked(sandbox, policy, table, ATTACK, given))
    return [
        Figure(
            "spoken_by_failing",
            math.log2(len(seen)),
            "bits",
            limit=policy.bits.ending,
            against="the policy's cap",
        )
    ]


def measure(options: Options) -> list[Figure]:
    """Measure costs first, of the second tier too where it is installed, then what gets out."""
    sandbox = Bubblewrap()
    sandbox.check()
    tiers: list[Sandbox] = [sandbox]
    if shutil.which(Gvisor.program):
        tiers.append(Gvisor())
        tiers[-1].check()
    return [*costs(tiers), *carried(sandbox, options), *spoken(sandbox), *failing(sandbox, options)]


if __name__ == "__main__":
    main("compute", measure, seeds=2)

"""Secure aggregation of 1,000 clients × 100,000 numbers with a tenth dropping out, beside Flower's SecAgg+ on as many neighbours.

Times are processor time of one thread. Every client runs the whole protocol in this process; the peer is one client of SecAgg+
(flwr, where it is installed) with as many neighbours as ours has holders, that is half of those with whom ours has masks. `attack`
lets a coordinator replace the neighbours of one client by keys of its own, and counts the numbers of the update that it recovers.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from benchmarks.report import Figure, Options, main
from sheaf.domain.errors import IntegrityError
from sheaf.privacy.secure_aggregation import Client, Server, Terms, choose_graph
from sheaf.privacy.secure_aggregation.keys import signed_part
from sheaf.privacy.secure_aggregation.messages import Advertisement, Introduction, pack

CLIENTS, LENGTH, DROPPED = 1000, 100_000, 10
STEPS = ("advertise", "share", "mask", "endorse", "reveal")
ATTACKED = 1000


def measure(options: Options) -> list[Figure]:
    """Run the round with each seed; client times and errors are the worst of all seeds, the attack runs once."""
    runs = [round_of(CLIENTS, LENGTH, seed) for seed in range(options.seeds)]
    client = max(float(np.mean(run["client"])) for run in runs)
    slowest = max(float(np.percentile(run["client"], 99)) for run in runs)
    degree = choose_graph(CLIENTS).degree
    peer = peer_client(degree)
    figures = [
        Figure("client", client * 1e3, "ms", limit=50, against="mean of those who finish, 1,000 × 100k"),
        Figure("client, 99th percentile", slowest * 1e3, "ms", limit=50, against="the same"),
        Figure("server", max(run["server"] for run in runs), "s"),
        Figure("sum error", max(run["error"] for run in runs), "", limit=1e-3, against="largest of all numbers"),
        Figure(
            "recovered", min(run["recovered"] for run in runs), "", limit=1.0, better="higher",
            against="rounds whose sum is whole with every tenth client gone",
        ),
        Figure("uploaded", runs[0]["uploaded"] / 2**10, "KiB", limit=LENGTH * 4 / 2**10, against="plain 32-bit numbers", target=1.1),
        Figure("attack: numbers recovered", float(attack()), "", limit=1.0, against="any of 1,000", target=0.0),
    ]  # fmt: skip
    if peer is not None:
        seconds, recovered = peer
        figures.append(
            Figure(
                "client beside SecAgg+",
                client * 1e3,
                "ms",
                peer=seconds * 1e3,
                against="flwr 1.41, half the masks",
            )
        )
        figures.append(Figure("attack on SecAgg+: numbers recovered", recovered, ""))
    return figures


def identities(count: int) -> tuple[list[Ed25519PrivateKey], tuple[bytes, ...]]:
    """Return keys and the roster of their public halves."""
    owned = [Ed25519PrivateKey.generate() for _ in range(count)]
    return owned, tuple(one.public_key().public_bytes_raw() for one in owned)


def round_of(count: int, length: int, seed: int) -> dict[str, Any]:
    """Run one round in which every tenth client drops out after it gave its shares, and return what it cost."""
    random = np.random.default_rng(seed)
    owned, roster = identities(count)
    terms = Terms("benchmark", seed, roster, length, choose_graph(count), minimum=math.ceil(0.8 * count))
    clients, server = [Client(terms, one) for one in owned], Server(terms)
    gone = set(random.choice(count, count // DROPPED, replace=False).tolist())
    expected = np.zeros(length)
    spent, served, uploaded = np.zeros(count), 0.0, 0
    letters: dict[int, bytes] = dict.fromkeys(range(count), b"")
    for step in STEPS:
        if step == "mask":
            letters = {index: letter for index, letter in letters.items() if index not in gone}
        for index, letter in letters.items():
            given: tuple[Any, ...] = () if step == "advertise" else (letter,)
            if step == "mask":
                update = random.uniform(-1, 1, length).astype(np.float32)
                expected += update
                given = (letter, update)
            cost, message = timed(getattr(clients[index], step), *given)
            spent[index] += cost
            uploaded += len(message)
            served += timed(server.receive, index, message)[0]
        cost, letters = timed(server.close)
        served += cost
    assert server.result is not None
    error = float(np.abs(server.result - expected).max())
    stayed = [index for index in range(count) if index not in gone]
    whole = sorted(server.survivors) == stayed and error <= terms.error_bound
    return {
        "client": spent[stayed], "server": served, "error": error, "recovered": float(whole), "uploaded": uploaded / len(stayed),
    }  # fmt: skip


def timed(work: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    """Return the processor seconds of a call and what it returned."""
    start = time.process_time()
    answer = work(*given)
    return time.process_time() - start, answer


def attack() -> int:
    """Show one client neighbours whose keys are the coordinator's: how many numbers of its update can the coordinator compute?

    It signs with keys of its own, as it has no other. The client's refusal leaves it with nothing to compute from.
    """
    owned, roster = identities(5)
    terms = Terms("attack", 0, roster, ATTACKED, choose_graph(5, 0.0, 0.2), minimum=4)
    victim = Client(terms, owned[0])
    victim.advertise()
    fakes = []
    for index in range(1, 5):
        public, holders = coordinator_key(), tuple(i for i in range(5) if i != index)
        one = Advertisement(index, public, coordinator_key(), coordinator_key(), holders, b"")
        signature = Ed25519PrivateKey.generate().sign(signed_part(terms.context, one))
        fakes.append(Advertisement(index, public, one.mask_key, one.seed_hash, holders, signature))
    try:
        victim.share(pack(Introduction(tuple(fakes))))
    except IntegrityError:
        return 0
    return ATTACKED


def coordinator_key() -> bytes:
    """Return an X25519 public key of the coordinator's own."""
    return X25519PrivateKey.generate().public_key().public_bytes_raw()


def peer_client(neighbours: int) -> tuple[float, float] | None:
    """Return the seconds of one client of Flower's SecAgg+ and how many of 1,000 numbers its coordinator recovers; None without flwr."""
    try:
        mod = importlib.import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")
        from flwr.common.secure_aggregation.secaggplus_constants import Key
    except ImportError:
        return None
    spent, _ = _secaggplus(mod, Key, neighbours, LENGTH)
    recovered = _secaggplus(mod, Key, 4, ATTACKED)[1]
    return spent, float(recovered)


def _secaggplus(mod: Any, key: Any, neighbours: int, length: int) -> tuple[float, int]:
    """Run one client of SecAgg+ among neighbours whose keys the coordinator made; return its seconds and what is recovered."""
    from flwr.common import bytes_to_ndarray, ndarrays_to_parameters
    from flwr.common.secure_aggregation.crypto.shamir import combine_shares
    from flwr.common.secure_aggregation.quantization import quantize

    count, target, modulus = neighbours + 1, 2**22, 2**32
    state = mod.SecAggPlusState()
    state.nid = 0
    configs = {
        key.SAMPLE_NUMBER: count, key.SHARE_NUMBER: count, key.THRESHOLD: count * 2 // 3 + 1, key.CLIPPING_RANGE: 1.0,
        key.TARGET_RANGE: target, key.MOD_RANGE: modulus, key.MAX_WEIGHT: 1.0,
    }  # fmt: skip
    spent, own = timed(mod._setup, state, configs)
    made = {index: (mod.generate_key_pairs(), mod.generate_key_pairs()) for index in range(1, count)}
    public = {"0": [own[key.PUBLIC_KEY_1], own[key.PUBLIC_KEY_2]]}
    for index, (one, two) in made.items():
        public[str(index)] = [mod.public_key_to_bytes(one[1]), mod.public_key_to_bytes(two[1])]
    cost, shared = timed(mod._share_keys, state, public)
    spent += cost
    sealed = [
        mod.encrypt(
            mod.generate_shared_key(made[index][1][0], mod.bytes_to_public_key(state.pk2)),
            mod.share_keys_plaintext_concat(index, 0, bytes(52), bytes(52)),
        )
        for index in made
    ]
    update = np.random.default_rng(0).uniform(-1, 1, length)
    delivered = {key.CIPHERTEXT_LIST: sealed, key.SOURCE_LIST: list(made)}
    cost, answer = timed(mod._collect_masked_vectors, state, delivered, 1, ndarrays_to_parameters([update]))
    spent += cost
    masked = [bytes_to_ndarray(part) for part in answer[key.MASKED_PARAMETERS]][1]
    unmasked: NDArray[Any] = masked.astype(np.int64)
    shapes = [(1,), (length,)]
    for index, (one, _two) in made.items():
        seed = mod.generate_shared_key(one[0], mod.bytes_to_public_key(state.pk1))
        mask = mod.pseudo_rand_gen(seed, modulus, shapes)[1]
        unmasked = unmasked + mask if index > 0 else unmasked - mask
    opened = [
        mod.decrypt(mod.generate_shared_key(made[index][1][0], mod.bytes_to_public_key(state.pk2)), letter)
        for index, letter in zip(shared[key.DESTINATION_LIST], shared[key.CIPHERTEXT_LIST], strict=True)
    ]
    seed = combine_shares([mod.share_keys_plaintext_separate(plain)[2] for plain in opened])
    unmasked = (unmasked - mod.pseudo_rand_gen(seed, modulus, shapes)[1]) % modulus
    expected = quantize([update], 1.0, target)[0]
    return spent, int((np.abs(unmasked - expected) <= 1).sum())


if __name__ == "__main__":
    main("secure_aggregation", measure, seeds=1)

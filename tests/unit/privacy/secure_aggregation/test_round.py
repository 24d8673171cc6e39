"""An honest coordinator gets the sum of those who survived, and nothing else is needed."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.domain.errors import InputError, IntegrityError, Refused
from sheaf.privacy.secure_aggregation import Client, Graph, Terms, choose_graph, masks, sharing
from sheaf.privacy.secure_aggregation.client import PHASES
from sheaf.privacy.secure_aggregation.messages import Reveal, Sealed, pack, unpack
from sheaf.privacy.secure_aggregation.terms import complete_graph
from tests.mocks.aggregation import LENGTH, Round


@pytest.mark.parametrize("bits", [32, 64])
def test_sum_is_the_plain_sum(bits: int) -> None:
    """All there: every number of the sum is that of the plain sum, within the stated error."""
    held = Round(bits=bits)
    error = np.abs(held.play() - held.updates.sum(axis=0))
    assert error.max() <= held.terms.error_bound < 1e-6


@pytest.mark.parametrize("phase", PHASES[:-1])
def test_a_dropout_is_recovered(phase: str) -> None:
    """Whoever drops out before its update came is left out of the sum; whoever drops out later is in it."""
    held = Round()
    total = held.play(absent={2: phase})
    survivors = [0, 1, 3, 4] if phase in PHASES[:3] else [0, 1, 2, 3, 4]
    assert sorted(held.server.survivors) == survivors
    assert np.abs(total - held.updates[survivors].sum(axis=0)).max() <= held.terms.error_bound


def test_sparse_graph_recovers_a_tenth() -> None:
    """With eighteen holders each among forty clients, four dropouts in different phases leave the sum of the survivors whole."""
    held = Round(40, dropped=8, graph=Graph(18, 10))
    total = held.play(absent={3: "share", 7: "mask", 20: "endorse", 31: "reveal"})
    survivors = sorted(held.server.survivors)
    assert survivors == [index for index in range(40) if index not in (3, 7)]
    assert np.abs(total - held.updates[survivors].sum(axis=0)).max() <= held.terms.error_bound


def test_too_many_dropouts_end_the_round() -> None:
    """With fewer survivors than the terms ask for the server opens nothing and says why."""
    held = Round()
    with pytest.raises(Refused, match="3 of 5 clients are left, 4 are needed: repeat the round"):
        held.play(absent={0: "mask", 1: "mask"})


def test_a_masked_update_tells_nothing() -> None:
    """The same update masked in two rounds has no word in common, and its bits are as random as coins."""
    seen = []
    for number in (0, 1):
        held = Round(number=number).until("mask")
        message = held.answer(0, held.letters[0])
        seen.append(np.frombuffer(message[-LENGTH * 4 - 200 :][: LENGTH * 4], np.uint8))
    assert (seen[0] != seen[1]).mean() > 0.9


def test_wrong_shares_are_left_out() -> None:
    """One holder who gives wrong shares cannot spoil the sum where the others suffice."""
    held = Round(7, dropped=2).until("reveal")
    for index in range(1, 7):
        held.server.receive(index, held.answer(index, held.letters[index]))
    honest = unpack(held.answer(0, held.letters[0]), Reveal)
    held.server.receive(0, pack(Reveal(tuple(Sealed(one.index, bytes(33)) for one in honest.shares))))
    held.server.close()
    assert np.abs(held.server.result - held.updates.sum(axis=0)).max() <= held.terms.error_bound


def test_a_bad_message_leaves_the_server_as_it_was() -> None:
    """Garbage from a client is refused in one line; the same client may still send what is right."""
    held = Round()
    with pytest.raises(IntegrityError, match="advertisement: cannot be read"):
        held.server.receive(0, b"\xff garbage")
    with pytest.raises(IntegrityError, match="give bytes"):
        held.server.receive(0, None)  # type: ignore[arg-type]
    other = held.clients[1].advertise()
    with pytest.raises(IntegrityError, match="wrong index or holders"):
        held.server.receive(0, other)
    held.server.receive(0, held.clients[0].advertise())
    with pytest.raises(Refused, match="client 0 has answered"):
        held.server.receive(0, other)
    assert held.server.missing() == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("update", "said"),
    [
        (np.full(LENGTH, np.nan), "clip numbers"),
        (np.full(LENGTH, 1.5), "clip numbers to ±1.0"),
        (np.zeros(LENGTH + 1), "give 40 numbers"),
        (np.zeros((LENGTH, 1)), "give 40 numbers"),
        (np.array(["a"] * LENGTH), "give 40 numbers"),
        (np.zeros(0), "give 40 numbers"),
    ],
)
def test_updates_that_cannot_be_taken(update: np.ndarray, said: str) -> None:
    """An update of another shape, with NaN or beyond the bound is refused by the client, which may give another one."""
    held = Round().until("mask")
    with pytest.raises(InputError, match=said):
        held.clients[0].mask(held.letters[0], update)
    assert held.clients[0].mask(held.letters[0], np.zeros(LENGTH))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"roster": ()}, "roster: 0 clients: give 2"),
        ({"roster": (b"k" * 32, b"k" * 32, b"l" * 32)}, "the same key twice"),
        ({"roster": (b"k" * 31, b"l" * 32, b"m" * 32)}, "not 32 bytes"),
        ({"graph": Graph(5, 3)}, "degree: 5: give 1 to 4"),
        ({"graph": Graph(4, 2)}, "threshold: 2: give more than half"),
        ({"minimum": 3}, "minimum: 3: give more survivors"),
        ({"minimum": 6}, "minimum: 6"),
        ({"length": 0}, "length: 0"),
        ({"bits": 16}, "bits: 16: give 32 or 64"),
        ({"bound": float("nan")}, "bound: nan"),
        ({"bound": -1.0}, "bound: -1.0"),
        ({"round_number": -1}, "round"),
    ],
)
def test_unsafe_terms_are_refused(change: dict, said: str) -> None:
    """Terms under which the protocol would not be safe cannot be made."""
    with pytest.raises(InputError, match=said):
        dataclasses.replace(Round().terms, **change)


def test_coarse_sums_are_refused() -> None:
    """More clients than 32 bits can carry to a thousandth are told to take 64."""
    roster = tuple(place.to_bytes(32, "big") for place in range(5000))
    terms = Terms("big", 0, roster, 10, Graph(100, 70), 4000, bits=64)
    assert terms.error_bound < 1e-6
    with pytest.raises(InputError, match="take 64"):
        dataclasses.replace(terms, bits=32)


def test_only_the_roster_takes_part() -> None:
    """Who is not in the roster has no part in the round."""
    with pytest.raises(InputError, match="not in the roster"):
        Client(Round().terms, Ed25519PrivateKey.generate())


def test_terms_have_one_context_each() -> None:
    """Terms that differ in anything have different contexts: nothing made for one is of use in the other."""
    terms = Round().terms
    others = [
        {"round_number": 1},
        {"attempt": 1},
        {"session": "x"},
        {"minimum": 5},
        {"bound": 2.0},
        {"bits": 64},
        {"length": 41},
    ]
    contexts = {dataclasses.replace(terms, **other).context for other in others} | {terms.context}
    assert len(contexts) == len(others) + 1


@settings(max_examples=25, deadline=None)
@given(secret=st.binary(min_size=32, max_size=32), threshold=st.integers(1, 6), extra=st.integers(0, 4))
def test_enough_shares_give_the_secret(secret: bytes, threshold: int, extra: int) -> None:
    """Any `threshold` shares give the secret back; one fewer gives something else."""
    points = [3 * place + 1 for place in range(threshold + extra)]
    shares = dict(zip(points, sharing.split(secret, points, threshold), strict=True))
    chosen = points[extra:]
    assert sharing.join({point: shares[point] for point in chosen}) == secret
    if threshold > 1:
        with contextlib.suppress(IntegrityError):
            assert sharing.join({point: shares[point] for point in chosen[1:]}) != secret


def test_sharing_refuses() -> None:
    """Short secrets, doubled points, too few shares and numbers beyond the field are refused."""
    for secret, points, threshold in (
        (b"short", [1, 2], 2),
        (bytes(32), [1, 1], 2),
        (bytes(32), [0, 1], 2),
        (bytes(32), [1], 2),
    ):
        with pytest.raises(InputError):
            sharing.split(secret, points, threshold)
    with pytest.raises(IntegrityError, match="no number of the field"):
        sharing.join({1: b"\xff" * 33, 2: bytes(33)})
    with pytest.raises(IntegrityError, match="1 of the 2 needed"):
        sharing.recover({1: bytes(33)}, 2, lambda secret: True)
    with pytest.raises(IntegrityError, match="no choice"):
        sharing.recover({1: bytes(33), 2: bytes(33)}, 2, lambda secret: False)


def test_a_mask_is_the_chacha20_stream() -> None:
    """The mask of a key of zeros is the keystream of RFC 8439, appendix A.1, first vector; taken away again nothing is left."""
    words = np.zeros(16, "<u4")
    masks.apply(words, bytes(32))
    assert (
        words.tobytes().hex().startswith("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7")
    )
    long = np.zeros(100_003, "<u8")
    masks.apply(long, b"s" * 32)
    masks.apply(long, b"s" * 32, is_added=False)
    assert not long.any()
    with pytest.raises(InputError, match="give 32 bytes"):
        masks.apply(words, b"short")


def test_derived_keys_are_of_hkdf() -> None:
    """Keys are derived as the library's own HKDF does."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    assert masks.derive(b"k" * 32, b"a", b"bc") == HKDF(SHA256(), 32, None, b"\x00\x01a\x00\x02bc").derive(
        b"k" * 32
    )


def test_graphs_keep_their_promise() -> None:
    """The graph of 1,000 clients bears 10 % corrupt and 10 % dropped ones: more than the mean by five deviations, each way."""
    graph = choose_graph(1000)
    deviation = (graph.degree * 0.1 * 0.9) ** 0.5
    assert 2 * graph.threshold - graph.degree > graph.degree * 0.1 + 5 * deviation
    assert graph.degree - graph.threshold > graph.degree * 0.1 + 4 * deviation
    assert graph.degree < 100
    assert choose_graph(5, 0.2, 0.2) == Graph(4, 3) == complete_graph(5, 1, 1)
    with pytest.raises(InputError, match="give 5 at least"):
        complete_graph(4, 1, 1)
    with pytest.raises(InputError, match="from 0 to below 1"):
        choose_graph(10, 1.0, 0.0)

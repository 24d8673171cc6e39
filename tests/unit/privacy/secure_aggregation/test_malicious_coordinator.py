"""A coordinator that does not keep to the protocol learns nothing, and the clients say what it did."""

from __future__ import annotations

import dataclasses
import itertools

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sheaf.domain.errors import IntegrityError, Refused
from sheaf.privacy.secure_aggregation import Client, Graph, keys
from sheaf.privacy.secure_aggregation.client import write_bitmap
from sheaf.privacy.secure_aggregation.messages import (
    Advertisement,
    Delivery,
    Endorsed,
    Endorsement,
    Endorsements,
    Introduction,
    Masked,
    Reveal,
    Sealed,
    Survivors,
    pack,
    unpack,
)
from tests.mocks.aggregation import Letters, Round

VICTIM = 0


def edited(letter: bytes, kind: type, **changes: object) -> bytes:
    return pack(msgspec.structs.replace(unpack(letter, kind), **changes))


def swapped(
    one: Advertisement, context: bytes, signer: Ed25519PrivateKey | None = None, **changes: object
) -> Advertisement:
    """`one` with keys of the coordinator's own, signed by `signer` if the coordinator has a key to sign with."""
    forged = msgspec.structs.replace(one, **changes)
    if signer:
        forged = msgspec.structs.replace(forged, signature=signer.sign(keys.signed_part(context, forged)))
    return forged


def fresh() -> bytes:
    return X25519PrivateKey.generate().public_key().public_bytes_raw()


@pytest.mark.parametrize("field", ["mask_key", "channel_key", "seed_hash"])
@pytest.mark.parametrize("signs", [False, True])
def test_swapped_keys(field: str, signs: bool) -> None:
    """Keys of the coordinator in place of a client's: its signature does not fit, even where the coordinator signs by a key of its own."""
    held = Round().until("share")
    signer = Ed25519PrivateKey.generate() if signs else None

    def swap(letters: Letters) -> Letters:
        introduced = unpack(letters[VICTIM], Introduction).advertisements
        forged = tuple(swapped(one, held.terms.context, signer, **{field: fresh()}) for one in introduced)
        return {**letters, VICTIM: pack(Introduction(forged))}

    held.play(interfere={"share": swap})
    assert "not signed by its key in the roster for this round" in held.reasons[VICTIM]
    assert VICTIM not in held.server.survivors and held.clients[VICTIM].aborted


@pytest.mark.parametrize("field", ["mask_key", "channel_key", "seed_hash"])
def test_swapped_keys_of_one_who_chose_me(field: str) -> None:
    """In a sparse graph the advertisements of those who chose a client are not verified by it: its tags show the swap all the same."""
    held = Round(12, dropped=4, graph=Graph(5, 3)).until("share")
    target, chooser = next(
        (one, other.index)
        for one in range(12)
        for other in unpack(held.letters[one], Introduction).advertisements
        if other.index not in held.clients[one].holders
    )
    introduced = unpack(held.letters[target], Introduction).advertisements
    forged = tuple(
        swapped(one, held.terms.context, **{field: fresh()}) if one.index == chooser else one
        for one in introduced
    )
    held.letters[target] = pack(Introduction(forged))
    held.step()
    while held.server.phase in ("mask", "endorse"):
        held.step()
    said = (
        "they do not open"
        if field == "channel_key"
        else "it has not masked with me under the keys that I know"
    )
    assert f"client {chooser}: {said}" in held.reasons[target]


def test_replayed_advertisements() -> None:
    """Advertisements of an earlier round are refused in the next: they are bound to their round."""
    before = Round(number=0)
    old = tuple(unpack(client.advertise(), Advertisement) for client in before.clients[1:])
    held = Round(number=1)
    held.clients[VICTIM].advertise()
    with pytest.raises(IntegrityError, match="keys were swapped or replayed"):
        held.clients[VICTIM].share(pack(Introduction(old)))


def test_replayed_shares_and_updates() -> None:
    """Shares of an earlier round do not open in another, and masked updates of it do not unmask."""
    before = Round(number=0).until("mask")
    held = Round(number=1).until("mask")
    stale = unpack(before.letters[VICTIM], Delivery)
    with pytest.raises(IntegrityError, match="they do not open: altered, replayed"):
        held.clients[VICTIM].mask(
            edited(held.letters[VICTIM], Delivery, sealed=stale.sealed), held.updates[VICTIM]
        )


@pytest.mark.parametrize("phase", ["share", "mask", "endorse", "reveal"])
def test_a_phase_is_answered_once(phase: str) -> None:
    """Asked again in a phase that it has answered, with the same letter or another, a client refuses."""
    held = Round().until(phase)
    letter = held.letters[VICTIM]
    held.answer(VICTIM, letter)
    again = {
        "share": held.clients[VICTIM].share,
        "mask": lambda data: held.clients[VICTIM].mask(data, held.updates[VICTIM]),
        "endorse": held.clients[VICTIM].endorse,
        "reveal": held.clients[VICTIM].reveal,
    }[phase]
    with pytest.raises(Refused, match="a phase is answered once"):
        again(letter)
    with pytest.raises(Refused, match="a phase is answered once"):
        held.clients[VICTIM].advertise()


def test_phases_cannot_be_skipped() -> None:
    """A client that is asked for its shares before it endorsed a survivor set gives none."""
    held = Round().until("endorse")
    with pytest.raises(Refused, match="this client is at endorse"):
        held.clients[VICTIM].reveal(pack(Endorsements(())))


def test_inconsistent_survivor_sets() -> None:
    """Half of the clients are shown a set without the victim, half the full set: nobody reveals a share."""
    held = Round(7, dropped=2).until("endorse")
    without = write_bitmap(set(range(7)) - {VICTIM}, 7)
    for index in (1, 2, 3):
        given = unpack(held.letters[index], Survivors)
        held.letters[index] = pack(Survivors(without, given.tags))
    answers = {index: held.answer(index, held.letters[index]) for index in range(7)}
    told: dict[int, list] = {index: [] for index in range(7)}
    for index, answer in answers.items():
        made = unpack(answer, Endorsement)
        for tag in made.tags:
            told[tag.index].append(Endorsed(index, made.digest, tag.data))
    for index in range(7):
        said = "was shown another set than I" if index > 3 else "client 0: no surviving holder of mine"
        said = "3 of my 6 holders endorsed" if index == VICTIM else said
        with pytest.raises(IntegrityError, match=said):
            held.clients[index].reveal(pack(Endorsements(tuple(told[index]))))


def test_inconsistent_sets_with_the_witnesses_withheld() -> None:
    """Where the coordinator withholds the endorsements that differ, too few are left, on either side."""
    held = Round(7, dropped=2).until("endorse")
    without = write_bitmap(set(range(7)) - {VICTIM}, 7)
    blind = {1, 2, 3}
    for index in blind:
        held.letters[index] = pack(Survivors(without, unpack(held.letters[index], Survivors).tags))
    made = {index: unpack(held.answer(index, held.letters[index]), Endorsement) for index in range(7)}
    for index in range(7):
        same = [other for other in range(7) if (other in blind) == (index in blind)]
        told = tuple(
            Endorsed(other, made[other].digest, tag.data)
            for other in same
            for tag in made[other].tags
            if tag.index == index
        )
        with pytest.raises(IntegrityError, match="of my 6 holders endorsed the survivor set: 4 are needed"):
            held.clients[index].reveal(pack(Endorsements(told)))


@pytest.mark.parametrize("corrupt", [0, 1])
def test_no_way_to_both_shares(corrupt: int) -> None:
    """However the coordinator splits honest holders between two sets, at most one of the victim's secrets comes together.

    By enumeration: of six holders, `corrupt` give both shares; each honest one gives the share that belongs to its own set.
    """
    graph = Round(7, dropped=2 if not corrupt else 1).terms.graph
    for split in itertools.product((True, False), repeat=6 - corrupt):
        seeds, mask_keys = sum(split) + corrupt, len(split) - sum(split) + corrupt
        assert not (seeds >= graph.threshold and mask_keys >= graph.threshold)


def test_both_shares_of_one_client() -> None:
    """A client asked for both shares gives one: what it reveals of each holder's client is one secret's share, never two."""
    held = Round().until("endorse")
    for index in range(5):
        held.server.receive(index, held.answer(index, held.letters[index]))
    held.letters = held.server.close()
    revealed = unpack(held.answer(1, held.letters[1]), Reveal).shares
    assert [one.index for one in revealed] == [0, 2, 3, 4]
    assert all(len(one.data) == 33 for one in revealed)
    assert held.clients[1].phase == "done"
    with pytest.raises(Refused):
        held.clients[1].reveal(held.letters[1])
    with pytest.raises(Refused):
        held.clients[1].endorse(pack(Survivors(write_bitmap({1, 2, 3, 4}, 5), ())))


def test_a_victim_alone_in_the_sum() -> None:
    """A survivor set of the victim and too few others is refused by everyone in it."""
    held = Round(7, dropped=2).until("endorse")
    alone = write_bitmap({VICTIM, 1}, 7)
    for index in (VICTIM, 1):
        letter = edited(held.letters[index], Survivors, bitmap=alone)
        with pytest.raises(IntegrityError, match="2, fewer than the agreed minimum 5"):
            held.clients[index].endorse(letter)


def test_a_client_left_out_opens_nothing() -> None:
    """Who is told that it dropped out, though it did not, gives no shares for the sum of the others."""
    held = Round().until("endorse")
    with pytest.raises(IntegrityError, match="I am left out"):
        held.clients[VICTIM].endorse(
            edited(held.letters[VICTIM], Survivors, bitmap=write_bitmap({1, 2, 3, 4}, 5))
        )


def test_neighbours_hidden_from_the_victim() -> None:
    """A victim told that only few shared their keys, so that the coordinator would know most of its masks, does not mask."""
    held = Round(7, dropped=2).until("mask")
    given = unpack(held.letters[VICTIM], Delivery)
    few = tuple(one for one in given.sharers if one in (1, 2))
    sealed = tuple(one for one in given.sealed if one.index in few)
    with pytest.raises(IntegrityError, match="2 of my 6 holders shared their keys: 4 are needed"):
        held.clients[VICTIM].mask(pack(Delivery(sealed, few)), held.updates[VICTIM])


def test_a_neighbour_hidden_from_one_side() -> None:
    """Where the victim is not told of a neighbour, that neighbour misses the victim's tag and says so before anything is revealed."""
    held = Round(7, dropped=2).until("mask")
    given = unpack(held.letters[VICTIM], Delivery)
    held.letters[VICTIM] = pack(
        Delivery(
            tuple(one for one in given.sealed if one.index != 6),
            tuple(one for one in given.sharers if one != 6),
        )
    )
    masked = {index: held.answer(index, held.letters[index]) for index in range(7)}
    tags = {index: unpack(masked[index], Masked).tags for index in range(7)}
    everyone = write_bitmap(set(range(7)), 7)
    meant = tuple(Sealed(index, tag.data) for index in range(6) for tag in tags[index] if tag.index == 6)
    with pytest.raises(IntegrityError, match="client 0: it has not masked with me"):
        held.clients[6].endorse(pack(Survivors(everyone, meant)))
    of_victim = tuple(
        Sealed(index, tag.data) for index in range(1, 7) for tag in tags[index] if tag.index == VICTIM
    )
    with pytest.raises(IntegrityError, match="client 6 with whom I have not masked"):
        held.clients[VICTIM].endorse(pack(Survivors(everyone, of_victim)))


def test_withheld_and_altered_shares() -> None:
    """Shares that do not arrive, or arrive altered, or twice, or from strangers, end the round for who should hold them."""
    for change, said in (
        (lambda sealed: sealed[1:], "was not delivered"),
        (
            lambda sealed: (Sealed(sealed[0].index, sealed[0].data[:-1] + b"?"), *sealed[1:]),
            "they do not open",
        ),
        (lambda sealed: (*sealed, sealed[0]), "given twice"),
        (lambda sealed: (Sealed(sealed[0].index, sealed[1].data), *sealed[1:]), "they do not open"),
    ):
        held = Round().until("mask")
        given = unpack(held.letters[VICTIM], Delivery)
        with pytest.raises(IntegrityError, match=said):
            held.clients[VICTIM].mask(
                pack(Delivery(change(given.sealed), given.sharers)), held.updates[VICTIM]
            )


def test_introductions_that_are_none() -> None:
    """A stranger, oneself, one twice, too few, and malformed keys in an introduction are refused."""
    held = Round().until("share")
    others = unpack(held.letters[VICTIM], Introduction).advertisements
    own = unpack(held.letters[1], Introduction).advertisements[0]
    short = swapped(others[0], held.terms.context, None, mask_key=b"short")
    low = swapped(others[0], held.terms.context, held.identities[1], channel_key=bytes(32))
    for introduced, said in (
        ((own,), "my own"),
        ((*others, others[0]), "given twice"),
        (others[:2], "2 of my 4 holders advertised their keys: 3 are needed"),
        ((short, *others[1:]), "malformed keys"),
        ((low, *others[1:]), "no X25519 key that two can agree by"),
        ((swapped(others[0], held.terms.context, None, index=-1),), "not of the roster"),
        ((swapped(others[0], held.terms.context, None, index=2**40),), "not of the roster"),
    ):
        client = Client(held.terms, held.identities[VICTIM])
        client.advertise()
        with pytest.raises(IntegrityError, match=said):
            client.share(pack(Introduction(introduced)))
        with pytest.raises(Refused, match="aborted before"):
            client.share(held.letters[VICTIM])


@pytest.mark.parametrize(
    "garbage", [b"", b"\x93", b"\xff" * 100, b"[]", bytes(10_000), b"\x91\x01", b"\xdd\xff\xff\xff\xff"]
)
@pytest.mark.parametrize("phase", ["share", "mask", "endorse", "reveal"])
def test_garbage(phase: str, garbage: bytes) -> None:
    """Bytes that are no letter of the phase end the round for the client, in one line."""
    held = Round().until(phase)
    with pytest.raises(IntegrityError, match=r"secure aggregation|cannot be read"):
        held.answer(VICTIM, garbage)
    assert held.clients[VICTIM].aborted and "\n" not in held.clients[VICTIM].aborted


def test_bitmaps_that_are_none() -> None:
    """A survivor set of another length, or with bits beyond the roster, is refused."""
    for bitmap, said in (
        (b"", "0 bytes for 5"),
        (b"\xff\xff", "2 bytes for 5"),
        (b"\xff", "beyond the roster"),
    ):
        held = Round().until("endorse")
        with pytest.raises(IntegrityError, match=said):
            held.clients[VICTIM].endorse(edited(held.letters[VICTIM], Survivors, bitmap=bitmap))


def test_forged_endorsements() -> None:
    """Endorsements that the coordinator makes up, or moves from one client to another, are refused."""
    held = Round().until("reveal")
    good = unpack(held.letters[VICTIM], Endorsements).endorsed
    for forged, said in (
        (msgspec.structs.replace(good[0], tag=bytes(16)), "not its own"),
        (msgspec.structs.replace(good[0], tag=good[1].tag), "not its own"),
        (msgspec.structs.replace(good[0], index=VICTIM), "no surviving holder"),
        (good[1], "given twice"),
    ):
        held = Round().until("reveal")
        honest = unpack(held.letters[VICTIM], Endorsements).endorsed
        first = forged if forged is not good[1] else honest[1]
        with pytest.raises(IntegrityError, match=said):
            held.clients[VICTIM].reveal(pack(Endorsements((first, *honest[1:]))))


def test_other_terms_do_not_mix() -> None:
    """Clients that were told different terms of one round (another minimum) do not get past the keys."""
    held = Round()
    terms = dataclasses.replace(held.terms, minimum=5)
    strict = Client(terms, held.identities[VICTIM])
    with pytest.raises(IntegrityError, match="not signed by its key in the roster for this round"):
        held.server.receive(VICTIM, strict.advertise())


def test_what_the_coordinator_sees_of_a_victim() -> None:
    """Over forty rounds with one and the same update no bit of what the victim sends leans to either side."""
    bits = []
    for number in range(40):
        held = Round(number=number, seed=1).until("mask")
        words = unpack(held.answer(VICTIM, held.letters[VICTIM]), Masked).words
        bits.append(np.unpackbits(np.frombuffer(words, np.uint8)))
    means = np.mean(bits, axis=0)
    assert abs(means.mean() - 0.5) < 0.01
    assert np.abs(means - 0.5).max() < 0.5

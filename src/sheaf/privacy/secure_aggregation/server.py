"""The server of a round: it carries letters between clients, adds what is masked, and takes away the masks of those who are named."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from sheaf.domain.errors import IntegrityError, Refused
from sheaf.privacy.secure_aggregation import keys, masks, sharing
from sheaf.privacy.secure_aggregation.client import PHASES, seed_hash, write_bitmap
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
    Shares,
    Survivors,
    pack,
    unpack,
)
from sheaf.privacy.secure_aggregation.terms import Terms


class Server:
    """The coordinator's part of one round. In each phase `receive` what clients send, then `close` the phase.

    `close` returns the letter to each client that is still there, by index; what comes later is refused, and who sent nothing has
    dropped out. After the last phase `result` is the sum. A client's message that is wrong raises IntegrityError and leaves the
    server as it was: that client has then sent nothing.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.phase = PHASES[0]
        self.result: NDArray[np.float64] | None = None
        self.endorsements: dict[int, bytes] = {}
        self.survivors: frozenset[int] = frozenset()
        self._here: set[int] = set(range(terms.size))
        self._came: set[int] = set()
        self._advertised: dict[int, Advertisement] = {}
        self._choosers: dict[int, list[int]] = {}
        self._letters: dict[int, list[Sealed]] = {index: [] for index in range(terms.size)}
        self._sum = np.zeros(terms.length, terms.word)
        self._endorsed: dict[int, list[Endorsed]] = {index: [] for index in range(terms.size)}
        self._revealed: dict[int, dict[int, bytes]] = {index: {} for index in range(terms.size)}
        self._sharers: frozenset[int] = frozenset()

    def receive(self, sender: int, message: bytes) -> None:
        """Take the message of client `sender` in the phase that is open. Raises Refused for one who is not waited for."""
        if sender not in self._here or sender in self._came or self.phase == "done":
            raise Refused(
                f"secure aggregation: {self.phase}: client {sender} has answered, dropped out or is unknown"
            )
        takers: dict[str, Callable[[int, bytes], None]] = {
            "advertise": self._advertise,
            "share": self._share,
            "mask": self._mask,
            "endorse": self._endorse,
            "reveal": self._reveal,
        }
        takers[self.phase](sender, message)
        self._came.add(sender)

    def missing(self) -> frozenset[int]:
        """Return who has not answered in the phase that is open."""
        return frozenset(self._here - self._came)

    def close(self) -> dict[int, bytes]:
        """End the phase and return the letters that begin the next. Raises Refused where too few clients are left to go on."""
        self._here, self._came = self._came, set()
        if len(self._here) < max(
            self.terms.graph.threshold + 1, 0 if self.phase in ("endorse", "reveal") else self.terms.minimum
        ):
            raise Refused(
                f"secure aggregation: {self.phase}: {len(self._here)} of {self.terms.size} clients are left, "
                f"{self.terms.minimum} are needed: repeat the round"
            )
        closers: dict[str, Callable[[], dict[int, bytes]]] = {
            "advertise": self._introduce,
            "share": self._deliver,
            "mask": self._show_survivors,
            "endorse": self._pass_endorsements,
            "reveal": self._unmask,
        }
        letters = closers[self.phase]()
        self.phase = PHASES[PHASES.index(self.phase) + 1]
        return letters

    def _advertise(self, sender: int, message: bytes) -> None:
        one = unpack(message, Advertisement)
        inside = one.index == sender and all(
            0 <= holder < self.terms.size != sender for holder in one.holders
        )
        if not inside or sender in one.holders or len(one.holders) != self.terms.graph.degree:
            raise IntegrityError(f"advertisement of client {sender}: wrong index or holders")
        keys.verify(
            self.terms.roster[sender],
            one.signature,
            keys.signed_part(self.terms.context, one),
            f"advertisement of client {sender}",
        )
        self._advertised[sender] = one

    def _introduce(self) -> dict[int, bytes]:
        self._choosers = {index: [] for index in self._here}
        for index in sorted(self._here):
            for holder in self._advertised[index].holders:
                if holder in self._here:
                    self._choosers[holder].append(index)
        return {
            index: pack(Introduction(tuple(self._advertised[one] for one in self._neighbours(index))))
            for index in self._here
        }

    def _neighbours(self, index: int) -> list[int]:
        """Return, in order, the holders of `index` and those whose holder it is, as far as they advertised."""
        holders = {holder for holder in self._advertised[index].holders if holder in self._choosers}
        return sorted(holders | set(self._choosers[index]))

    def _share(self, sender: int, message: bytes) -> None:
        sealed = unpack(message, Shares).sealed
        wanted = [holder for holder in self._advertised[sender].holders if holder in self._here]
        if [one.index for one in sealed] != wanted:
            raise IntegrityError(f"shares of client {sender}: not one for each holder who is there")
        for one in sealed:
            self._letters[one.index].append(Sealed(sender, one.data))

    def _deliver(self) -> dict[int, bytes]:
        self._sharers = frozenset(self._here)
        letters = {}
        for index in self._here:
            sharers = tuple(one for one in self._neighbours(index) if one in self._sharers)
            letters[index] = pack(Delivery(tuple(self._letters[index]), sharers))
        self._letters = {index: [] for index in self._here}
        return letters

    def _mask(self, sender: int, message: bytes) -> None:
        masked = unpack(message, Masked)
        if len(masked.words) != self._sum.nbytes:
            raise IntegrityError(
                f"update of client {sender}: {len(masked.words)} bytes: {self._sum.nbytes} are agreed"
            )
        wanted = [holder for holder in self._advertised[sender].holders if holder in self._here]
        if [one.index for one in masked.tags] != wanted:
            raise IntegrityError(f"update of client {sender}: not a tag for each holder who is there")
        np.add(self._sum, np.frombuffer(masked.words, self.terms.word), out=self._sum)
        for one in masked.tags:
            self._letters[one.index].append(Sealed(sender, one.data))

    def _show_survivors(self) -> dict[int, bytes]:
        self.survivors = frozenset(self._here)
        bitmap = write_bitmap(self.survivors, self.terms.size)
        return {index: pack(Survivors(bitmap, tuple(self._letters[index]))) for index in self._here}

    def _endorse(self, sender: int, message: bytes) -> None:
        given = unpack(message, Endorsement)
        bitmap = write_bitmap(self.survivors, self.terms.size)
        digest = keys.survivors_digest(self.terms.context, bitmap)
        signed = keys.survivors_signed(self.terms.context, digest)
        keys.verify(self.terms.roster[sender], given.signature, signed, f"endorsement of client {sender}")
        for one in given.tags:
            if one.index not in self._here:
                raise IntegrityError(
                    f"endorsement of client {sender}: a tag for client {one.index}, who is not there"
                )
        self.endorsements[sender] = given.signature
        for one in given.tags:
            self._endorsed[one.index].append(Endorsed(sender, given.digest, one.data))

    def _pass_endorsements(self) -> dict[int, bytes]:
        return {index: pack(Endorsements(tuple(self._endorsed[index]))) for index in self._here}

    def _reveal(self, sender: int, message: bytes) -> None:
        shares = unpack(message, Reveal).shares
        for one in shares:
            if one.index not in self._sharers or sender not in self._advertised[one.index].holders:
                raise IntegrityError(
                    f"reveal of client {sender}: a share of client {one.index}, which it cannot hold"
                )
        for one in shares:
            self._revealed[one.index][sender + 1] = one.data

    def _unmask(self) -> dict[int, bytes]:
        context, threshold = self.terms.context, self.terms.graph.threshold
        for index in sorted(self.survivors):
            is_right = functools.partial(self._is_seed, index)
            seed = sharing.recover(self._revealed[index], threshold, is_right)
            masks.apply(self._sum, masks.derive(seed, context, b"self"), is_added=False)
        for index in sorted(self._sharers - self.survivors):
            self._take_away(index, threshold)
        self.result = self.terms.decode(self._sum)
        return {}

    def _is_seed(self, index: int, seed: bytes) -> bool:
        return seed_hash(self.terms.context, index, seed) == self._advertised[index].seed_hash

    def _take_away(self, index: int, threshold: int) -> None:
        """Remove from the sum the masks that its neighbours had with a client who dropped out after giving its shares."""
        public = self._advertised[index].mask_key
        secret = sharing.recover(self._revealed[index], threshold, lambda key: _public(key) == public)
        private = X25519PrivateKey.from_private_bytes(secret)
        for other in self._neighbours(index):
            if other in self.survivors:
                seed = keys.mask_seed(
                    private, self._advertised[other].mask_key, self.terms.context, (index, other)
                )
                masks.apply(self._sum, seed, is_added=index < other)


def _public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()

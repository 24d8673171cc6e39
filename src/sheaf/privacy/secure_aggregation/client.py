"""The client of a round: it trusts its own terms, and of the coordinator it believes nothing that it can check."""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from sheaf.domain.errors import InputError, IntegrityError, Refused
from sheaf.privacy.secure_aggregation import keys, masks, sharing
from sheaf.privacy.secure_aggregation.messages import (
    Advertisement,
    Delivery,
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

F = TypeVar("F", bound=Callable[..., bytes])
PHASES = ("advertise", "share", "mask", "endorse", "reveal", "done")
MASKED = b"masked with you"


def _step(phase: str) -> Callable[[F], F]:
    """Make a method the answer to one phase: answered once and in order, and after a fault never again."""

    def wrap(method: F) -> F:
        @functools.wraps(method)
        def run(self: Client, *given: Any) -> bytes:
            if self.aborted:
                raise Refused(f"secure aggregation: aborted before: {self.aborted}")
            if self.phase != phase:
                raise Refused(
                    f"secure aggregation: {phase}: this client is at {self.phase}: a phase is answered once"
                )
            try:
                answer = method(self, *given)
            except IntegrityError as fault:
                self.aborted = str(fault)
                self._forget()
                raise
            self.phase = PHASES[PHASES.index(phase) + 1]
            if self.phase == "done":
                self._forget()
            return answer

        return run  # type: ignore[return-value]

    return wrap


class Client:
    """One client's part of one round: `advertise`, `share`, `mask`, `endorse`, `reveal`, each once, each from bytes to bytes.

    Whatever the coordinator sends that is not as it must be raises IntegrityError with the reason; from then on this round is over
    for the client (`aborted` keeps the reason) and its secrets are forgotten. An update that cannot be taken raises InputError and
    may be given again.
    """

    def __init__(self, terms: Terms, identity: Ed25519PrivateKey) -> None:
        public = identity.public_key().public_bytes_raw()
        if public not in terms.roster:
            raise InputError("identity", public.hex(), "it is not in the roster of this round")
        self.terms = terms
        self.index = terms.roster.index(public)
        self.phase = PHASES[0]
        self.aborted = ""
        self._identity = identity
        others = [index for index in range(terms.size) if index != self.index]
        degree = terms.graph.degree
        chosen = others if degree == len(others) else secrets.SystemRandom().sample(others, degree)
        self.holders = tuple(sorted(chosen))
        self._channel_key, self._mask_key = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        self._seed = secrets.token_bytes(masks.SEED_BYTES)
        self._own: Advertisement | None = None
        self._known: dict[int, Advertisement] = {}
        self._pairs: dict[int, keys.Pair] = {}
        self._held: dict[int, bytes] = {}
        self._masked_with: frozenset[int] = frozenset()
        self._survivors: frozenset[int] = frozenset()
        self._digest = b""

    @_step("advertise")
    def advertise(self) -> bytes:
        """Return this client's Advertisement."""
        public = (
            self._channel_key.public_key().public_bytes_raw(),
            self._mask_key.public_key().public_bytes_raw(),
            seed_hash(self.terms.context, self.index, self._seed),
        )
        signed = keys.advertised(self.terms.context, self.index, public, self.holders)
        self._own = Advertisement(self.index, *public, self.holders, self._identity.sign(signed))
        return pack(self._own)

    @_step("share")
    def share(self, introduction: bytes) -> bytes:
        """Return Shares, from the Introduction of this client's neighbours."""
        assert self._own is not None
        own_hash = _hash(self.terms.context, self._own)
        for one in unpack(introduction, Introduction).advertisements:
            if not 0 <= one.index < self.terms.size or one.index == self.index or one.index in self._known:
                self._fault(f"advertisement of client {one.index}: not of the roster, my own, or given twice")
            signed = keys.signed_part(self.terms.context, one)
            if one.index in self.holders:
                identity = self.terms.roster[one.index]
                keys.verify(identity, one.signature, signed, f"advertisement of client {one.index}")
            elif self.index not in one.holders:
                self._fault(f"advertisement of client {one.index}: no neighbour of mine")
            self._known[one.index] = one
            other = (one.index, one.channel_key, _hash(self.terms.context, one))
            self._pairs[one.index] = keys.Pair(
                self._channel_key, self.terms.context, (self.index, own_hash), other
            )
        present = [holder for holder in self.holders if holder in self._known]
        self._enough(present, "advertised their keys")
        points = [holder + 1 for holder in present]
        threshold = self.terms.graph.threshold
        of_key = sharing.split(self._mask_key.private_bytes_raw(), points, threshold)
        of_seed = sharing.split(self._seed, points, threshold)
        parts = zip(present, of_key, of_seed, strict=True)
        return pack(Shares(tuple(Sealed(to, self._pairs[to].seal(key + seed)) for to, key, seed in parts)))

    @_step("mask")
    def mask(self, delivery: bytes, update: NDArray[np.floating]) -> bytes:
        """Return the Masked `update`, shape (length,), from the Delivery of the shares that this client holds."""
        words = self.terms.encode(update)
        given = unpack(delivery, Delivery)
        sharers = frozenset(given.sharers)
        if not sharers <= self._known.keys():
            self._fault("delivery: it names a sharer who was never introduced")
        self._enough([holder for holder in self.holders if holder in sharers], "shared their keys")
        for one in given.sealed:
            if (
                one.index not in sharers
                or self.index not in self._known[one.index].holders
                or one.index in self._held
            ):
                self._fault(f"shares of client {one.index}: not for me to hold, or given twice")
            held = self._pairs[one.index].open(one.data)
            if len(held) != 2 * sharing.SHARE_BYTES:
                self._fault(f"shares of client {one.index}: {len(held)} bytes")
            self._held[one.index] = held
        for index in sharers:
            if self.index in self._known[index].holders and index not in self._held:
                self._fault(f"shares of client {index}: it shared, and what it gave me was not delivered")
        self._masked_with = sharers
        masks.apply(words, masks.derive(self._seed, self.terms.context, b"self"))
        for index in sharers:
            public = self._known[index].mask_key
            seed = keys.mask_seed(self._mask_key, public, self.terms.context, (self.index, index))
            masks.apply(words, seed, is_added=self.index < index)
        tags = tuple(Sealed(to, self._pairs[to].tag(MASKED)) for to in self.holders if to in sharers)
        return pack(Masked(words.tobytes(), tags))

    @_step("endorse")
    def endorse(self, survivors: bytes) -> bytes:
        """Return an Endorsement of the Survivors shown, if that is a set this client may be part of."""
        given = unpack(survivors, Survivors)
        shown = read_bitmap(given.bitmap, self.terms.size)
        if self.index not in shown:
            self._fault("survivors: I am left out, and open nothing for a sum that I am no part of")
        if len(shown) < self.terms.minimum:
            self._fault(f"survivors: {len(shown)}, fewer than the agreed minimum {self.terms.minimum}")
        self._enough([holder for holder in self.holders if holder in shown], "survived")
        strangers = (shown & self._known.keys()) - self._masked_with
        if strangers or (set(self.holders) & shown) - self._known.keys():
            self._fault(f"survivors: client {min(strangers, default=-1)} with whom I have not masked")
        tags = {one.index: one.data for one in given.tags}
        for index in sorted(self._held.keys() & shown):
            if not self._pairs[index].is_tag(tags.get(index, b""), MASKED):
                self._fault(
                    f"client {index}: it has not masked with me under the keys that I know: keys or neighbours were swapped"
                )
        self._survivors = shown
        self._digest = keys.survivors_digest(self.terms.context, given.bitmap)
        signature = self._identity.sign(keys.survivors_signed(self.terms.context, self._digest))
        made = (Sealed(to, self._pairs[to].tag(self._digest)) for to in sorted(self._held.keys() & shown))
        return pack(Endorsement(signature, self._digest, tuple(made)))

    @_step("reveal")
    def reveal(self, endorsements: bytes) -> bytes:
        """Return a Reveal, if enough of this client's holders endorsed the set that it endorsed itself, and none another."""
        agreed = set()
        for one in unpack(endorsements, Endorsements).endorsed:
            if one.index not in self.holders or one.index not in self._survivors or one.index in agreed:
                self._fault(f"endorsement of client {one.index}: no surviving holder of mine, or given twice")
            if not self._pairs[one.index].is_tag(one.tag, one.digest):
                self._fault(
                    f"endorsement of client {one.index}: not its own, or under other keys than I know"
                )
            if not hmac.compare_digest(one.digest, self._digest):
                self._fault(
                    f"survivors: client {one.index} was shown another set than I: the coordinator is not honest"
                )
            agreed.add(one.index)
        self._enough(agreed, "endorsed the survivor set")
        half = sharing.SHARE_BYTES
        shares = (
            Sealed(index, held[half:] if index in self._survivors else held[:half])
            for index, held in sorted(self._held.items())
        )
        return pack(Reveal(tuple(shares)))

    def _enough(self, holders: Any, what: str) -> None:
        if len(holders) < self.terms.graph.threshold:
            self._fault(
                f"{len(holders)} of my {len(self.holders)} holders {what}: {self.terms.graph.threshold} are needed"
            )

    def _fault(self, reason: str) -> NoReturn:
        raise IntegrityError(f"secure aggregation: {reason}")

    def _forget(self) -> None:
        """Let go of every secret of the round."""
        self._seed = b""
        self._held.clear()
        self._pairs.clear()
        del self._mask_key, self._channel_key


def seed_hash(context: bytes, index: int, seed: bytes) -> bytes:
    """Return the hash by which the server knows that it put the right seed of client `index` together."""
    return hashlib.sha256(b"seed" + context + index.to_bytes(4, "big") + seed).digest()


def read_bitmap(bitmap: bytes, size: int) -> frozenset[int]:
    """Return the indices whose bits are set. Raises IntegrityError where it is not the bitmap of `size` clients."""
    if len(bitmap) != (size + 7) // 8:
        raise IntegrityError(f"survivors: {len(bitmap)} bytes for {size} clients")
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8))
    if bits[size:].any():
        raise IntegrityError("survivors: a bit is set beyond the roster")
    return frozenset(np.flatnonzero(bits).tolist())


def write_bitmap(indices: frozenset[int] | set[int], size: int) -> bytes:
    """Return one bit for each of `size` clients, set for `indices`."""
    bits = np.zeros(size, np.uint8)
    bits[sorted(indices)] = 1
    return np.packbits(bits).tobytes()


def _hash(context: bytes, one: Advertisement) -> bytes:
    return hashlib.sha256(keys.signed_part(context, one)).digest()

# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Sequential test
@license AGPL-3.0-only
@notice The sequential test (Wald 1945) on records whose answer is known. Pure: no storage, no calls.

        In millionths of a nat, counted from the level at which the test begins anew. Hits lead down, and misses up to jail.
"""

from .. import bitmaps

# ln(.95/.5), ln(.5/.05), the start, and where a validator is jailed. CYCLE hits lead from the start to the level 0 or below.
HIT: constant(uint256) = 641_854
MISS: constant(uint256) = 2_302_585
START: constant(uint256) = 4_610_000
JAIL: constant(uint256) = 13_820_000
CYCLE: constant(uint256) = 8
# Gold records that a batch may have: they bound the work of testing them.
GOLD_LIMIT: constant(uint256) = 256

# 0x5555…, 0x3333…, 0x0f0f…, 0x0101…
PAIRS: constant(uint256) = max_value(uint256) // 3
QUADS: constant(uint256) = max_value(uint256) // 5
NIBBLES: constant(uint256) = max_value(uint256) // 17
BYTES: constant(uint256) = max_value(uint256) // 255

# A test is one word: level 32 | misses 32 | gold records up to its last miss.
LONG: constant(uint256) = 2**32 - 1


@pure
@internal
def begun(llr: uint256) -> uint256:
    """
    @dev A test of a batch, at a level of the log-likelihood ratio that is kept in 32 bits, in two's complement.
    """
    return unsafe_add(llr, START) & LONG


@pure
@internal
def tested(test: uint256, gold: uint256, missed: uint256, rank: uint256) -> uint256:
    """
    @dev A test after the misses of a word, in their order, each with the hits between it and the last one before; it ends where the
         validator is jailed (`JAIL` or more).
    @param missed Those of the word's gold records that were missed, one at least.
    @param rank The gold records of the words before.
    """
    level: uint256 = test & LONG
    misses: uint256 = (test >> 32) & LONG
    taken: uint256 = test >> 64
    left: uint256 = missed
    for i: uint256 in range(256):
        if left == 0 or level >= JAIL:
            break
        below: uint256 = unsafe_sub(left, 1)
        # The gold before the lowest miss, which is never all of a word.
        x: uint256 = gold & below & ~left
        x = unsafe_sub(x, (x >> 1) & PAIRS)
        x = unsafe_add(x & QUADS, (x >> 2) & QUADS)
        x = unsafe_add(rank, unsafe_mul(unsafe_add(x, x >> 4) & NIBBLES, BYTES) >> 248)
        hits: uint256 = unsafe_sub(x, taken)
        taken = unsafe_add(x, 1)
        x = unsafe_div(unsafe_add(level, HIT - 1), HIT)
        if hits < x:
            level = unsafe_add(unsafe_sub(level, unsafe_mul(hits, HIT)), MISS)
        else:
            level = unsafe_sub(START + MISS, unsafe_mul(unsafe_sub(hits, x) % CYCLE, HIT))
        misses = unsafe_add(misses, 1)
        left &= below
    return level | (misses << 32) | (taken << 64)


@pure
@internal
def ended(test: uint256, gold: uint256) -> (uint256, uint256, uint256):
    """
    @dev A test after all of a batch's gold records.
    @return The level, the hits and the misses; `JAIL` or more, and those until then, where it ended in jail.
    """
    level: uint256 = test & LONG
    misses: uint256 = (test >> 32) & LONG
    taken: uint256 = test >> 64
    if level >= JAIL:
        return level, unsafe_sub(taken, misses), misses
    return self.after_hits(level, unsafe_sub(gold, taken)), unsafe_sub(gold, misses), misses


@pure
@internal
def after_hits(level: uint256, hits: uint256) -> uint256:
    """
    @dev The test after some hits in a row: whenever it comes down to 0 or below, it begins anew.
    """
    needed: uint256 = unsafe_div(unsafe_add(level, HIT - 1), HIT)
    if hits < needed:
        return unsafe_sub(level, unsafe_mul(hits, HIT))
    return unsafe_sub(START, unsafe_mul(unsafe_sub(hits, needed) % CYCLE, HIT))


@pure
@internal
def count_gold(gold: Bytes[4096], verdict: Bytes[4096], size: uint256, records: uint256) -> uint256:
    """
    @dev How many gold records were approved, and, from the tenth bit on, how many rejected.
    """
    # Gold, then gold rejected, then gold hung.
    counts: uint256[3] = empty(uint256[3])
    for w: uint256 in range(unsafe_div(size, 32), bound=64):
        place: uint256 = unsafe_mul(32, w)
        mask: uint256 = extract32(gold, place, output_type=uint256)
        wrong: uint256 = extract32(gold, unsafe_add(place, size), output_type=uint256)
        assert wrong & ~mask == 0, "scores: wrong outside the gold"
        if mask != 0:
            counts[0] += bitmaps.ones(mask)
            refused: uint256 = mask & extract32(verdict, place, output_type=uint256)
            hung: uint256 = mask & extract32(verdict, unsafe_add(place, size), output_type=uint256)
            if refused != 0:
                counts[1] += bitmaps.ones(refused)
            if hung != 0:
                counts[2] += bitmaps.ones(hung)
    last: uint256 = extract32(gold, size - 32, output_type=uint256)
    assert last & ~bitmaps.last_mask(records) == 0, "scores: gold beyond the last record"
    assert counts[0] != 0, "scores: no gold"
    assert counts[0] <= GOLD_LIMIT, "scores: too much gold"
    return (counts[0] - counts[1] - counts[2]) | (counts[1] << 9)

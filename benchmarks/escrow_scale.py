"""Gas of escrow and request at 0 and at 10,000 open requests: what one pays must not depend on how many others are there.

Opening, submitting, settling with the contributor's claim, and reclaiming are measured twice on one chain by the same accounts, before
and after 10,000 other requests with money in them are opened. What may differ is the calldata of a larger number: at most three bytes
that are no longer zero, 12 gas each. Beside them stand the figures of Ocean's escrow at 0, 100 and 400 open locks.
"""

from __future__ import annotations

from benchmarks.gas import SEATS, WAD, Market, Steps, approving
from benchmarks.report import Figure, Options, main

OTHERS = 10_000
RECORDS = 64
ALLOWED = 1.001
ALLOWED_DRAW = 1.03
"""A draw reads more or less of the tree of weights as the lot falls, with or without other requests."""
OCEAN_LOCKS = {0: 246_725, 100: 675_037, 400: 2_165_149}
"""Gas of Ocean's createLock by the number of open locks, measured on its published bytecode."""


def once(market: Market) -> dict[str, int]:
    """Return the gas by step of one request from opening to reclaiming what is left."""
    steps = market.run(RECORDS, approving(RECORDS), is_joint=True, price=WAD)
    request = market.chain.call("Requests", "request_count")
    steps.add("cancel", market.chain.send(market.buyer, "Requests", "cancel", request))
    steps.add("reclaim", market.chain.send(market.buyer, "Requests", "reclaim", request))
    return steps.gas


def crowd(market: Market, count: int) -> None:
    """Open `count` other requests that stay open."""
    cid = bytes.fromhex("01551220") + bytes(range(32))
    deadline = market.chain.block().timestamp + 10_000_000
    terms = (market.token, WAD // 1000, 400, SEATS, deadline, WAD, cid, WAD // 100)
    ignored = Steps()
    for _ in range(count):
        ignored.add("open", market.chain.send(market.buyer, "Requests", "open", terms))


def measure(options: Options) -> list[Figure]:
    """Measure before and after the crowd."""
    market = Market()
    for _ in range(2):
        once(market)
    alone = once(market)
    crowd(market, OTHERS)
    crowded = once(market)
    figures = [
        Figure(
            f"{step}_at_{OTHERS}",
            crowded[step],
            "gas",
            limit=alone[step],
            against="the same with no other request open",
            target=ALLOWED_DRAW if step == "draw" else ALLOWED,
        )
        for step in alone
    ]
    ocean = OCEAN_LOCKS[400] / OCEAN_LOCKS[0]
    ours = crowded["open"] / alone["open"]
    figures.append(
        Figure(
            "growth_of_opening",
            ours,
            "times",
            peer=ocean,
            against="Ocean: createLock at 400 locks over 0",
            target=1 / ocean * ALLOWED,
        )
    )
    return figures


if __name__ == "__main__":
    main("escrow_scale", measure)

# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Ratings
@license AGPL-3.0-only
@notice The module that rates validators, laid open.
"""

from sheaf.contracts.modules import agreement


@pure
@external
def scores(all_bitmaps: Bytes[24576], count: uint256, records: uint256) -> DynArray[int256, 12]:
    return agreement.scores(all_bitmaps, count, records)


@pure
@external
def reference(records: uint256, rejected: uint256, skill_bps: uint256) -> uint256:
    return agreement.reference(records, rejected, skill_bps)


@pure
@external
def tested(
    level: uint256, positions: Bytes[2048], wrong: Bytes[2048], all_bitmaps: Bytes[24576], seat: uint256
) -> (uint256, uint256, uint256):
    return agreement.tested(level, positions, wrong, all_bitmaps, seat)

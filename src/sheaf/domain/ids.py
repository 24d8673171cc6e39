"""Identifiers: accounts, content, submissions."""

from __future__ import annotations

from typing import NewType

Address = NewType("Address", str)
"""An account or contract: `0x` and 40 hexadecimal digits with the checksum of EIP-55."""

RequestId = NewType("RequestId", int)
SubmissionId = NewType("SubmissionId", int)
ValidatorId = NewType("ValidatorId", int)

Cid = NewType("Cid", str)
"""A content identifier: CIDv1, base32, sha2-256, codec raw or dag-pb (https://github.com/multiformats/cid)."""

ZERO_ADDRESS = Address("0x" + "0" * 40)

"""A request and its specification: what a buyer asks for, in a form that is hashed, stored and enforced."""

from __future__ import annotations

from typing import Any

import msgspec

from sheaf.domain.ids import Address, Cid, RequestId


class CheckUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A check as a specification names it: which one, in which version, with which parameters."""

    name: str
    version: int = 1
    parameters: dict[str, Any] = {}


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records that the buyer publishes, with answers, as a Parquet file in the store."""

    cid: Cid
    records: int


class GoldTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records with known answers that are mixed into every submission.

    `keeper` is the account that mixes and opens them, `stock` the CID of the records, encrypted for it, `share_bps` their share of a
    batch.
    """

    keeper: Address
    stock: Cid
    share_bps: int = 1500


class Specification(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a buyer asks for. Its canonical JSON (RFC 8785) is stored; the CID goes on chain and never changes.

    `schema` is a JSON Schema (the subset of docs/formats.md) of one record, `label` the field that reviewers judge (or None),
    `licence` an SPDX identifier, `terms` free text that binds beside it, `sample` records with answers, `gold` records with answers
    that only their keeper knows.
    """

    title: str
    schema: dict[str, Any]
    licence: str
    description: str = ""
    instructions: str = ""
    terms: str = ""
    label: str | None = None
    checks: tuple[CheckUse, ...] = (
        CheckUse("commitment"),
        CheckUse("schema"),
        CheckUse("duplicates", parameters={"scope": "market"}),
    )
    sample: Sample | None = None
    gold: GoldTerms | None = None
    format: str = "sheaf-request-1"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the chain has it. Amounts are in the payment token's smallest unit, times in Unix seconds."""

    id: RequestId
    buyer: Address
    token: Address
    spec: Cid
    price: int
    fee_bps: int
    protocol_fee_bps: int
    lock_rate_wad: int
    records_left: int
    deadline: int
    is_cancelled: bool
    free: int
    reserved: int
    fee_free: int
    fee_reserved: int
    bonds: int

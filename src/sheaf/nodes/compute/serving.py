"""A provider joined from its parts: which datasets it may serve, where their records lie, and what it works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from sheaf.actions import register_key
from sheaf.actions.compute.methods import BudgetedMethods, Held
from sheaf.actions.compute.parts import part_of
from sheaf.actions.compute.placed import policy_of
from sheaf.actions.compute.recovery import recover, taken_on
from sheaf.actions.datasets.find import manifest_of
from sheaf.actions.datasets.publish import place_of
from sheaf.domain.errors import (
    InputError,
    RecordError,
    Refused,
    SandboxError,
    SheafError,
    StoreError,
    Unreachable,
    shorten,
)
from sheaf.formats import records
from sheaf.formats.datasets import manifest as manifests
from sheaf.formats.limits import Limits
from sheaf.formats.release.shown import project
from sheaf.market import compute_orders
from sheaf.nodes.compute.chain_orders import ChainOrders
from sheaf.nodes.compute.provider import Holding, Means, Provider, Rules
from sheaf.nodes.compute.queue import Queue
from sheaf.nodes.compute.workplace import Workplace
from sheaf.privacy.ledger import Ledger
from sheaf.registry import datasets
from sheaf.store.cid import from_digest

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.context import Context
    from sheaf.domain.ports import Sandbox
    from sheaf.formats.datasets.manifest import Manifest
    from sheaf.market.compute_orders import Order

GIB = 1 << 30
log = structlog.get_logger()
LIMITS = Limits(max_records=manifests.MAX_RECORDS)


@dataclass(frozen=True)
class Site:
    """Where a provider works: its folder, where records lie by dataset, its sandbox (None: no code of buyers) and disk."""

    folder: Path
    places: Mapping[int, Path] = field(default_factory=dict)
    sandbox: Sandbox | None = None
    environment: str = ""
    quota_bytes: int = 10 * GIB
    rules: Rules | None = None


@dataclass(frozen=True)
class Serving:
    """A provider that is ready to start, its budgets, and why datasets or versions that it has a seat at are not served."""

    provider: Provider
    orders: ChainOrders
    ledger: Ledger
    served: dict[int, list[str]]
    skipped: dict[str, str]


def serve(ctx: Context, site: Site, executor: Executor, clock: Callable[[], float]) -> Serving:
    """Join a provider for the acting account: every version of every dataset at which it has a seat and whose records it holds.

    Opens the budgets of what it serves. Raises InputError for an account that never staked, or where nothing can be served,
    SandboxError where that is for want of a sandbox.
    """
    number = compute_orders.provider_of(ctx.chain, ctx.account)
    if not number:
        raise InputError("account", ctx.account, "stake first: `sheaf dataset provide`")
    site.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    register_key(ctx)
    methods = BudgetedMethods(Ledger(site.folder / "budgets.sqlite"))
    orders = ChainOrders(ctx, clock, methods.check)
    means = Means(
        orders, _usable(site.sandbox), methods, Queue(site.folder / "queue.sqlite"),
        Workplace(site.folder / "work", site.quota_bytes), site.environment,
    )  # fmt: skip
    holdings, served, skipped = _holdings(ctx, number, site, methods, means.sandbox)
    if not holdings:
        why = "; ".join(f"{name}: {reason}" for name, reason in skipped.items()) or "it has no seat"
        if site.sandbox is not None and means.sandbox is None:
            site.sandbox.check()
        raise InputError("datasets", "none to serve", why)
    provider = Provider(means, holdings, executor, clock, site.rules)
    seen = {dataset: datasets.listing(ctx.chain, dataset).versions for dataset in served}
    provider.find = NewVersions(ctx, site, methods, means.sandbox, holdings, seen).find
    return Serving(provider, orders, methods.ledger, served, skipped)


@dataclass
class NewVersions:
    """Versions that are published while a provider runs, of datasets that it serves. `seen` is how many of each are known."""

    ctx: Context
    site: Site
    methods: BudgetedMethods
    sandbox: Sandbox | None
    holdings: dict[str, Holding]
    seen: dict[int, int]

    def find(self, version: str) -> Holding | None:
        """Return how a version is served that was not known: all new ones are looked at. None where it is not."""
        for dataset in self.seen:
            for number in range(
                self.seen[dataset] + 1, datasets.listing(self.ctx.chain, dataset).versions + 1
            ):
                try:
                    cid, held = _version(self.ctx, dataset, number, self.site, self.methods, self.sandbox)
                    self.holdings[cid] = held
                except Unreachable:
                    raise
                except StoreError:  # its manifest may come yet
                    break
                except (SheafError, OSError) as error:
                    log.warning(
                        "version not served", dataset=dataset, version=number, reason=shorten(error, 300)
                    )
                self.seen[dataset] = number
        return self.holdings.get(version)


def _usable(sandbox: Sandbox | None) -> Sandbox | None:
    """Return the sandbox if it keeps jobs apart here, else None: what has noise is served without it."""
    try:
        if sandbox is not None:
            sandbox.check()
    except SandboxError:
        return None
    return sandbox


def _holdings(
    ctx: Context, provider: int, site: Site, methods: BudgetedMethods, sandbox: Sandbox | None
) -> tuple[dict[str, Holding], dict[int, list[str]], dict[str, str]]:
    holdings: dict[str, Holding] = {}
    served: dict[int, list[str]] = {}
    skipped: dict[str, str] = {}
    orders = taken_on(ctx, provider)
    for dataset in range(1, datasets.count(ctx.chain) + 1):
        if provider not in compute_orders.providers_of(ctx.chain, dataset):
            continue
        is_new = not methods.ledger.is_open(_account(dataset))
        found: dict[str, Holding] = {}
        for version in range(1, datasets.listing(ctx.chain, dataset).versions + 1):
            try:
                cid, held = _version(ctx, dataset, version, site, methods, sandbox)
            except Unreachable:
                raise
            except (SheafError, OSError) as error:
                skipped[f"{dataset} version {version}"] = shorten(error, 300)
                continue
            found[cid] = held
        try:
            _recover(ctx, methods, dataset, orders.get(dataset, {}), found, is_new=is_new)
        except Refused as error:
            skipped[str(dataset)] = shorten(error, 400)
            found = {cid: held for cid, held in found.items() if not held.policy.has_noise}
        holdings |= found
        if found:
            served[dataset] = list(found)
    return holdings, served, skipped


def _recover(
    ctx: Context,
    methods: BudgetedMethods,
    dataset: int,
    orders: Mapping[int, Order],
    found: Mapping[str, Holding],
    *,
    is_new: bool,
) -> None:
    """Make sure that the ledger has what was answered before. Raises Refused where it cannot be made to have it."""
    noisy = {cid: held for cid, held in found.items() if held.policy.has_noise}
    if not noisy:
        return
    tables = {cid: partial(_shown, held) for cid, held in noisy.items()}
    charged = recover(ctx, methods, orders, tables, is_new=is_new)
    if charged:
        log.warning("the ledger had nothing of orders: charged again", dataset=dataset, orders=charged)


def _shown(held: Holding) -> pa.Table:
    return project(held.read(), held.policy)


def _account(dataset: int) -> str:
    return f"dataset {dataset}"


def _version(
    ctx: Context, dataset: int, version: int, site: Site, methods: BudgetedMethods, sandbox: Sandbox | None
) -> tuple[str, Holding]:
    """Return a version's CID and how it is served. Raises what speaks against serving it."""
    manifest = manifest_of(ctx, dataset, version)
    policy = policy_of(manifest)
    if not policy.has_noise:
        if sandbox is None:
            raise SandboxError(
                "sandbox: none holds here, and this policy runs programs: `sheaf compute check`"
            )
        policy.admit_sandbox(sandbox.name)
    file = manifests.records_file(site.places.get(dataset) or place_of(ctx, dataset))
    shown = project(_read(file, manifest).slice(0, 0), policy).schema
    cid = str(from_digest(datasets.manifest_of(ctx.chain, dataset, version)))
    if policy.has_noise:
        percent = part_of(ctx, dataset, version, ctx.account) if policy.total is not None else 100
        methods.hold(cid, Held(_account(dataset), policy, shown, percent))
    return cid, Holding(policy, manifest.records, lambda: _read(file, manifest))


def _read(file: Path, manifest: Manifest) -> pa.Table:
    """Return the records. Raises RecordError unless their number, fields and types are those of the manifest."""
    table = records.read(file, limits=LIMITS)
    fields = [(one.name, str(one.type)) for one in table.schema]
    if table.num_rows != manifest.records or fields != [(one.name, one.type) for one in manifest.fields]:
        raise RecordError(
            "records", file.name, f"not those of this version, which has {manifest.records} records"
        )
    return table

"""A market of this process with one ward's records, and whoever deals in them: owner, buyer, and those who compute."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sheaf import actions
from sheaf.actions.context import Context
from sheaf.actions.datasets import publish, terms
from sheaf.actions.datasets.publish import About
from sheaf.bootstrap import add_datasets, local
from sheaf.market.compute_orders import Service
from sheaf.nodes.compute.serving import Serving, Site, serve
from sheaf.store.mailbox import MemoryMailbox
from sheaf.store.memory import MemoryStore

WAD = 10**18
COUNTS = """
release = "statistics"
purposes = ["research"]
methods = ["query"]
answers = 50
person = "id"
budget = { epsilon = 1, delta = 1e-6, total = 2, person = 2 }
limits = { wall_seconds = 10 }
[fields]
id = "disclosed"
age = { show = "disclosed", minimum = 0, maximum = 100 }
ill = { show = "disclosed", choices = ["yes", "no"] }
"""
LESSONS = COUNTS.replace('"statistics"', '"trusted-train"').replace('"query"', '"train"')


class Inline(Executor):
    """Runs what is submitted at once."""

    def submit(self, fn: Any, /, *given: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*given, **named))
        return done


@dataclass
class Ward:
    """A market of this process with records of 400 made people, and whoever deals in them."""

    owner: Context
    buyer: Context
    provider: Context
    other: Context
    folder: Path

    def now(self) -> float:
        return float(self.owner.chain.block().timestamp)

    def publish(self, policy: str, release: str, seconds: int = 600) -> int:
        """Publish the records under a policy, with a seat for the provider."""
        (self.folder / "policy.toml").write_text(policy)
        about = About("Ward", "CC-BY-4.0", description=release, prices={release: 5 * WAD})
        number = publish.publish_dataset(self.owner, self.folder, self.folder / "policy.toml", about).dataset
        terms.set_service(self.owner, number, Service(WAD, 50 * WAD, seconds))
        terms.provide(self.provider, 1000 * WAD)
        terms.admit_provider(self.owner, number, self.provider.account)
        return int(number)

    def serve(self, *numbers: int, sandbox: Any = None) -> Serving:
        """Start a provider, with what it left on the disk."""
        return self.serve_as(self.provider, *numbers, sandbox=sandbox)

    def serve_as(self, who: Context, *numbers: int, sandbox: Any = None) -> Serving:
        """Start the provider of an account, each with a folder of its own."""
        places = dict.fromkeys(numbers, self.folder)
        site = Site(self.site(who), places, sandbox, "e" * 64)
        return serve(who, site, Inline(), self.now)

    def site(self, who: Context) -> Path:
        """Where the provider of an account keeps queue and budgets."""
        return self.folder.parent / f"site {who.account}"

    def settle(self, serving: Serving) -> None:
        """Let the provider work through what is placed."""
        assert self.owner.engine is not None
        serving.provider.start()
        for _ in range(3):
            serving.provider.tick()
            self.owner.engine.advance(11)


def made_market() -> Context:
    """A market with datasets."""
    ctx = local(seed=11)
    add_datasets(ctx)
    return ctx


def made_ward(market: Context, folder: Path) -> Iterator[Ward]:
    """A ward in the market, undone afterwards."""
    assert market.engine is not None
    kept, store, mailbox = market.engine.dump(), MemoryStore(), MemoryMailbox()
    owner, buyer, provider, other = (
        replace(actions.local_account(market, name), home=folder / "home", store=store, mailbox=mailbox)
        for name in ("owner", "buyer", "provider", "other")
    )
    place = folder / "ward"
    place.mkdir()
    random = np.random.default_rng(3)
    ages = random.integers(20, 90, 400)
    rows = [f"p{i},{age},{'yes' if age > 55 else 'no'}" for i, age in enumerate(ages)]
    (place / "ward.csv").write_text("\n".join(["id,age,ill", *rows]) + "\n")
    yield Ward(owner, buyer, provider, other, place)
    market.engine.restore(kept)

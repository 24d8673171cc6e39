"""The provider's queue: durable, each job once, refusals."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sheaf.domain.errors import InputError
from sheaf.domain.order import Order
from sheaf.nodes.compute.queue import Queue
from sheaf.nodes.loop import Loop
from tests.unit.nodes.compute.world import World


def order(number: int, buyer: str = "buyer") -> Order:
    return Order(number, buyer, "d", "count", "research", 100, parameters='{"x": 1}')


def queued(queue: Queue, *numbers: int) -> None:
    for number in numbers:
        queue.offer(order(number))
        queue.move(number, "queued")


def test_queue_outlives_its_process(tmp_path: Path) -> None:
    """What was put in is there when the file is opened again, whole; what was running waits again, with its tries counted."""
    queue = Queue(tmp_path / "q")
    queued(queue, 1, 2)
    assert queue.take(5.0) is not None
    queue.close()
    again = Queue(tmp_path / "q")
    assert again.recover() == 1
    entry = again.entry(1)
    assert entry is not None
    assert (entry.order, entry.state, entry.attempts, entry.started_at) == (order(1), "queued", 1, 5.0)
    assert again.counts() == {"queued": 2}


def test_an_order_is_noted_once(tmp_path: Path) -> None:
    """The same order offered again changes nothing, wherever the first one is."""
    queue = Queue(tmp_path / "q")
    assert queue.offer(order(1))
    queue.move(1, "delivered", now=1.0)
    assert not queue.offer(order(1))
    assert queue.counts() == {"delivered": 1}


def test_a_job_is_taken_once(tmp_path: Path) -> None:
    """However many threads take at once, each job is given to one of them."""
    queue = Queue(tmp_path / "q")
    queued(queue, *range(1, 21))
    taken: list[int] = []

    def take() -> None:
        while entry := queue.take(0.0):
            taken.append(entry.order.number)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(taken) == list(range(1, 21))


def test_first_answer_stays(tmp_path: Path) -> None:
    """A second run of the same job cannot replace an answer that was kept."""
    queue = Queue(tmp_path / "q")
    queued(queue, 1)
    queue.take(0.0)
    queue.keep(1, b"first", b"{}", 9.0)
    queue.keep(1, b"second", b"{}", 9.0)
    queue.put_back(1, True, "late")
    entry = queue.entry(1)
    assert entry is not None
    assert (entry.state, entry.output) == ("computed", b"first")


def test_put_back_counts_tries(tmp_path: Path) -> None:
    """A job that could not begin has not been tried."""
    queue = Queue(tmp_path / "q")
    queued(queue, 1)
    for is_tried, attempts in ((False, 0), (True, 1), (False, 1)):
        queue.take(0.0)
        queue.put_back(1, is_tried, "why")
        entry = queue.entry(1)
        assert entry is not None
        assert (entry.attempts, entry.reason) == (attempts, "why")


def test_folder_must_exist(tmp_path: Path) -> None:
    """A queue in a folder that is not there is refused."""
    with pytest.raises(InputError, match=r"^queue: .*give a file in a folder that exists"):
        Queue(tmp_path / "absent" / "q")


def test_provider_runs_in_the_loop(tmp_path: Path) -> None:
    """The node's loop ticks a provider and reports its health, which has no part in the market of records."""
    world = World(tmp_path)
    world.place(1)
    loop = Loop([world.provider])
    assert loop.step() > 0
    (health,) = loop.health()["roles"]
    assert health["name"] == "compute"
    assert health["jobs"] == {"computed": 1}
    assert "block" not in health

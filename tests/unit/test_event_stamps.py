"""What an event says of its moment: ids that nobody else has, and timestamps to the microsecond."""

from __future__ import annotations

import datetime as dt
import os
import random
import threading
import uuid

from hypothesis import given
from hypothesis import strategies as st

from mllog.event._stamps import stamps, timestamp, uuid7

NOW = 1_700_000_000_123_456_789
IDS = 10_000  # more than share their random bits


@given(st.integers(0, 4_000_000_000_000_000_000), st.integers(-2_000_000_000, 2_000_000_000))
def test_timestamps_are_those_of_the_clock(now: int, before: int) -> None:
    """Within a millisecond, across the ends of one and of a second, and where a caller's clock is ahead."""
    before = min(before, now)
    _, created, began = stamps(now, before)
    assert created == timestamp(now)
    assert began == timestamp(now - before)
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=now // 1000)
    assert created == moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_an_id_is_a_uuid_of_its_moment(now: int) -> None:
    """Version and variant of RFC 9562, and the milliseconds in front."""
    found = uuid.UUID(uuid7(now))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == now // 1_000_000
    assert found.int >> 64 & 0xFFF == now // 1000 % 1000 * 4096 // 1000


def test_no_id_comes_twice() -> None:
    """Not within one microsecond, not in threads."""
    found: list[list[str]] = [[] for _ in range(4)]
    threads = [threading.Thread(target=lambda mine=mine: mine.extend(uuid7(NOW) for _ in range(IDS))) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({identity for mine in found for identity in mine}) == 4 * IDS


def test_a_forked_child_has_ids_of_its_own() -> None:
    """Also where the service seeds `random`, and each of its copies alike."""
    here, there = os.pipe()
    random.seed(7)
    pid = os.fork()
    if pid == 0:
        random.seed(7)
        os.write(there, "\n".join(uuid7(NOW) for _ in range(50)).encode())
        os._exit(0)
    os.close(there)
    with os.fdopen(here, "rb") as pipe:
        theirs = pipe.read().decode().split()
    os.waitpid(pid, 0)
    ours = [uuid7(NOW) for _ in range(50)]
    assert len({identity[19:33] for identity in (ours[0], theirs[0])}) == 2  # random bits, not the count alone
    assert len({*ours, *theirs}) == 100


def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    """As far as the clock tells them apart."""
    made = [uuid7(NOW + 1000 * step) for step in range(5000)]
    assert made == sorted(made)

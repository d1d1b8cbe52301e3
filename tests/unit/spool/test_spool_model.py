"""Segments and cursor against a model: writers come, die and go, readers crash, and nothing is lost or changed."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from mllog.spool import SpoolReader, SpoolWriter, events, status
from mllog.spool import _writer as module
from mllog.spool._filesystem import Filesystem

SMALL = 4096
ELSEWHERE = Filesystem("nfs4", "other")


def line(writer: int, number: int, size: int) -> bytes:
    """An event that says whose it is."""
    return json.dumps({"w": writer, "n": number, "pad": "x" * size}).encode() + b"\n"


def die(writer: SpoolWriter, torn: bytes) -> None:
    """What kill -9 leaves: no seal, no lock, and perhaps a line that was copied and not committed."""
    writer._stop_thread()
    current, end = writer._current, writer._end
    full, spares = writer.segments.release()
    for segment in [*spares, *(segment for segment, _ in full), *([current] if current else [])]:
        if segment is current and end + len(torn) <= segment.capacity:
            if segment.direct:
                segment.data[end : end + len(torn)] = torn
            else:
                segment.write(end, torn)
        segment.close()
    writer._start_empty()
    module._WRITERS.discard(writer)


class Spool(RuleBasedStateMachine):
    """The model: per writer, the numbers that were accepted, and how many of them were committed.

    Events of a writer are delivered in their order; a reader that crashes begins again behind its last commit.
    """

    writers = Bundle("writers")

    @initialize()
    def begin(self) -> None:
        """An empty spool and a reader that has not looked yet."""
        self.folder = Path(tempfile.mkdtemp())
        self.accepted: dict[int, list[int]] = {}
        self.committed: dict[int, list[int]] = {}
        self.reader: SpoolReader | None = None
        self.reading: Any = None
        self.living: list[SpoolWriter] = []

    @rule(target=writers, mapped=st.booleans())
    def start(self, mapped: bool) -> tuple[int, SpoolWriter]:
        """A process begins to write; one in two where nothing may be mapped."""
        writer = SpoolWriter(self.folder, segment_bytes=SMALL, seal_seconds=3600)
        if not mapped:
            writer.segments.filesystem = ELSEWHERE
        self.living.append(writer)
        number = len(self.accepted)
        self.accepted[number], self.committed[number] = [], []
        return number, writer

    @rule(which=writers, count=st.integers(1, 40), size=st.integers(0, 900))
    def write(self, which: tuple[int, SpoolWriter], count: int, size: int) -> None:
        """It writes some events."""
        number, writer = which
        for _ in range(count):
            assert writer.append(line(number, len(self.accepted[number]), size))
            self.accepted[number].append(len(self.accepted[number]))

    @rule(which=consumes(writers))
    def end(self, which: tuple[int, SpoolWriter]) -> None:
        """It ends in good order."""
        which[1].close()
        self.living.remove(which[1])

    @rule(which=consumes(writers), torn=st.sampled_from([b"", b'{"w": 0, "n": 9', b'{"w": 0, "n": 9}']))
    def kill(self, which: tuple[int, SpoolWriter], torn: bytes) -> None:
        """It is killed, at times in the middle of a line."""
        die(which[1], torn)
        self.living.remove(which[1])

    @rule(which=writers)
    def seal(self, which: tuple[int, SpoolWriter]) -> None:
        """Its segment has grown old."""
        which[1].close()

    @rule()
    def open(self) -> None:
        """A reader starts, after the one before it crashed or ended."""
        if self.reading is not None:
            self.reading.close()
        if self.reader is not None:
            self.reader.close()
        self.reader, self.reading = SpoolReader(self.folder), None

    @precondition(lambda self: self.reader is not None)
    @rule(size=st.sampled_from([1, 200, 3000, 1 << 20]), batches=st.integers(1, 8), commit=st.booleans())
    def read(self, size: int, batches: int, commit: bool) -> None:
        """It reads a few batches, and commits them, or only delivers them and is interrupted."""
        if self.reading is None:
            self.reading = self.reader.read(size=size)  # type: ignore[union-attr]
        for _ in range(batches):
            batch = next(self.reading, None)
            if batch is None:
                self.reading = None
                return
            if not commit:  # a crash between answer and cursor: it goes on behind the last commit
                self.open()
                return
            self.reader.commit(batch)  # type: ignore[union-attr]
            for text in batch.lines:
                event = json.loads(text)
                self.committed[event["w"]].append(event["n"])

    @precondition(lambda self: self.reader is not None and self.reading is None)
    @rule()
    def tidy(self) -> None:
        """It clears away what is drained."""
        self.reader.tidy()  # type: ignore[union-attr]

    @invariant()
    def order_is_kept(self) -> None:
        """What was committed is the beginning of what was accepted, writer by writer: nothing lost, torn or twice."""
        for number, accepted in self.accepted.items():
            committed = self.committed[number]
            assert committed == accepted[: len(committed)]

    @invariant()
    def nothing_is_in_the_way(self) -> None:
        """Looking at a spool never fails and never finds half a line."""
        for text in events(self.folder):
            json.loads(text)
        assert status(self.folder).bytes >= 0

    def teardown(self) -> None:
        """In the end everything arrives, and the folder holds no event any more."""
        if not hasattr(self, "folder"):
            return
        for writer in self.living:
            writer.close()
        self.open()
        assert self.reader is not None
        for batch in self.reader.read():
            self.reader.commit(batch)
            for text in batch.lines:
                event = json.loads(text)
                self.committed[event["w"]].append(event["n"])
        assert self.committed == self.accepted
        self.reader.tidy()
        assert list(events(self.folder)) == []
        self.reader.close()
        shutil.rmtree(self.folder)


TestSpool = Spool.TestCase
TestSpool.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

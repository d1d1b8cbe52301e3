"""A person's events in files: the segments of a spool, and quarantine files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from mllog.erase._person import Person
from mllog.erase._place import Progress
from mllog.errors import EraseError, SpoolError
from mllog.spool._rewrite import remove_leftovers, rewrite
from mllog.spool._segment import Segment, committed, recover, segments
from mllog.spool._tombstones import Tombstones, add_tombstones

_POLL_SECONDS: Final = 0.25
_QUARANTINE: Final = ("quarantine.ndjson", "quarantine.1.ndjson")


class Spool:
    """The segments of a spool, kept ones included.

    A live segment belongs to its writer, which has it in memory and appends to it. It is not changed before it is
    sealed, about a minute after its first event; until then, tombstones keep the person's events from being delivered.

    Args:
        folder: the spool.
        wait: seconds to wait at most until live segments with events of the person are sealed.
    """

    def __init__(self, folder: Path, *, wait: float = 0.0) -> None:
        self.folder = folder
        self.name = str(folder)
        self._wait = wait
        self._found: dict[str, Segment] = {}

    def look(self, person: Person, seen: Progress) -> dict[str, int]:
        """Read every segment."""
        person.buried |= Tombstones(self.folder).digests()
        counts: dict[str, int] = {}
        self._found = {}
        for segment in segments(self.folder):
            count = 0
            for line in _lines(segment):
                count += person.has_line(line)
                seen(1)
            if count:
                self._found[segment.stem] = segment
                state = "live segments" if segment.live else "segments"
                counts[f"{self.folder} ({state})"] = counts.get(f"{self.folder} ({state})", 0) + count
        return counts

    def prepare(self, person: Person) -> None:
        """Write the tombstones."""
        add_tombstones(self.folder, person.events)

    def erase(self, person: Person, done: Progress) -> None:
        """Rewrite the segments."""
        remove_leftovers(self.folder)
        end = time.monotonic() + self._wait
        while True:
            self._erase_sealed(person, done)
            if not self._found or time.monotonic() >= end:
                return
            time.sleep(_POLL_SECONDS)

    def _erase_sealed(self, person: Person, done: Progress) -> None:
        present = {segment.stem: segment for segment in segments(self.folder)}
        for stem in list(self._found):
            segment = present.get(stem)
            if segment is not None and segment.live:
                segment = recover(segment)
                if segment is not None and segment.live:
                    continue
            if segment is not None:
                done(rewrite(segment.path, person.has_line, same_length=True))
            del self._found[stem]

    def reason(self) -> str:
        """A writer still has a segment."""
        if not self._found:
            return ""
        return "a running service still writes the segment; nothing delivers these events; run it again in two minutes"


class Quarantine:
    """Files of events that an endpoint or a store rejected.

    Args:
        folder: a spool, or the data folder of `mllog serve`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"{folder} (quarantine)"

    def _files(self) -> list[Path]:
        return [path for name in _QUARANTINE if (path := self.folder / name).exists()]

    def look(self, person: Person, seen: Progress) -> dict[str, int]:
        """Read every record."""
        person.buried |= Tombstones(self.folder).digests()
        counts: dict[str, int] = {}
        for path in self._files():
            count = 0
            try:
                with path.open("rb") as file:
                    for line in file:
                        count += _quarantined(person, line)
                        seen(1)
            except FileNotFoundError:  # rotated in the meantime
                continue
            except OSError as error:
                raise EraseError(f"{path}: cannot be read: {error.strerror}") from error
            if count:
                counts[str(path)] = count
        return counts

    def prepare(self, person: Person) -> None:
        """Write the tombstones: the server rejects these events from then on."""
        add_tombstones(self.folder, person.events)

    def erase(self, person: Person, done: Progress) -> None:
        """Rewrite the files."""
        remove_leftovers(self.folder)
        for path in self._files():
            done(rewrite(path, lambda line: _quarantined(person, line), same_length=False))

    def reason(self) -> str:
        """See Place."""
        return ""


def _quarantined(person: Person, line: bytes) -> bool:
    """Whether a record contains a person's event, as the text of a line or as an object."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    event = record.get("event") if isinstance(record, dict) else None
    if isinstance(event, str):
        return person.has_line(event.encode("utf-8", "surrogatepass"))
    return isinstance(event, dict) and person.has(event)


def _lines(segment: Segment) -> Iterator[bytes]:
    for state in (segment, Segment(segment.stem, live=False, folder=segment.folder)):
        try:
            fd = os.open(state.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # sealed or delivered in the meantime
            continue
        except OSError as error:
            raise SpoolError(f"{state.path}: cannot read the segment: {error.strerror}") from error
        try:
            length = committed(fd) if state.live else os.fstat(fd).st_size
            contents = os.pread(fd, length, 0)
        finally:
            os.close(fd)
        yield from filter(None, contents.split(b"\n"))
        return

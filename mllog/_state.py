"""What the emitting side reads with every call: the settings in force, the counts, the logger `mllog`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mllog.redaction import Redactor

LOGGER: Final = logging.getLogger("mllog")
SILENT: Final[list[logging.Handler]] = [logging.NullHandler()]
"""The handlers of the logger `mllog` as long as no sink is configured."""


class Sink(logging.Handler):
    """What takes events as lines; `mllog.sinks` has those there are."""

    target: str
    """What it writes to, for people."""
    max_bytes: int
    """Bytes of the max_bytes line that it takes."""

    def write(self, line: bytes | bytearray) -> bool:
        """Store a line that ends in a newline; False where it was dropped. Never raises."""
        raise NotImplementedError

    def counts(self) -> tuple[int, int, str | None]:
        """Events accepted, events dropped, and what is wrong now."""
        raise NotImplementedError


Observer = Callable[[str, str, Any, bool], None]
"""Takes the name and version of a model, the duration of a call as it was given, and whether it failed."""


@dataclass
class Counts:
    """What became of the calls in this process; accepted and dropped of the sinks that are gone."""

    accepted: int = 0
    dropped: int = 0
    errors: int = 0
    redacted: int = 0
    last_error: str | None = None


@dataclass(slots=True)  # an attribute is found five times as fast
class State:
    """What a logger reads with every call. `generation` changes when a template must be rendered anew."""

    service: dict[str, str] = field(default_factory=lambda: {"name": default_service(), "environment": "default"})
    redactor: Redactor | None = field(default_factory=Redactor)
    keep_texts: bool = False
    sink: Sink | None = None
    generation: int = 0
    observers: tuple[Observer, ...] = ()
    counts: Counts = field(default_factory=Counts)


def default_service() -> str:
    """The name of the program: what `ps` would show."""
    main = sys.modules.get("__main__")
    package = getattr(getattr(main, "__spec__", None), "name", None)
    return str(package or Path(sys.argv[0] if sys.argv and sys.argv[0] else "python").stem).removesuffix(".__main__")


STATE: Final = State()

"""A small HTTP service that answers what a test says, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.loopback import Handler, listening


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class FakeService:
    """The service: `answer` gives status and JSON (or bytes) for a request."""

    answer: Callable[[Asked], tuple[int, Any]]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def paths(self, *methods: str) -> list[str]:
        """Paths of the requests with these methods."""
        return [one.path for one in self.asked if one.method in methods]


@contextmanager
def serving(answer: Callable[[Asked], tuple[int, Any]]) -> Iterator[FakeService]:
    """Serve on a free port of this machine."""
    service = FakeService(answer)

    class Service(Handler):
        def handle_any(self) -> None:
            """Remember, and answer."""
            asked = Asked(self.command, self.path, self.body(), self.named())
            service.asked.append(asked)
            status, content = service.answer(asked)
            kind = "text/html" if isinstance(content, bytes) else "application/json"
            self.answer(status, content, x_elastic_product="Elasticsearch", content_type=kind)

    with listening(Service) as service.url:
        yield service

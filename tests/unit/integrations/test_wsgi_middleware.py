"""The WSGI middleware: ids while a request lasts, one record when it is over, bodies as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest

import mllog
from mllog.integrations.wsgi import Middleware
from mllog.testing import capture

Start = Callable[..., Any]


def ask(app: Any, **environ: Any) -> tuple[Iterable[bytes], list[Any]]:
    """Call an application behind the middleware; its body, and what it started with."""
    setup_testing_defaults(environ)
    started: list[Any] = []
    return Middleware(app)(environ, lambda *arguments: started.append(arguments)), started


def predict(environ: dict[str, Any], start: Start) -> Iterator[bytes]:
    """An application whose body predicts while it is sent."""
    start("200 OK", [("content-type", "text/plain")])
    yield mllog.model("late", "1.0").prediction({"x": 1.0}).encode()


def test_ids_last_until_the_body_is_closed() -> None:
    """What happens while the body is sent has the ids; what follows its closing has none."""
    with capture() as events:
        body, started = ask(predict, HTTP_X_REQUEST_ID="req-7", PATH_INFO="/p", QUERY_STRING="mail=ann@example.com")
        assert len(list(body)) == 1
        body.close()
        mllog.model("late", "1.0").prediction({})
    prediction, request, after = events
    assert prediction["http"]["request"] == {"id": "req-7", "method": "GET"}
    assert request["trace"] == prediction["trace"]
    assert request["message"] == "GET /p 200"
    assert ("x-request-id", "req-7") in started[0][1]
    assert "trace" not in after
    assert "ann" not in str(events)


def test_a_body_is_taken_chunk_by_chunk() -> None:
    """The application's iterable is asked for one chunk at a time, and closed."""
    taken: list[Any] = []

    def app(environ: dict[str, Any], start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        try:
            for number in range(3):
                taken.append(number)
                yield b"x"
        finally:
            taken.append("closed")

    body, _ = ask(app)
    chunks = iter(body)
    assert next(chunks) == b"x"
    assert taken == [0]
    body.close()
    assert taken[-1] == "closed"


def test_a_file_reaches_the_server_as_the_very_object() -> None:
    """A server recognises its file wrapper by type and sends it by itself."""
    wrapped = FileWrapper(open("/dev/null", "rb"))  # noqa: PTH123, SIM115 - closed below
    body, _ = ask(lambda *_: wrapped, **{"wsgi.file_wrapper": FileWrapper})
    assert body is wrapped
    wrapped.close()


def test_an_exception_is_logged_and_raised() -> None:
    """What an application raises goes on to the server, and is on the record of the request."""

    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        raise KeyError("no")

    with capture() as events, pytest.raises(KeyError):
        ask(app)
    assert events[0]["event"]["outcome"] == "failure"
    assert events[0]["http"]["response"] == {"status_code": 500}
    assert events[0]["error"]["type"] == "KeyError"


def test_an_exception_in_the_body_is_logged() -> None:
    """A body that breaks off is a failure, although its status was 200."""

    def app(environ: dict[str, Any], start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"x"
        raise KeyError("no")

    with capture() as events:
        body, _ = ask(app)
        with pytest.raises(KeyError):
            list(body)
        body.close()
    assert events[0]["event"]["outcome"] == "failure"
    assert events[0]["http"]["response"] == {"status_code": 200}

"""Real uvicorn and gunicorn with workers: what one request caused is in one spool, with one trace id, once."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.servers import Server

from mllog.spool import events
from mllog.spool._segment import LIVE

pytestmark = pytest.mark.slow

TRACE = "0af7651916cd43dd8448eb211c80319c"


def spooled(folder: Path) -> list[dict[str, Any]]:
    """Every event of the spool."""
    return [json.loads(line) for line in events(folder / "spool")]


def test_all_that_fastapi_logs_of_a_request_has_its_trace_id(serve: Callable[..., Server], tmp_path: Path) -> None:
    """The prediction, a record of logging, one of structlog and that of the request share spool and ids."""
    server = serve("uvicorn", "with_fastapi:app", "--fd", "FD", "--workers", "2", "--no-access-log")
    traces = [f"{number + 1:032x}" for number in range(20)]
    for trace in traces:
        status, body, headers = server.get(
            "/flights/UA1545?delay=12.5&mail=ann@example.com",
            {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x-request-id": f"req-{trace}"},
        )
        assert status == 200, body
        assert headers["x-request-id"] == f"req-{trace}"
    server.stop()
    of_requests = [event for event in spooled(tmp_path) if "trace" in event]
    for trace in traces:
        mine = [event for event in of_requests if event["trace"]["id"] == trace]
        said = ["GET /flights/{flight} 200", "asked by structlog", "asked by the logging module"]
        assert sorted(event["message"] for event in mine) == [*said, "late 1.0 prediction success"]
        assert {event["http"]["request"]["id"] for event in mine} == {f"req-{trace}"}
        assert len({event["process"]["pid"] for event in mine}) == 1
    assert "ann@" not in json.dumps(of_requests)
    assert "mail=" not in json.dumps(of_requests)


def test_gunicorn_workers_that_are_killed_lose_nothing(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Every answered prediction is in the spool once, with workers killed and the rest stopped gracefully."""
    server = serve("gunicorn", "--config", "gunicorn_conf.py", "--bind", "fd://FD", "with_flask:app")
    answered = []
    killed = set()
    for number in range(60):
        status, body, _ = server.get("/flights/UA1545?delay=12.5")
        assert status == 200
        answered.append(json.loads(body)["prediction_id"])
        if number in (15, 30, 45):
            pid = next(
                event["process"]["pid"]
                for event in spooled(tmp_path)
                if event.get("mllog", {}).get("prediction", {}).get("id") == answered[-1]
            )
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
    server.stop()
    assert len(killed) == 3
    found = Counter(
        event["mllog"]["prediction"]["id"] for event in spooled(tmp_path) if "prediction" in event.get("mllog", {})
    )
    assert {identity: found[identity] for identity in answered} == dict.fromkeys(answered, 1)
    assert not [path for path in (tmp_path / "spool").iterdir() if path.suffix == LIVE]


def test_all_that_flask_logs_of_a_request_has_its_trace_id(serve: Callable[..., Server], tmp_path: Path) -> None:
    """The prediction, a record of logging and that of the request share spool and ids."""
    server = serve("gunicorn", "--config", "gunicorn_conf.py", "--bind", "fd://FD", "with_flask:app")
    server.get("/flights/UA1545?delay=12.5", {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    server.stop()
    mine = [event for event in spooled(tmp_path) if event.get("trace") == {"id": TRACE}]
    said = ["GET /flights/<flight> 200", "asked", "late 1.0 prediction success"]
    assert sorted(event["message"] for event in mine) == said

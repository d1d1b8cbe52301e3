"""Blocks that end elsewhere, jobs that fail, errors that are none, and calls from many threads at once."""

from __future__ import annotations

import concurrent.futures
import contextvars
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import celery
import pandas as pd
import pytest

import mllog
from mllog.testing import capture

log = mllog.model("contexts", "1")


class Liar:
    """Its class cannot be asked for."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise GeneratorExit("no")


class ChainedError(Exception):
    """Its chain cannot be read."""

    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise GeneratorExit("no")


def labels_now() -> Any:
    """The labels of an event."""
    with capture() as events:
        log.prediction({"a": 1})
    return events[0].get("labels")


def test_a_block_that_ends_in_another_context() -> None:
    """As a dependency of a web framework does: nothing is raised, and nothing stays behind in either of them."""

    def dependency() -> Any:
        with mllog.bound(tenant="t"):
            yield labels_now()

    generator = dependency()
    first = contextvars.copy_context()
    assert first.run(next, generator) == {"tenant": "t"}
    after = first.run(contextvars.copy_context)
    assert after.run(labels_now) == {"tenant": "t"}

    def finish() -> Any:
        list(generator)
        return labels_now()

    assert after.run(finish) is None
    assert labels_now() is None


def test_labels_end_with_a_job_that_failed() -> None:
    """Its traceback keeps it alive, and its labels must not."""

    def bad() -> None:
        mllog.bind(who="A")
        raise ValueError

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        failed = pool.submit(bad)
        assert isinstance(failed.exception(), ValueError)
        assert pool.submit(labels_now).result() is None


def test_labels_end_with_a_task_that_failed() -> None:
    """The same for Celery; a task inside a task keeps the labels of the outer one."""
    app = celery.Celery("shop")
    seen: list[Any] = []

    @app.task
    def inner() -> None:
        seen.append(labels_now())

    @app.task
    def outer() -> None:
        mllog.bind(who="A")
        inner.apply()
        raise ValueError

    failed = outer.apply()
    assert failed.failed()
    assert labels_now() is None
    assert seen == [{"who": "A"}]


@pytest.mark.parametrize("none", [None, False, 0, "", float("nan"), pd.NA, pd.NaT])
def test_what_is_no_error(none: Any) -> None:
    """A column of errors has missing values for the calls that went well."""
    with capture() as events:
        log.prediction({"a": 1}, True, error=none)
        log.shadow("p", 1, error=none)
    assert [event["event"]["outcome"] for event in events] == ["success", "success"]
    assert not any("error" in event for event in events)


def test_an_error_may_be_a_class() -> None:
    """Its name is the type."""
    with capture() as events:
        log.prediction({"a": 1}, error=ValueError)
    assert (events[0]["event"]["outcome"], events[0]["error"]) == ("failure", {"type": "ValueError"})


@pytest.mark.parametrize("name", ["duration", "timestamp"])
@pytest.mark.parametrize("make", [Liar, lambda: "soon", lambda: 10**400, lambda: [1, 2]])
def test_an_argument_that_is_not_understood_is_named(name: str, make: Callable[[], Any]) -> None:
    """And the rest of the event is kept."""
    value = make()
    with capture() as events:
        log.prediction({"a": 1}, True, **{name: value})
    assert events[0]["mllog"]["quality"]["unreadable_arguments"] == [name]


def test_errors_that_cannot_be_read() -> None:
    """A failure with what could be said of it."""
    with capture() as events:
        log.prediction({"a": 1}, error=Liar())  # type: ignore[arg-type]
        log.prediction({"a": 1}, error=ChainedError("late"))
        log.shadow(Liar(), 1)  # type: ignore[arg-type]
    assert [event["event"]["outcome"] for event in events] == ["failure", "failure", "success"]
    assert events[1]["error"] == {
        "type": "ChainedError",
        "message": "late",
        "stack_trace": "ChainedError: [GeneratorExit]\n",
    }


@pytest.mark.parametrize("function", [max, min, dict, zip, getattr])
def test_functions_without_a_signature_are_logged(function: Callable[..., Any]) -> None:
    """Those written in C have none."""
    with capture() as events:
        log.logged(function)
        assert log.logged(max)([3, 1]) == 3
    assert events[0]["mllog"]["output"] == {"number": {"value": 3}}


def test_inputs_are_those_of_the_beginning() -> None:
    """Not what the code made of the dictionary meanwhile."""
    features: dict[str, Any] = {"a": 1}
    with capture() as events, log.observe(features) as call:
        features["a"], features["b"] = 2, 3
        call.outputs = True
    assert events[0]["mllog"]["input"] == {"number": {"a": 1}}


THREADS = """
import sys, threading, mllog
from mllog.testing import capture
sys.setswitchinterval(1e-6)
with capture() as events:
    log = mllog.model("race", "1")
    for n in range(150):
        row = {f"a{n}_{k}": (1.5, "x", True, 3)[k % 4] for k in range(30)}
        barrier = threading.Barrier(6)
        def go():
            barrier.wait()
            log.prediction(dict(row), 0.5)
        threads = [threading.Thread(target=go) for _ in range(6)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
print(len(events))
"""


def test_threads_with_a_new_shape_at_once() -> None:
    """The first calls of a shape from several threads: msgspec broke the interpreter here."""
    command = [sys.executable, "-X", "faulthandler", "-c", THREADS]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (answer.returncode, answer.stdout) == (0, "900\n"), answer.stderr[-2000:]

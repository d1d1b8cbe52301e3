"""What `mllog check` does with what it was given, and how it says so."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress

from mllog.cli._output import print_json
from mllog.cli._setup_report import Access
from mllog.cluster._elasticsearch import Cluster
from mllog.cluster._target import target_from
from mllog.errors import ClusterError, ConfigurationError
from mllog.install._arrival import ClusterDestination, EmbeddedDestination, check_canary, direct_sender, sender
from mllog.install._canary import canary
from mllog.install._check import check_cluster
from mllog.install._duplicates import find_duplicates, remove_duplicates
from mllog.install._steps import Step, Verdicts, unproved
from mllog.shipping import Endpoint, endpoint_from


@dataclass(frozen=True)
class Intake:
    """Where the canary is sent, and how long it may take."""

    address: str | None
    ca: Path | None
    environment: str
    seconds: float

    def endpoint(self) -> Endpoint | None:
        """The intake with its credentials; None where there is none."""
        if not self.address and not os.environ.get("MLLOG_ENDPOINT"):
            return None
        return endpoint_from(self.address, ca=self.ca)


def check(access: Access | None, intake: Intake, writer_key_file: Path | None, *, as_json: bool) -> bool:
    """Check a cluster and the way to it, or `mllog serve`; whether nothing failed.

    Raises:
        MllogError: what is to be checked cannot be reached at all.
    """
    steps = []
    with ExitStack() as stack:
        for step in _steps(access, intake, writer_key_file, stack):
            steps.append(step)
            if not as_json:
                typer.echo(str(step))
    good = all(step.verdict is not Verdicts.FAILED for step in steps)
    if as_json:
        said = [{**vars(step), "verdict": step.verdict.value} for step in steps]
        print_json({"ok": good, "steps": said})
    return good


def _steps(access: Access | None, intake: Intake, key_file: Path | None, stack: ExitStack) -> Iterator[Step]:
    endpoint = intake.endpoint()
    if access is None:
        yield from _embedded(endpoint, intake, stack)
        return
    cluster, _ = access.open(stack)
    writer = None
    if key_file is not None:
        writer = target_from(cluster.target.url, api_key_file=key_file, ca=cluster.target.ca)
    yield from check_cluster(cluster, writer)
    yield from _through_cluster(cluster, endpoint, intake, stack)


def _through_cluster(cluster: Cluster, endpoint: Endpoint | None, intake: Intake, stack: ExitStack) -> Iterator[Step]:
    bird = canary(intake.environment, secrets=endpoint is not None)
    nest = ClusterDestination(cluster, bird.stream)
    if endpoint is None:
        yield unproved(
            "events come through Logstash", "no --endpoint was given: the canary goes straight to Elasticsearch"
        )
        send = direct_sender(cluster)
    else:
        send = sender(endpoint, stack.enter_context(endpoint.client()))
    yield from check_canary(send, nest, bird, seconds=intake.seconds, redacted=endpoint is not None)


def _embedded(endpoint: Endpoint | None, intake: Intake, stack: ExitStack) -> Iterator[Step]:
    if endpoint is None:
        raise ConfigurationError(
            "what is to be checked? say --elasticsearch URL, --endpoint URL of `mllog serve`, or both"
        )
    client = stack.enter_context(endpoint.client())
    bird = canary(intake.environment)
    nest = EmbeddedDestination(endpoint, client)
    if nest.find(bird.id):  # it is new; but a Logstash would have said something that is no JSON by now
        raise ClusterError(f"{endpoint.url}: it finds what was never sent")
    yield Step(f"mllog serve answers at {endpoint.url}")
    yield from check_canary(sender(endpoint, client), nest, bird, seconds=intake.seconds)


def duplicates(access: Access, streams: str, *, remove: bool, as_json: bool) -> bool:
    """Count events that a stream holds twice, and remove the later copies; whether none is left.

    Raises:
        MllogError: the cluster refuses.
    """
    found = []
    with ExitStack() as stack:
        cluster, _ = access.open(stack)
        for one in _watched(find_duplicates(cluster, streams)):
            if remove:
                remove_duplicates(cluster, one)
            found.append(one)
            if not as_json and one.count:
                done = f", {one.removed} removed" if remove else ""
                typer.echo(f"{one.stream}: {one.count} of {one.events} events are there twice{done}")
    count, removed = sum(one.count for one in found), sum(one.removed for one in found)
    if as_json:
        told = [{"stream": one.stream, "duplicates": one.count, "removed": one.removed} for one in found]
        print_json({"streams": told, "duplicates": count, "removed": removed})
    else:
        left = count - removed
        hint = "; --remove removes the later copies" if left else ""
        typer.echo(f"{len(found)} data streams, {left} duplicates{hint}")
    return count == removed


def _watched[Found](found: Iterable[Found]) -> Iterator[Found]:
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        yield from progress.track(found, description="data streams")

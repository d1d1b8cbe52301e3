"""What `mllog check` runs, and how it reports."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import typer

from mllog.cli._output import print_json, progress
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
        print_json({"ok": good, "steps": [{**vars(step), "verdict": step.verdict.value} for step in steps]})
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
    canary_event = canary(intake.environment, secrets=endpoint is not None)
    lookup = ClusterDestination(cluster, canary_event.stream)
    if endpoint is None:
        yield unproved(
            "events come through Logstash", "no --endpoint was given: the canary goes straight to Elasticsearch"
        )
        send = direct_sender(cluster)
    else:
        send = sender(endpoint, stack.enter_context(endpoint.client()))
    yield from check_canary(send, lookup, canary_event, seconds=intake.seconds, redacted=endpoint is not None)


def _embedded(endpoint: Endpoint | None, intake: Intake, stack: ExitStack) -> Iterator[Step]:
    if endpoint is None:
        raise ConfigurationError("nothing to check: use --elasticsearch URL, --endpoint URL of `mllog serve`, or both")
    client = stack.enter_context(endpoint.client())
    canary_event = canary(intake.environment)
    lookup = EmbeddedDestination(endpoint, client)
    if lookup.find(canary_event.id):  # the id is new; a Logstash has failed by now: no JSON
        raise ClusterError(f"{endpoint.url}: it returns an event that was never sent")
    yield Step(f"mllog serve answers at {endpoint.url}")
    yield from check_canary(sender(endpoint, client), lookup, canary_event, seconds=intake.seconds)


def duplicates(access: Access, streams: str, *, remove: bool, as_json: bool) -> bool:
    """Count events that a stream holds twice, and remove the later copies; whether none is left.

    Raises:
        MllogError: the cluster refuses.
    """
    results = []
    with ExitStack() as stack:
        cluster, _ = access.open(stack)
        for one in _with_progress(find_duplicates(cluster, streams)):
            if remove:
                remove_duplicates(cluster, one)
            results.append(one)
            if not as_json and one.count:
                done = f", {one.removed} removed" if remove else ""
                typer.echo(f"{one.stream}: {one.count} of {one.events} events are stored twice{done}")
    count, removed = sum(one.count for one in results), sum(one.removed for one in results)
    if as_json:
        streams_json = [{"stream": one.stream, "duplicates": one.count, "removed": one.removed} for one in results]
        print_json({"streams": streams_json, "duplicates": count, "removed": removed})
    else:
        left = count - removed
        hint = "; --remove removes the later copies" if left else ""
        typer.echo(f"{len(results)} data streams, {left} duplicates{hint}")
    return count == removed


def _with_progress[Found](streams: Iterable[Found]) -> Iterator[Found]:
    with progress() as bar:
        yield from bar.track(streams, description="data streams")

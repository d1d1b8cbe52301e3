"""Checks that what setup installed is present, in effect, and used with the least privileges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mllog.cluster._elasticsearch import Cluster
from mllog.cluster._target import Target
from mllog.errors import ClusterError
from mllog.install._objects import PIPELINE, TEMPLATE, is_ours, is_untouched
from mllog.install._plan import STREAMS, Plan, installed_objects, plan
from mllog.install._steps import Step, failed, unproved

_FINAL: Final = "mllog-ingested"
_WRITER_MAY: Final = {"cluster": ["monitor"], "index": ["create_doc", "auto_configure"]}
_WRITER_MAY_NOT: Final = ("read", "delete", "index", "write", "manage", "all")


def check_cluster(cluster: Cluster, writer: Target | None = None) -> Iterator[Step]:
    """Check what setup installed.

    Args:
        cluster: opened with a credential of the role mllog_setup.
        writer: the credential of Logstash, to check its privileges too.
    """
    yield Step(f"Elasticsearch {cluster.version} responds at {cluster.target.url}")
    try:
        planned = plan(cluster)
    except ClusterError as error:
        yield failed("templates can be read", str(error))
        return
    yield from _installed(planned)
    yield _models(cluster)
    yield _final_pipeline(cluster)
    yield _lifecycle(cluster)
    yield from _writer(writer)


def _installed(planned: Plan) -> Iterator[Step]:
    name = "templates, policies and pipeline are those of this mllog"
    if planned.changes:
        what = ", ".join(f"{change.item.title} ({change.why.value})" for change in planned.changes)
        force = " --force" if any(change.needs_force for change in planned.changes) else ""
        yield failed(name, f"different: {what}", f"`mllog setup --dry-run` shows how, `mllog setup{force}` repairs it")
    else:
        yield Step(name)
    if planned.rollovers:
        one = planned.rollovers[0]
        cause = f"{len(planned.rollovers)} data streams are outdated ({one.stream}: {one.reasons[0]})"
        yield failed("every data stream writes by its template", cause, "`mllog setup` rolls them over")
    else:
        yield Step("every data stream writes by its template")
    if planned.winners:
        yield failed("no foreign template takes precedence over them", "; ".join(planned.winners))
    else:
        yield Step("no foreign template takes precedence over them")


def _models(cluster: Cluster) -> Step:
    """Templates of single models: without their profiles only manual changes can be detected."""
    name = "templates of single models are as setup made them"
    ours = {key: body for key, body in installed_objects(cluster, TEMPLATE).items() if is_ours(TEMPLATE, body)}
    touched = sorted(key for key, body in ours.items() if not is_untouched(TEMPLATE, body))
    if touched:
        cause = f"changed by hand: {', '.join(touched)}"
        return failed(name, cause, "`mllog setup --profile FILE --dry-run` shows how, --force writes over it")
    return Step(name)


def _final_pipeline(cluster: Cluster) -> Step:
    name = "the final pipeline sets event.ingested"
    body = {"docs": [{"_source": {"event": {"id": "x"}}}]}
    try:
        response = cluster.request("POST", f"{PIPELINE.path}/{_FINAL}/_simulate", body)
    except ClusterError as error:
        return failed(name, str(error), "run `mllog setup`")
    (result,) = response["docs"]
    if "ingested" not in result.get("doc", {}).get("_source", {}).get("event", {}):
        return failed(name, str(result.get("error", {}).get("reason", "it did not")), "run `mllog setup --force`")
    return Step(name)


def _lifecycle(cluster: Cluster) -> Step:
    name = "index lifecycle management runs"
    try:
        mode = cluster.request("GET", "_ilm/status")["operation_mode"]
    except ClusterError as error:
        return unproved(name, f"the cluster does not say ({error})")
    if mode != "RUNNING":
        return failed(name, f"it is {mode}, so nothing is rolled over or deleted", "POST _ilm/start")
    behind = cluster.request("GET", f"{STREAMS}/_ilm/explain", missing={}, only_errors="true", only_managed="true")
    if behind.get("indices"):
        index, explanation = next(iter(behind["indices"].items()))
        reason = explanation.get("step_info", {}).get("reason", explanation.get("failed_step", "?"))
        return failed(name, f"{index} is stuck: {reason}", f"fix that, then POST {index}/_ilm/retry")
    return Step(name)


def _writer(writer: Target | None) -> Iterator[Step]:
    name = "the writer's key may create events and nothing else"
    if writer is None:
        yield unproved(name, "no --writer-key-file was given")
        return
    privileges = {
        "cluster": [*_WRITER_MAY["cluster"], "manage", "manage_security"],
        "index": [
            {"names": ["logs-mllog.x-default"], "privileges": [*_WRITER_MAY["index"], *_WRITER_MAY_NOT]},
            {"names": ["logs-other-default"], "privileges": ["create_doc", "read"]},
        ],
    }
    try:
        with Cluster(writer) as other:
            response = other.request("POST", "_security/user/_has_privileges", privileges)
    except ClusterError as error:
        off = error.status in (400, 405)
        if off:
            yield failed(name, "security is off: everyone who reaches the cluster may read and delete", "turn it on")
        else:
            yield failed(name, str(error))
        return
    ours, others = response["index"]["logs-mllog.x-default"], response["index"]["logs-other-default"]
    lacks = [one for one in _WRITER_MAY["cluster"] if not response["cluster"][one]]
    lacks += [one for one in _WRITER_MAY["index"] if not ours[one]]
    beyond = [one for one in ("manage", "manage_security") if response["cluster"][one]]
    beyond += [one for one in _WRITER_MAY_NOT if ours[one]]
    beyond += [f"{one} elsewhere" for one, has in others.items() if has]
    if lacks:
        cause = f"it lacks {', '.join(lacks)}; Logstash would retry for ever and block every model"
        yield failed(name, cause, "create a key with `mllog setup --keys`")
    elif beyond:
        yield failed(name, f"it may also {', '.join(beyond)}", "replace it by a key of `mllog setup --keys`")
    else:
        yield Step(name)

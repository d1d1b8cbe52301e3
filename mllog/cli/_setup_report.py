"""What `mllog setup` runs, and how it reports."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from mllog import install
from mllog.cli._options import ClusterOptions
from mllog.cli._output import print_json, working
from mllog.errors import ClusterError, ConfigurationError
from mllog.profile import Profile


@dataclass(frozen=True)
class Access:
    """How to reach a cluster and its Kibana."""

    options: ClusterOptions
    kibana: str | None = None

    def open(self, stack: ExitStack) -> tuple[install.Cluster, install.Kibana | None]:
        """Both, until the stack is left.

        Raises:
            ConfigurationError: no cluster is given.
            ClusterError: one of them cannot be reached.
        """
        address = self.options.address
        if address is None:
            raise ConfigurationError(
                "no cluster given: use --elasticsearch https://host:port, or set MLLOG_ELASTICSEARCH_URL"
            )
        cluster = stack.enter_context(install.Cluster(self._target(address)))
        if self.kibana is None:
            return cluster, None
        return cluster, stack.enter_context(install.Kibana(self._target(self.kibana, 2)))

    def _target(self, address: str, service: int = 1) -> install.Target:
        return install.target_from(
            install.cloud_url(address, service),
            user=self.options.user,
            password_file=self.options.password_file,
            api_key_file=self.options.api_key_file,
            ca=self.options.ca,
        )


def setup(
    access: Access,
    profiles: Sequence[Profile],
    retention: Sequence[str],
    keys: Path | None,
    *,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Install what is missing or different, and say what was done; or only what would be.

    Raises:
        MllogError: the cluster refuses, or changes that mllog did not make would be overwritten.
    """
    chosen = install.parse_retention(retention)
    with ExitStack() as stack:
        with working("looking at the cluster"):
            cluster, kibana = access.open(stack)
            if keys is not None:
                install.ensure_maker(cluster)
            planned = install.plan(cluster, retention=chosen, profiles=profiles, roles=keys is not None)
            in_kibana = None if kibana is None else _kibana_plan(kibana, profiles)
        new_keys = [] if keys is None else install.missing_keys(keys)
        nothing = planned.is_empty and not new_keys and not (in_kibana and in_kibana.lines)
        notes = install.limits(cluster) if as_json or not nothing else []
        lines: list[str] = []
        if not dry_run and not nothing:
            if keys is not None:
                install.ensure_folder(keys)
            with working("installing"):
                lines += _echo(install.apply(cluster, planned, force=force), as_json=as_json)
                if keys is not None:
                    lines += _echo(install.make_keys(cluster, keys), as_json=as_json)
                if kibana is not None and in_kibana is not None:
                    lines += _echo(install.apply_kibana(kibana, in_kibana), as_json=as_json)
        if as_json:
            print_json(_report(cluster, planned, in_kibana, new_keys, notes, lines, applied=not dry_run))
        elif nothing:
            typer.echo("no changes")
        else:
            if dry_run:
                _print_plan(planned, in_kibana, new_keys)
            _print_notes(planned, notes)
        if planned.winners:
            raise ClusterError("; ".join(planned.winners))


def _kibana_plan(kibana: install.Kibana, profiles: Sequence[Profile]) -> install.KibanaPlan:
    return install.plan_kibana(kibana, install.bundles_of(profiles), install.rules_of(profiles))


def _echo(lines: Iterator[str], *, as_json: bool) -> Iterator[str]:
    for line in lines:
        if not as_json:
            typer.echo(line)
        yield line


def _print_plan(planned: install.Plan, in_kibana: install.KibanaPlan | None, keys: Sequence[str]) -> None:
    """What would change, for people."""
    for change in planned.changes:
        mark = {install.Reason.ABSENT: "+ create", install.Reason.OUTDATED: "~ update"}.get(change.why, "! overwrite")
        why = f" ({change.why.value}: needs --force)" if change.needs_force else ""
        typer.echo(f"{mark} {change.item.title}{why}")
        for line in change.diff:
            typer.echo(f"    {line}")
    for rollover in planned.rollovers:
        typer.echo(f"~ roll over {rollover.stream}")
        for line in rollover.reasons[:10]:
            typer.echo(f"    {line}")
        if len(rollover.reasons) > 10:
            typer.echo(f"    and {len(rollover.reasons) - 10} more")
    for name in keys:
        typer.echo(f"+ create API key mllog-{name}")
    for line in in_kibana.lines if in_kibana else ():
        typer.echo(f"+ {line}")


def _print_notes(planned: install.Plan, notes: Sequence[str]) -> None:
    """What the retention means, and what the licence does not allow."""
    for name, outlook in planned.outlooks.items():
        typer.echo(
            f"retention {name}: kept {outlook.retention} at least, {outlook.oldest} at most; {outlook.shards} primary "
            "shards for each data stream, twice that with a replica, more above 50 GB a quarter"
        )
    for note in notes:
        typer.echo(note)


def _report(
    cluster: install.Cluster,
    planned: install.Plan,
    in_kibana: install.KibanaPlan | None,
    keys: Sequence[str],
    notes: Sequence[str],
    done: Sequence[str],
    *,
    applied: bool,
) -> dict[str, Any]:
    return {
        "version": cluster.version,
        "changes": [
            {"object": change.item.title, "why": change.why.value, "diff": list(change.diff)}
            for change in planned.changes
        ],
        "rollovers": [asdict(rollover) for rollover in planned.rollovers],
        "keys": [f"mllog-{name}" for name in keys],
        "kibana": in_kibana.lines if in_kibana else [],
        "retention": {name: asdict(outlook) for name, outlook in planned.outlooks.items()},
        "licence": list(notes),
        "problems": list(planned.winners),
        "applied": applied,
        "done": list(done),
    }


def uninstall(
    access: Access, profiles: Sequence[Profile], *, with_data: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Remove what setup made, after asking.

    Raises:
        MllogError: the cluster refuses, or there is no terminal to confirm on.
    """
    with ExitStack() as stack:
        cluster, kibana = access.open(stack)
        planned = install.removal(cluster, with_data=with_data)
        if not as_json:
            for line in planned.lines:
                typer.echo(f"- {line}")
            for line in planned.kept:
                typer.echo(line)
        if not yes and not dry_run:
            if as_json or not sys.stdin.isatty():
                raise ConfigurationError(
                    "--uninstall: there is no terminal to confirm on; use --yes, or --dry-run for a list"
                )
            typer.confirm("Remove these?", abort=True)
        lines: list[str] = []
        if not dry_run:
            lines += _echo(install.remove(cluster, planned), as_json=as_json)
            if kibana is not None:
                gone = install.remove_kibana(kibana, install.bundles_of(profiles), install.rules_of(profiles))
                lines += _echo(gone, as_json=as_json)
        if as_json:
            print_json({"removes": planned.lines, "keeps": list(planned.kept), "applied": not dry_run, "done": lines})
        elif not planned.lines and not lines:
            typer.echo("nothing to remove")

"""The options that more than one command takes: one name and one help text each, and groups that belong together.

A command takes a group as one parameter; `with_options` spreads it into the group's options for the command line.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from mllog.errors import ConfigurationError

if TYPE_CHECKING:
    from mllog.shipping import Endpoint
    from mllog.store import Store

STREAMS: Final = "logs-mllog.*"
"""All data streams of mllog."""

PORT: Final = 8650
"""Of the page and the receiver, where no other is named."""

# Arguments
Profiles = Annotated[list[Path], typer.Argument(help="Profile files, as Profile.save wrote them.")]
Spool = Annotated[Path, typer.Argument(help="The spool folder.")]
Configs = Annotated[
    list[Path], typer.Argument(help="Files, or folders whose *.conf are taken in the order of their names.")
]

# Output
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, for machines.")]
AsJsonLines = Annotated[bool, typer.Option("--json", help="A JSON object a line for each watch, for machines.")]
OutFolder = Annotated[Path, typer.Option("--out", help="Folder for the files; created if it does not exist.")]

# Selection
Index = Annotated[str, typer.Option(help="Data streams, with wildcards.")]
Model = Annotated[str | None, typer.Option(help="Only events of this model.")]
Since = Annotated[str | None, typer.Option(help="From this moment on: 7d ago, 2026-05-04, or a time; UTC.")]
Until = Annotated[str | None, typer.Option(help="Before this moment, in the same formats.")]
Subject = Annotated[str, typer.Option(metavar="FIELD=VALUE", help="The person, as in customer=17 or user.id=ann.")]

# Files
ProfileFiles = Annotated[list[Path] | None, typer.Option("--profile", help="Profile of a model; may be given again.")]
SpoolFolders = Annotated[list[Path] | None, typer.Option("--spool", help="A spool; may be given again.")]
Rules = Annotated[Path | None, typer.Option(help="redaction.toml with rules and names of your own.")]
HashRules = Annotated[
    Path | None, typer.Option("--rules", help="redaction.toml, if the field is stored as a keyed hash: tries all keys.")
]
AlertsConfig = Annotated[Path | None, typer.Option(help="alerts.toml: where alerts may go.")]
LimitsFile = Annotated[Path | None, typer.Option(help="watches.toml with limits of your own.")]
StateFile = Annotated[Path | None, typer.Option("--state", help="File of throttles and acknowledgements.")]

# Services
Port = Annotated[int, typer.Option(help="Port on 127.0.0.1 of page and receiver; 0 takes a free one.")]

# A cluster
ApiKeyFile = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        help="File with the cluster's API key; default: MLLOG_ELASTICSEARCH_API_KEY, or …_API_KEY_FILE.",
    ),
]
Ca = Annotated[
    Path | None,
    typer.Option("--ca", help="Certificates of the cluster's authority; default: MLLOG_ELASTICSEARCH_CA."),
]


@dataclasses.dataclass(frozen=True)
class StoreOptions:
    """Which store, and how to get into it."""

    store: Annotated[
        str | None,
        typer.Option("--store", help="Folder of the embedded store, or https://…; default: MLLOG_ELASTICSEARCH_URL."),
    ] = None
    api_key_file: ApiKeyFile = None
    ca: Ca = None

    @property
    def address(self) -> str | None:
        """The folder or URL; None if there is none."""
        return self.store or os.environ.get("MLLOG_ELASTICSEARCH_URL") or None

    @contextmanager
    def open(self) -> Iterator[Store]:
        """The store, closed at the end; an embedded store is never created.

        Raises:
            StoreError: it cannot be opened, or the folder has none.
            ConfigurationError: no store is given.
        """
        from mllog.store import open_store  # noqa: PLC0415 - an extra

        address = self.address
        if address is None:
            raise ConfigurationError("no store given: use --store PATH or URL, or set MLLOG_ELASTICSEARCH_URL")
        store = open_store(address, api_key_file=self.api_key_file, ca=self.ca, create=False)
        try:
            yield store
        finally:
            store.close()


@dataclasses.dataclass(frozen=True)
class ClusterOptions:
    """Which cluster, and as whom."""

    elasticsearch: Annotated[
        str | None,
        typer.Option("--elasticsearch", help="https://host:port, or a cloud id; default: MLLOG_ELASTICSEARCH_URL."),
    ] = None
    user: Annotated[str | None, typer.Option(help="Default: MLLOG_ELASTICSEARCH_USER.")] = None
    password_file: Annotated[
        Path | None,
        typer.Option(help="File with the password; default: MLLOG_ELASTICSEARCH_PASSWORD, or …_PASSWORD_FILE."),
    ] = None
    api_key_file: ApiKeyFile = None
    ca: Ca = None

    @property
    def address(self) -> str | None:
        """URL or cloud id; None if there is none."""
        return self.elasticsearch or os.environ.get("MLLOG_ELASTICSEARCH_URL") or None


@dataclasses.dataclass(frozen=True)
class EndpointOptions:
    """Where events are delivered, and as whom."""

    to: Annotated[str | None, typer.Option("--to", help="https://host:port; default: MLLOG_ENDPOINT.")] = None
    user: Annotated[str | None, typer.Option(help="User for basic authentication; default: MLLOG_ENDPOINT_USER.")] = (
        None
    )
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password; default: MLLOG_ENDPOINT_PASSWORD, or …_PASSWORD_FILE.")
    ] = None
    api_key_file: Annotated[
        Path | None, typer.Option(help="File with an API key; default: MLLOG_ENDPOINT_API_KEY, or …_API_KEY_FILE.")
    ] = None
    ca: Annotated[
        Path | None, typer.Option("--ca", help="Certificates of the authority; default: MLLOG_ENDPOINT_CA.")
    ] = None

    def endpoint(self) -> Endpoint:
        """The endpoint with its credentials.

        Raises:
            ConfigurationError: there is none, or its credentials do not fit together.
        """
        from mllog.shipping import endpoint_from  # noqa: PLC0415 - an extra

        return endpoint_from(
            self.to, user=self.user, password_file=self.password_file, api_key_file=self.api_key_file, ca=self.ca
        )


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Spread each parameter that is a group of options into the options of the group.

    Example:
        >>> @with_options
        ... def ship(*, endpoint: EndpointOptions, once: bool = False) -> None:
        ...     print(endpoint.to, once)
        >>> list(inspect.signature(ship).parameters)
        ['to', 'user', 'password_file', 'api_key_file', 'ca', 'once']
        >>> ship(to="https://logstash:8080", user=None, password_file=None, api_key_file=None, ca=None, once=True)
        https://logstash:8080 True
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, type[Any]] = {}
    for name, parameter in signature.parameters.items():
        if isinstance(parameter.annotation, type) and dataclasses.is_dataclass(parameter.annotation):
            groups[name] = parameter.annotation
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += _options(groups[name]) if name in groups else [parameter]

    @functools.wraps(command)
    def spread(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{option.name: values.pop(option.name) for option in dataclasses.fields(group)})
        command(**values)

    spread.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return spread


def _options(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=hints[option.name]
        )
        for option in dataclasses.fields(group)
    ]

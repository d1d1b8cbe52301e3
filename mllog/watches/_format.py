"""The file format of a watch: the subset of Watcher's JSON that runs everywhere, as types."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from mllog._decode import Duration, Text

Severity = Literal["notify", "triage", "automate"]
SEVERITIES: Final[tuple[Severity, ...]] = ("notify", "triage", "automate")
COMPARISONS: Final = ("eq", "not_eq", "gt", "gte", "lt", "lte")
CONDITIONS: Final = ("compare", "array_compare", "always", "never")
ACTIONS: Final = ("logging", "index", "webhook")

_SECRET_HEADERS: Final = {"authorization", "proxy-authorization", "cookie", "x-api-key"}
_TEMPLATE: Final = "{{"

Json = dict[str, Any]
_Host = Annotated[str, Meta(pattern="^[A-Za-z0-9.:-]+$", description="the name of a host, without a template")]
_Index = Annotated[
    str, Meta(pattern="^[a-z0-9][a-z0-9_.-]{0,200}$", description="the name of one index or data stream")
]
_Path = Annotated[str, Meta(pattern="^/", description="a path that begins with /")]


class Metadata(Struct, frozen=True):
    """What identifies a watch; further keys are free."""

    name: Text
    severity: Severity


class Schedule(Struct, frozen=True, forbid_unknown_fields=True):
    """How often the watch is evaluated."""

    interval: Duration


class Trigger(Struct, frozen=True, forbid_unknown_fields=True):
    """Only a schedule runs everywhere."""

    schedule: Schedule


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """The search; `rest_total_hits_as_int` must be true, or `hits.total` is not a number everywhere."""

    indices: Annotated[tuple[Text, ...], Meta(min_length=1, description="an array of names")]
    body: Json
    rest_total_hits_as_int: bool
    indices_options: Json = {}
    search_type: str = ""

    def __post_init__(self) -> None:
        if not self.rest_total_hits_as_int:
            raise ValueError("rest_total_hits_as_int: must be true, or hits.total is not a number everywhere")


class Search(Struct, frozen=True, forbid_unknown_fields=True):
    """An input that searches."""

    request: Request
    timeout: str = ""


class Input(Struct, frozen=True, forbid_unknown_fields=True):
    """Only a search runs everywhere."""

    search: Search


class Compare(Struct, frozen=True, forbid_unknown_fields=True):
    """One comparison with a value or a template."""

    eq: Any | UnsetType = UNSET
    not_eq: Any | UnsetType = UNSET
    gt: Any | UnsetType = UNSET
    gte: Any | UnsetType = UNSET
    lt: Any | UnsetType = UNSET
    lte: Any | UnsetType = UNSET

    def __post_init__(self) -> None:
        if sum(getattr(self, name) is not UNSET for name in COMPARISONS) != 1:
            raise ValueError(f"expected one of {', '.join(COMPARISONS)}")


class ArrayCompare(Compare, frozen=True, forbid_unknown_fields=True):
    """One comparison for the elements of an array, each at a path inside it."""

    path: str = ""


class Condition(Struct, frozen=True, forbid_unknown_fields=True):
    """One condition, on paths that begin with `ctx.`."""

    compare: dict[str, Compare] | UnsetType = UNSET
    array_compare: dict[str, ArrayCompare] | UnsetType = UNSET
    always: Json | UnsetType = UNSET
    never: Json | UnsetType = UNSET

    def __post_init__(self) -> None:
        if sum(getattr(self, name) is not UNSET for name in CONDITIONS) != 1:
            raise ValueError(f"expected one of {', '.join(CONDITIONS)}")
        for kind, paths in (("compare", self.compare), ("array_compare", self.array_compare)):
            if isinstance(paths, UnsetType):
                continue
            if len(paths) != 1:
                raise ValueError(f"{kind}: expected one path")
            (path,) = paths
            if not path.startswith("ctx."):
                raise ValueError(f"{kind}: {path!r} does not begin with ctx.")


class LoggingAction(Struct, frozen=True, forbid_unknown_fields=True):
    """Log a text."""

    text: str
    level: str = "info"
    category: str = ""


class IndexAction(Struct, frozen=True, forbid_unknown_fields=True):
    """Store the result of the search."""

    index: _Index


class WebhookAction(Struct, frozen=True, forbid_unknown_fields=True):
    """Send a request to a fixed address; secrets stand in `alerts.toml`, not here."""

    host: _Host
    port: int
    scheme: Literal["http", "https"] = "http"
    method: str = "post"
    path: _Path = "/"
    headers: dict[str, str] = {}
    body: str = ""

    def __post_init__(self) -> None:
        for name in ("path", "method"):
            if _TEMPLATE in getattr(self, name):
                raise ValueError(f"{name}: expected a text without a template")
        for name, value in self.headers.items():
            if name.lower() in _SECRET_HEADERS or _TEMPLATE in value:
                raise ValueError(f"headers.{name}: secrets and templates are not allowed here; use alerts.toml")


class ActionFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One action of a kind that runs everywhere; mail and the like are configured in `alerts.toml`."""

    logging: LoggingAction | None = None
    index: IndexAction | None = None
    webhook: WebhookAction | None = None
    throttle_period: Duration | None = None

    def __post_init__(self) -> None:
        if sum(getattr(self, kind) is not None for kind in ACTIONS) != 1:
            raise ValueError(f"expected one of {', '.join(ACTIONS)}; mail and other actions belong in alerts.toml")


class WatchFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A watch."""

    metadata: Metadata
    trigger: Trigger
    input: Input
    condition: Condition
    actions: dict[str, ActionFile]
    throttle_period: Duration = "5s"
    throttle_period_in_millis: Annotated[float, Meta(gt=0, description="milliseconds")] | None = None

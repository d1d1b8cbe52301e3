"""Dashboards for Kibana: compiled to saved objects (extra `kibana`), and checked before an import.

The page of `mllog serve` draws the same definitions without this package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mllog.dashboards._build import build
from mllog.dashboards._panels import Dashboard
from mllog.dashboards.kibana._check import check
from mllog.errors import MissingExtraError
from mllog.event._names import slug
from mllog.profile import Profile

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["check", "compile", "to_yaml", "write"]


def _compiler() -> ModuleType:
    try:
        from mllog.dashboards.kibana import _compile  # noqa: PLC0415 - kb-dashboard-core is an extra, and slow to import
    except ModuleNotFoundError as error:
        raise MissingExtraError("compiling dashboards for Kibana", "kibana") from error
    return _compile


def to_yaml(dashboard: Dashboard) -> str:
    """The definition in the format of kb-dashboard-core, for people to read and to change.

    Raises:
        MissingExtraError: the extra `kibana` is not installed.

    Example:
        >>> from mllog.dashboards import build_unprofiled
        >>> to_yaml(build_unprofiled("late")).splitlines()[1]
        "- name: 'mllog: inputs of late'"
    """
    text: str = _compiler().to_yaml(dashboard)
    return text


def compile(profile: Profile | Mapping[str, Any], *, environment: str = "*") -> bytes:  # noqa: A001 - it compiles
    """Kibana's saved objects as NDJSON: dashboard, data view, saved search and tag, ready to import.

    The same profile gives the same bytes.

    Raises:
        DashboardError: kb-dashboard-core refuses the definition.
        MissingExtraError: the extra `kibana` is not installed.

    Example:
        >>> check(compile(Profile("late", "1.0", ())))
        []
    """
    ndjson: bytes = _compiler().compile_dashboard(build(profile, environment=environment))
    return ndjson


def write(profiles: Iterable[Profile | Mapping[str, Any]], out_dir: str | Path) -> list[Path]:
    """Write `dashboards/<model>.yaml` and `saved_objects/<model>.ndjson` for each profile; returns the files.

    Raises:
        DashboardError: a definition cannot be compiled.
        MissingExtraError: the extra `kibana` is not installed.
    """
    written: list[Path] = []
    for profile in profiles:
        dashboard = build(profile)
        name = slug(dashboard.model)
        for folder, suffix, content in (
            ("dashboards", "yaml", to_yaml(dashboard).encode()),
            ("saved_objects", "ndjson", _compiler().compile_dashboard(dashboard)),
        ):
            path = Path(out_dir) / folder / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.append(path)
    return written

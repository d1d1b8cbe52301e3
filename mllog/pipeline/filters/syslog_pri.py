"""The syslog_pri filter: the priority of a syslog message becomes facility and severity (RFC 5424, section 6.2.1)."""

from __future__ import annotations

import re
from typing import Any, Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, write
from mllog.pipeline._settings import ARRAY, BOOLEAN, STRING, Schema, Setting
from mllog.pipeline.filters._common import COMMON, Filter, matched

SCHEMA: Final = Schema(
    {
        **COMMON, "syslog_pri_field_name": STRING, "use_labels": BOOLEAN, "facility_labels": ARRAY,
        "severity_labels": ARRAY, "ecs_compatibility": Setting(choices=("disabled", "v1", "v8")),
    }
)  # fmt: skip

_DEFAULT: Final = 13
_FACILITIES: Final = (
    "kernel", "user-level", "mail", "daemon", "security/authorization", "syslogd", "line printer", "network news",
    "uucp", "clock", "security/authorization", "ftp", "ntp", "log audit", "log alert", "clock", "local0", "local1",
    "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
_SEVERITIES: Final = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug")
_LEADING: Final = re.compile(r"\s*([+-]?[0-9]+(?:_[0-9]+)*)")


def _whole(value: Any) -> int:
    """As Ruby's `to_i`: the digits that a text begins with, else 0.

    Raises:
        TypeError: of something that has no number, such as an object.
    """
    if value is None:
        return 0
    if isinstance(value, str):
        found = _LEADING.match(value)
        return int(found[1]) if found else 0
    if isinstance(value, dict | list | bool):
        raise TypeError
    return int(value)


def build(plugin: Plugin) -> Filter:
    """A function that writes the codes, and their names where there is one."""
    settings = plugin.settings
    ecs = settings.get("ecs_compatibility", "v8") != "disabled"
    source = _field.path(settings.get("syslog_pri_field_name", "[log][syslog][priority]" if ecs else "syslog_pri"))
    levels = (
        (settings.get("severity_labels", _SEVERITIES), "[log][syslog][severity]", "syslog_severity"),
        (settings.get("facility_labels", _FACILITIES), "[log][syslog][facility]", "syslog_facility"),
    )
    named = settings.get("use_labels", True)
    targets = [
        (
            labels,
            _field.path(f"{new}[code]" if ecs else f"{old}_code"),
            _field.path(f"{new}[name]" if ecs else old),
        )
        for labels, new, old in levels
    ]
    done = matched(plugin)

    def run(event: Event) -> bool:
        given = _field.get(event, source)
        if isinstance(given, list):
            priority = _whole(given[0]) if given else 0
        else:
            priority = _DEFAULT if given is None or given is False else _whole(given)
        for code, (labels, number, name) in zip((priority & 7, priority >> 3), targets, strict=True):
            write(event, number, code)
            if named and -len(labels) <= code < len(labels):
                write(event, name, labels[code])
        if done is not None:
            done(event)
        return True

    return run

"""The logging module: an application's own records as the events that mllog's sinks write, on any handler."""

from __future__ import annotations

import logging
from typing import Any

from mllog.errors import MissingExtraError
from mllog.event import _records
from mllog.event._stamps import dumps

try:
    from pythonjsonlogger.orjson import OrjsonFormatter
except ImportError as missing:
    raise MissingExtraError("mllog.JsonFormatter", "logging") from missing


class JsonFormatter(OrjsonFormatter):
    """Formats a record as one line of JSON in ECS, redacted, with the trace id and labels of its request.

    A python-json-logger formatter: `static_fields`, `defaults` and `rename_fields` work as there. Fields of `extra=`
    with an ECS name that the index knows (`http.request.method`, `user.id`) go to their place; all others become
    `labels.*`. mllog's own handlers write the same fields without a formatter.

    Example:
        >>> import json, logging, mllog
        >>> record = logging.makeLogRecord({"name": "shop", "msg": "mail to ann@example.com", "order": 7})
        >>> event = json.loads(mllog.JsonFormatter(rename_fields={"order": "order_id"}).format(record))
        >>> event["message"], event["labels"]
        ('mail to [REDACTED:email]', {'order_id': '7'})
    """

    makes_events = True
    """mllog's own handlers take the text of such a formatter as it is."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON; never raises."""
        try:
            return super().format(record)
        except Exception:  # noqa: BLE001 - a message whose arguments do not fit, say
            return dumps(_records.from_log_record(record)).decode()

    def formatException(self, ei: Any) -> str:  # noqa: ARG002, N802 - the event has the exception itself
        """Nothing: `error.*` says it."""
        return ""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Make the event out of the record and whatever python-json-logger collects from it."""
        extra: dict[str, Any] = {}
        super().add_fields(extra, record, message_dict)
        if isinstance(record.msg, dict):  # its items are there already
            extra = {name: value for name, value in extra.items() if name not in record.msg}
        for own in ("message", "exc_info", "mllog_line"):
            extra.pop(own, None)
        log_data.update(_records.from_log_record(record, extra))

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """The event as text; what orjson refuses is made plain first."""
        return dumps(log_data).decode()

"""The embedded runner of Logstash configuration: a named subset, checked against recordings of Logstash 9.5.2.

Example:
    >>> pipeline = load_text('filter { mutate { uppercase => ["message"] } }')
    >>> pipeline.filter(event_from_line("hello"))[0]["message"]
    'HELLO'
"""

from __future__ import annotations

from mllog.errors import PipelineError
from mllog.pipeline._cases import CaseResult, run_cases
from mllog.pipeline._compile import Destination
from mllog.pipeline._config import Plugin
from mllog.pipeline._coverage import Coverage
from mllog.pipeline._environ import environ_with_kept_key, environ_with_key
from mllog.pipeline._event import Event, Timestamp, encode, encode_bytes, event_from_json, event_from_line
from mllog.pipeline._run import Pipeline, check, evaluate, load, load_text, with_index_pipeline

__all__ = [
    "CaseResult",
    "Coverage",
    "Destination",
    "Event",
    "Pipeline",
    "PipelineError",
    "Plugin",
    "Timestamp",
    "check",
    "encode",
    "encode_bytes",
    "environ_with_kept_key",
    "environ_with_key",
    "evaluate",
    "event_from_json",
    "event_from_line",
    "load",
    "load_text",
    "run_cases",
    "with_index_pipeline",
]

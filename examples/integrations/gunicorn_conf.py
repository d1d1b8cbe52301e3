"""gunicorn --config gunicorn_conf.py with_flask:app: two workers whose spool is sealed when they end."""

from __future__ import annotations

from mllog.integrations.gunicorn import child_exit, worker_exit

__all__ = ["child_exit", "worker_exit"]

workers = 2

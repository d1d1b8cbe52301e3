"""The page of `mllog serve`: the models, and for each the dashboard that its profile defines."""

from __future__ import annotations

from mllog.server.page._router import create_router

__all__ = ["create_router"]

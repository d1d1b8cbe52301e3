"""Delivers a spool by HTTP; needs `mllog[ship]`."""

from __future__ import annotations

from mllog.spool._endpoint import Endpoint, Verdict, endpoint_of, verdict
from mllog.spool._shipper import Shipper, ShipStatus, replay

__all__ = ["Endpoint", "ShipStatus", "Shipper", "Verdict", "endpoint_of", "replay", "verdict"]

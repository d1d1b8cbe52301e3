"""Delivers a spool by HTTP; needs `mllog[ship]`."""

from __future__ import annotations

from mllog.shipping._endpoint import Endpoint, Verdict, endpoint_from, verdict
from mllog.shipping._replay import replay
from mllog.shipping._service import ServiceShipper
from mllog.shipping._shipper import Shipper, ShipStatus

__all__ = ["Endpoint", "ServiceShipper", "ShipStatus", "Shipper", "Verdict", "endpoint_from", "replay", "verdict"]

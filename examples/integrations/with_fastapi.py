"""A FastAPI service: its predictions, its own records, structlog's, and one of the request, all with one trace id.

MLLOG_SPOOL=spool uvicorn with_fastapi:app --workers 2
curl 'http://127.0.0.1:8000/flights/UA1545?delay=12.5' && mllog spool cat spool
"""

from __future__ import annotations

import logging

import structlog
from fastapi import FastAPI

import mllog
from mllog.integrations.fastapi import Middleware
from mllog.integrations.structlog import configure

mllog.configure(service="flights")  # where events go is said by MLLOG_SPOOL
configure()  # structlog
logging.basicConfig(level=logging.INFO, handlers=[mllog.RecordHandler()])  # the logging module

late = mllog.model("late", "1.0")
app = FastAPI()
app.add_middleware(Middleware)


@app.get("/flights/{flight}")
async def flight(flight: str, delay: float) -> dict[str, bool | str]:
    """Say whether a flight will be late."""
    logging.getLogger("flights").info("asked by the logging module")
    await structlog.get_logger("flights").ainfo("asked by structlog")
    with late.observe({"delay": delay, "carrier": flight[:2]}) as call:
        call.outputs = {"late": delay > 10}
    return {"late": delay > 10, "prediction_id": call.prediction_id}

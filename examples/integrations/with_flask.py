"""A Flask service: predictions, records and requests in one spool.

MLLOG_SPOOL=spool gunicorn --config gunicorn_conf.py with_flask:app
curl 'http://127.0.0.1:8000/flights/UA1545?delay=12.5' && mllog spool cat spool
"""

from __future__ import annotations

import logging

import flask

import mllog
from mllog.integrations.wsgi import Middleware

mllog.configure(service="flights")  # where events go is said by MLLOG_SPOOL
logging.basicConfig(level=logging.INFO, handlers=[mllog.RecordHandler()])

late = mllog.model("late", "1.0")
app = flask.Flask("flights")
app.wsgi_app = Middleware(app.wsgi_app)


@app.get("/flights/<flight>")
def flight(flight: str) -> dict[str, bool | str]:
    """Say whether a flight will be late."""
    delay = float(flask.request.args["delay"])
    logging.getLogger("flights").info("asked")
    with late.observe({"delay": delay, "carrier": flight[:2]}) as call:
        call.outputs = {"late": delay > 10}
    return {"late": delay > 10, "prediction_id": call.prediction_id}

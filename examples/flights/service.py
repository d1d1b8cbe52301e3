"""A service that predicts whether a flight will be late, observed by mllog.

    python service.py FOLDER [--fd N]

takes the model and the profile that `train.py` wrote, and listens on 127.0.0.1:8000 or on a socket
that it inherits. All that mllog needs is marked.
"""

from __future__ import annotations

import argparse
import datetime as dt
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import joblib
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

import mllog
from mllog.integrations.fastapi import Middleware


class Request(BaseModel):
    """A flight that is about to leave."""

    inputs: dict[str, Any]
    timestamp: dt.datetime | None = None


class Answer(BaseModel):
    """What the model says of it."""

    late: bool
    probability: float
    prediction_id: str


def create_app(folder: Path) -> FastAPI:
    """The service over a trained model."""
    model = joblib.load(folder / "model.joblib")
    log = mllog.model("flights_delay", profile=folder / "profile.json")  # mllog: one logger per model

    app = FastAPI(title="flights")
    app.add_middleware(Middleware, access=False)  # mllog: trace and request ids on every event

    @app.post("/predict")
    async def predict(request: Request) -> Answer:
        with log.observe(request.inputs, timestamp=request.timestamp) as call:  # mllog: times and logs the call
            probability = model.probability(request.inputs)
            call.outputs = {"probability": probability, "late": probability > 0.5}
        return Answer(late=probability > 0.5, probability=probability, prediction_id=call.prediction_id)

    @app.get("/stats")
    async def stats() -> dict[str, Any]:
        return mllog.stats()

    return app


def _leave_with(parent: Any, server: uvicorn.Server) -> None:
    """Stop when whoever started the service is gone: its end of the pipe closes, however it died."""
    parent.read()
    server.should_exit = True


def main() -> None:
    """Run the service."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where train.py wrote the model and the profile")
    parser.add_argument(
        "--fd", type=int, help="a listening socket that was inherited; then stdin is the starter's pipe"
    )
    arguments = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))  # the pickled model is a class of train.py

    mllog.configure(service="flights", version="1.0.0")  # mllog: where events go is said by MLLOG_*
    config = uvicorn.Config(
        create_app(arguments.folder), host="127.0.0.1", port=8000, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    if arguments.fd is None:
        server.run()
    else:
        threading.Thread(target=_leave_with, args=(sys.stdin.buffer, server), daemon=True).start()
        server.run(sockets=[socket.socket(fileno=arguments.fd)])


if __name__ == "__main__":
    main()

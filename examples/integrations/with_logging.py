"""The logging module and mllog in one spool, set up by `logging.config`.

    python with_logging.py SPOOL && mllog spool cat SPOOL

`mllog.SpoolHandler` stands on the logger `mllog`, and `mllog.RecordHandler` on the root logger hands it the rest.
What goes to standard error here is the same record, made by `mllog.JsonFormatter`.
"""

from __future__ import annotations

import logging.config
import sys

import mllog


def logging_configuration(spool: str) -> dict[str, object]:
    """What `dictConfig` takes; it could as well be a YAML file."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ecs": {"()": "mllog.JsonFormatter"}},
        "handlers": {
            "spool": {"class": "mllog.SpoolHandler", "path": spool},
            "records": {"class": "mllog.RecordHandler"},
            "console": {"class": "logging.StreamHandler", "formatter": "ecs"},
        },
        "root": {"level": "INFO", "handlers": ["records", "console"]},
        "loggers": {"mllog": {"handlers": ["spool"]}},
    }


def main() -> None:
    """Log a record and a prediction that belong together."""
    logging.config.dictConfig(logging_configuration(sys.argv[1]))
    shop = logging.getLogger("shop")
    late = mllog.model("late", "1.0")
    with mllog.bound(tenant="blue"):
        shop.info("asking for %s", "UA 1545", extra={"gate": 7})
        late.prediction({"delay": 12.5, "carrier": "UA"}, {"late": True})


if __name__ == "__main__":
    main()

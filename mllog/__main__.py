"""The command `mllog`: one line and an exit code for whatever goes wrong."""

from __future__ import annotations

import os
import sys

from mllog.errors import ConfigurationError, MissingExtraError, MllogError

_EXTRA_OF = {
    "httpx": "ship",
    "typer": "cli",
    "rich": "cli",
    "lark": "pipeline",
    "regex": "pipeline",
    "elasticsearch": "elasticsearch",
    "elastic_transport": "elasticsearch",
    "pyarrow": "parquet",
    "pandas": "profile",
    "numpy": "profile",
    "kb_dashboard_core": "kibana",
    "yaml": "kibana",
}


def main() -> None:
    """Run the command line; errors of mllog become one line on standard error and exit code 1."""
    try:
        from mllog.cli import app  # noqa: PLC0415 - its packages are an extra
        from mllog.cluster._credentials import holds_credentials  # noqa: PLC0415 - the same

        if any(map(holds_credentials, sys.argv[1:])):
            raise ConfigurationError(
                "no user and password inside the address, nor a key: every user of this machine can see it; "
                "use files or environment variables"
            )
        app()
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name == "mllog":
            raise
        _fail(MissingExtraError(f"this command ({name} is missing)", _EXTRA_OF.get(name, "embedded")))
    except MllogError as error:
        _fail(error)
    except OSError as error:  # the last resort: a command that knows more says it itself
        if isinstance(error, BrokenPipeError):  # `mllog spool cat … | head`: nobody reads on, which is no fault
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        place = error.filename2 or error.filename
        _fail(f"{'' if place is None else f'{os.fsdecode(place)}: '}{error.strerror or error}")


def _fail(error: Exception | str) -> None:
    print(f"mllog: {error}", file=sys.stderr)  # noqa: T201 - the command line's own voice
    raise SystemExit(1) from None


if __name__ == "__main__":
    main()

"""The exceptions of mllog: one hierarchy, so that a caller can catch them all.

Each message says what is wrong, where, and what to do, in one line: the command
line prints it as it is. Nothing here is ever raised into a service's request path.
"""

from __future__ import annotations

import threading


class MllogError(Exception):
    """Everything that mllog raises on purpose."""


class MissingExtraError(MllogError, ImportError):
    """A part needs packages that the base install does not bring.

    Example:
        >>> raise MissingExtraError("mllog.store", "embedded")
        Traceback (most recent call last):
        ...
        mllog.errors.MissingExtraError: mllog.store needs an extra: pip install 'mllog[embedded]'
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra: pip install 'mllog[{extra}]'")


class ConfigurationError(MllogError):
    """A setting has a value that cannot work."""


class ProfileError(MllogError):
    """A profile file or a training frame is not what it should be."""


class SpoolError(MllogError):
    """A spool folder or one of its segments cannot be used."""


class SpoolInUseError(SpoolError):
    """Another process reads the spool under the same name."""


class PipelineError(MllogError):
    """A Logstash configuration is wrong or outside the embedded subset.

    Args:
        reason: what is wrong, and what to do where that is not plain.
        file: name of the file as it was given.
        line: one-based line, 0 where no line is known.
        column: one-based column, 0 where no column is known.

    Example:
        >>> str(PipelineError("unknown filter 'nosuch'", file="20-redact.conf", line=3, column=5))
        "20-redact.conf:3:5: unknown filter 'nosuch'"
    """

    def __init__(self, reason: str, *, file: str = "<config>", line: int = 0, column: int = 0) -> None:
        super().__init__(f"{file}:{line}:{column}: {reason}")
        self.reason, self.file, self.line, self.column = reason, file, line, column


class StoreError(MllogError):
    """The store cannot be opened, read or written."""


class QueryError(StoreError):
    """A search or an aggregation is outside what the store answers."""


class EraseError(MllogError):
    """A person's events could not be erased, or not all of them."""


class WatchError(MllogError):
    """A watch is not one, or is outside the subset that runs everywhere."""


class ActionError(MllogError):
    """An action of a watch failed; the others went on."""


class DashboardError(MllogError):
    """A dashboard definition is wrong."""


class ClusterError(MllogError):
    """Elasticsearch or Kibana cannot be reached, refuses, or is not what it should be.

    Args:
        message: what is wrong, where, and what to do.
        status: of HTTP; 0 where nothing answered.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def must_propagate(error: BaseException) -> bool:
    """Whether an error that was caught while logging belongs to the service and is raised again.

    A `__repr__` or a property of the caller may raise anything, also what is no Exception. Of these only what ends
    the program is passed on: KeyboardInterrupt and SystemExit in the main thread.

    Example:
        >>> must_propagate(GeneratorExit()), must_propagate(KeyboardInterrupt())
        (False, True)
    """
    return isinstance(error, KeyboardInterrupt | SystemExit) and threading.current_thread() is threading.main_thread()

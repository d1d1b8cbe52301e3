"""The exceptions of mllog: one hierarchy, so that a caller can catch them all.

    MllogError
    ├── MissingExtraError      (also an ImportError)
    ├── ConfigurationError
    ├── ProfileError
    ├── SpoolError
    │   └── SpoolInUseError
    ├── PipelineError
    ├── StoreError
    │   └── QueryError
    ├── EraseError
    ├── WatchError
    ├── ActionError
    ├── DashboardError
    └── ClusterError

Each message states in one line what is wrong, where, and what to do; the command line prints it as it is.
None of them is ever raised into a service's request path: there, faults are counted in `mllog.stats()`.
"""

from __future__ import annotations

import threading

__all__ = [
    "ActionError",
    "ClusterError",
    "ConfigurationError",
    "DashboardError",
    "EraseError",
    "MissingExtraError",
    "MllogError",
    "PipelineError",
    "ProfileError",
    "QueryError",
    "SpoolError",
    "SpoolInUseError",
    "StoreError",
    "WatchError",
]


class MllogError(Exception):
    """The base of everything that mllog raises on purpose; catch it to handle them all.

    Example:
        >>> import mllog
        >>> try:
        ...     mllog.Profile.load("none.json")
        ... except mllog.errors.MllogError as error:
        ...     print(error)
        none.json: cannot read the profile: No such file or directory
    """


class MissingExtraError(MllogError, ImportError):
    """A part needs packages that the base install does not bring.

    Raised when that part is imported or first used. Install the extra that the message names.

    Example:
        >>> raise MissingExtraError("mllog.store", "embedded")
        Traceback (most recent call last):
        ...
        mllog.errors.MissingExtraError: mllog.store needs an extra: pip install 'mllog[embedded]'
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra: pip install 'mllog[{extra}]'")


class ConfigurationError(MllogError):
    """A setting, an option or an `MLLOG_*` variable has a value that cannot work, or is missing.

    Raised by `mllog.configure()`, `mllog.model()` and the commands, at the start and never for an event. The message
    names the setting; correct it and start again.
    """


class ProfileError(MllogError):
    """A profile file or a training frame is not valid.

    Raised by `Profile.load` and `Profile.from_json`, with file and JSON path, and by `Profile.learn` for a frame
    without rows or usable names. Profiles are not edited by hand: learn the profile again.
    """


class SpoolError(MllogError):
    """A spool folder or one of its segments cannot be read, written or delivered.

    Raised by the commands and by code that reads a spool; a service that cannot write its spool counts dropped events
    instead. Check that the folder exists, its permissions and the free space.
    """


class SpoolInUseError(SpoolError):
    """Another process reads the spool as the same consumer.

    Raised by the shipper and by `mllog serve`. Stop the other process, or leave the delivery to it.
    """


class PipelineError(MllogError):
    """A Logstash configuration is wrong, or outside the embedded subset.

    Raised when the configuration is loaded, so before any event. Correct the place that the message names, or run this
    configuration in Logstash.

    Args:
        reason: what is wrong, and the remedy if that is not plain.
        file: name of the file as it was given.
        line: one-based line; 0 if unknown.
        column: one-based column; 0 if unknown.

    Example:
        >>> str(PipelineError("unknown filter 'nosuch'", file="20-redact.conf", line=3, column=5))
        "20-redact.conf:3:5: unknown filter 'nosuch'"
    """

    def __init__(self, reason: str, *, file: str = "<config>", line: int = 0, column: int = 0) -> None:
        super().__init__(f"{file}:{line}:{column}: {reason}")
        self.reason, self.file, self.line, self.column = reason, file, line, column


class StoreError(MllogError):
    """The store cannot be opened, read or written.

    Raised for the embedded store and for Elasticsearch alike. An embedded store is open in one process at a time; of a
    cluster, check address, credentials and CA.
    """


class QueryError(StoreError):
    """A search or an aggregation is not valid, or outside what both stores support.

    Raised by searches, exports and the evaluation of watches. The message names the part of the query.
    """


class EraseError(MllogError):
    """A person's events could not be erased, or not all of them.

    What was erased stays erased. Remove the cause that the message names and run `mllog erase` again.
    """


class WatchError(MllogError):
    """A watch is not valid, is outside the subset that runs everywhere, or its state cannot be kept.

    Raised when watches are loaded, built or acknowledged. The message names file and place in the file.
    """


class ActionError(MllogError):
    """An action of a watch failed: a webhook, a mail, a command, or storing the alert.

    The runner records it in the outcome and carries on with the other actions; it is tried again when the watch is
    evaluated next.
    """


class DashboardError(MllogError):
    """A dashboard definition or a file of saved objects is not valid.

    Raised by `mllog.dashboards.kibana`. The message names the dashboard and the panel.
    """


class ClusterError(MllogError):
    """Elasticsearch or Kibana cannot be reached, refuses the request, or is not what the address promises.

    Raised by `mllog setup` and `mllog check`. Check the address, the CA and the privileges that the message names.

    Args:
        message: what is wrong, where, and what to do.
        status: of HTTP; 0 if there was no response.
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

"""The loggers of a program, one for each version of a model."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from mllog._configure import configure
from mllog._names import text_fault
from mllog._state import STATE
from mllog.emit._logger import ModelLogger
from mllog.errors import ConfigurationError

if TYPE_CHECKING:
    from mllog.profile import Profile

MODELS: Final[dict[tuple[str, str], ModelLogger]] = {}


def model(
    name: str,
    version: str | None = None,
    *,
    profile: Profile | str | Any | None = None,
    dataset: str | None = None,
    sample: float = 1.0,
    sample_key: str | None = None,
) -> ModelLogger:
    """The logger of a model; the same one for the same name and version. May precede `configure`.

    Args:
        name: name of the model.
        version: its version; default: the profile's, else that of the package the call stands in.
        profile: what training showed: a Profile, or the path of its file. Inputs are validated against it.
        dataset: lets small models share a data stream.
        sample: share of the valid, successful predictions that are logged, 0 to 1; the others always are.
        sample_key: name of an input; the same value is then always in or always out.

    Raises:
        ConfigurationError: a name or version is blank, or a share is outside 0 to 1.
        ProfileError: the profile's file is none.

    Example:
        >>> import mllog
        >>> mllog.model("late", "1.0") is mllog.model("late", "1.0")
        True
    """
    if text_fault(name):
        raise ConfigurationError(f"model: a name is a string that is not blank, not {name!r}")
    for argument, value in (("version", version), ("dataset", dataset), ("sample_key", sample_key)):
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"{argument}: {value!r} is not a string")
    if isinstance(sample, bool) or not isinstance(sample, int | float) or not 0.0 <= sample <= 1.0:
        raise ConfigurationError(f"sample: {sample!r} is not a share between 0 and 1")
    if STATE.sink is None and (os.environ.get("MLLOG_SPOOL") or os.environ.get("MLLOG_SINK")):
        configure()
    if isinstance(profile, (str, os.PathLike)):
        from mllog.profile import Profile  # noqa: PLC0415 - only where there is a profile

        profile = Profile.load(os.fspath(profile))
    if version is None:
        version = profile.version if profile is not None else _version_of(sys._getframe(1).f_globals)  # noqa: SLF001 - the documented way to the caller's module
    if fault := text_fault(version):
        raise ConfigurationError(f"version: {version!r} of the model {name!r} {fault}: give a text such as '1.0'")
    logger = MODELS.get((name, version))
    if logger is None:
        logger = ModelLogger(name, version, profile=profile, dataset=dataset, sample=sample, sample_key=sample_key)
        return MODELS.setdefault((name, version), logger)
    if profile is not None and profile is not logger.profile:
        logger.validate_with(profile)
    return logger


def _version_of(namespace: dict[str, Any]) -> str:
    """The version of the package that a module belongs to, then of the module, then of the service."""
    package = str(namespace.get("__package__") or namespace.get("__name__") or "").partition(".")[0]
    if package and package != "__main__":
        from importlib import metadata  # noqa: PLC0415 - slow to import, and rarely needed

        try:
            return metadata.version(package)
        except (metadata.PackageNotFoundError, ValueError):
            module = sys.modules.get(package)
            if isinstance(getattr(module, "__version__", None), str):
                return str(module.__version__)  # type: ignore[union-attr]
    return str(namespace.get("__version__") or STATE.service.get("version") or "unknown")

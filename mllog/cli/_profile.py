"""`mllog profile`: learn a profile from a training frame, and show it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from mllog.cli._options import AsJson
from mllog.cli._output import print_json, print_table
from mllog.errors import MissingExtraError, ProfileError

if TYPE_CHECKING:
    import pandas as pd

    from mllog.profile import Feature

app = typer.Typer(name="profile", help="Learn and show profiles.", no_args_is_help=True)

_NAMES: Final = 20
_DAY: Final = 86_400
_ENDINGS: Final = (".csv", ".txt", ".parquet")
_PACKED: Final = {".gz", ".bz2", ".zip", ".xz", ".zst", ".tar"}


@app.command()
def learn(
    frame: Annotated[Path, typer.Argument(help="Training frame as CSV or Parquet.")],
    out: Annotated[Path, typer.Option("--out", help="The profile file to write.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the model.")],
    version: Annotated[str, typer.Option(help="Version of the model.")],
    output: Annotated[list[str] | None, typer.Option(help="A column that is an output; may be given again.")] = None,
    sensitive: Annotated[list[str] | None, typer.Option(help="A column whose values must not be kept.")] = None,
) -> None:
    """Learn a profile from the frame that a model was trained on."""
    from mllog.profile import Profile  # noqa: PLC0415 - only this module needs it

    table = _read(frame)
    missing = [column for column in output or () if column not in table]
    if missing:
        raise ProfileError(f"{frame}: no column {missing[0]!r} to be an output; columns: {_some(table)}")
    outputs = table[output] if output else None
    inputs = table.drop(columns=output or [])
    try:
        profile = Profile.learn(inputs, outputs, name=name, version=version, sensitive=sensitive or ())
    except ProfileError as error:
        raise ProfileError(f"{frame}: {error}") from error
    profile.save(out)
    typer.echo(f"{out}: {len(profile.inputs)} inputs, {len(profile.outputs)} outputs, {profile.rows:,} rows")


def _read(path: Path) -> pd.DataFrame:
    """The frame in a file.

    Raises:
        ProfileError: the file is none that pandas can read.
        MissingExtraError: pandas is not installed, or a Parquet file needs pyarrow.
    """
    try:
        import pandas as pd  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError("Profile.learn", "profile") from error
    if not path.is_file():
        raise ProfileError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}: give a CSV or Parquet file")
    ending = next((suffix for suffix in reversed(path.suffixes) if suffix.lower() not in _PACKED), "").lower()
    if ending not in _ENDINGS:
        raise ProfileError(
            f"{path}: the ending {ending!r} is none of {', '.join(_ENDINGS)} (or packed, as .csv.gz): convert the file,"
            " or use Profile.learn in Python"
        )
    try:
        if ending == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, low_memory=False)
    except ImportError as error:
        raise MissingExtraError("Parquet", "parquet") from error
    except OSError as error:
        raise ProfileError(f"{path}: cannot read the frame: {error.strerror or _first_line(error)}") from error
    except Exception as error:  # pandas, pyarrow and the decompressors each have exceptions of their own
        raise ProfileError(f"{path}: cannot read the frame as CSV or Parquet: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _some(table: pd.DataFrame) -> str:
    names = [str(name) for name in table.columns]
    return ", ".join(names[:_NAMES]) + (" …" if len(names) > _NAMES else "")


@app.command()
def show(path: Annotated[Path, typer.Argument(help="A profile file.")], *, as_json: AsJson = False) -> None:
    """Show what the training data contained, feature by feature."""
    from mllog.profile import Profile  # noqa: PLC0415 - only this module needs it

    profile = Profile.load(path)
    if as_json:
        print_json(profile.to_json())
        return
    table = Table("feature", "type", "missing", "training data", title=f"{profile.name} {profile.version}")
    for feature in (*profile.inputs, *profile.outputs):
        table.add_row(feature.name, feature.type, f"{feature.missing_share:.1%}", _summary(feature))
    print_table(table)


def _summary(feature: Feature) -> str:
    if feature.type == "number" and feature.min is not None:
        return f"{feature.min:g} … {feature.max:g}, mean {feature.mean:.4g}"
    if feature.temporal:
        return "dates or times" if feature.min is None or feature.max is None else _range(feature.min, feature.max)
    if feature.type == "category":
        head = ", ".join(value for value, _ in feature.categories[:5])
        return f"{feature.distinct:,} different: {head}{' …' if len(feature.categories) > 5 else ''}"
    if feature.type == "boolean":
        return f"true {feature.true:,}, false {feature.false:,}"
    return f"text of {feature.length.get('mean', 0):.0f} characters"


def _range(low: float, high: float) -> str:
    """Seconds since 1970 as dates, those of one day as times; as numbers where a date cannot be that far away."""
    if low >= 0 and high < _DAY:
        return f"{dt.timedelta(seconds=low)} … {dt.timedelta(seconds=high)}"
    try:
        first, last = (dt.datetime.fromtimestamp(end, dt.UTC).strftime("%Y-%m-%d %H:%M:%S") for end in (low, high))
    except (OverflowError, ValueError, OSError):
        return f"{low:g} … {high:g} seconds since 1970"
    return f"{first} … {last} UTC"

"""`mllog profile`: learn a profile from a training frame, and show it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from mllog.cli._options import AsJson
from mllog.cli._output import print_json, print_table
from mllog.errors import ProfileError

if TYPE_CHECKING:
    from mllog.profile import Feature

app = typer.Typer(name="profile", help="Learn and show profiles.", no_args_is_help=True)


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
    import pandas as pd  # noqa: PLC0415 - an extra

    from mllog.profile import Profile  # noqa: PLC0415 - the same

    try:
        table = pd.read_parquet(frame) if frame.suffix == ".parquet" else pd.read_csv(frame)
    except (OSError, ValueError) as error:
        raise ProfileError(f"{frame}: cannot read the frame: {error}") from error
    missing = [column for column in output or () if column not in table]
    if missing:
        raise ProfileError(f"{frame}: no column {missing[0]!r} to be an output")
    outputs = table[output] if output else None
    inputs = table.drop(columns=output or [])
    profile = Profile.learn(inputs, outputs, name=name, version=version, sensitive=sensitive or ())
    profile.save(out)
    typer.echo(f"{out}: {len(profile.inputs)} inputs, {len(profile.outputs)} outputs, {profile.rows:,} rows")


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
    if feature.type == "category":
        head = ", ".join(value for value, _ in feature.categories[:5])
        return f"{feature.distinct:,} different: {head}{' …' if len(feature.categories) > 5 else ''}"
    if feature.type == "boolean":
        return f"true {feature.true:,}, false {feature.false:,}"
    return f"text of {feature.length.get('mean', 0):.0f} characters"

"""Points in time as text."""

from __future__ import annotations

import datetime as dt


def iso_utc(moment: dt.datetime, timespec: str = "milliseconds") -> str:
    """A point in time in UTC, as ISO 8601 with a `Z`.

    Args:
        moment: with a time zone.
        timespec: precision, as `datetime.isoformat` names it.

    Example:
        >>> noon = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
        >>> iso_utc(noon), iso_utc(noon, "seconds")
        ('2026-05-04T12:00:00.000Z', '2026-05-04T12:00:00Z')
    """
    return moment.astimezone(dt.UTC).isoformat(timespec=timespec).removesuffix("+00:00") + "Z"

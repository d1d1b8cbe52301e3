"""A step of a check: what holds, or why not and what to do."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdicts(enum.Enum):
    """How a step went."""

    OK = "ok"
    FAILED = "failed"
    UNPROVED = "unproved"


@dataclass(frozen=True)
class Step:
    """What was looked at, and what was found.

    Attributes:
        name: what holds if it is ok.
        verdict: how it went.
        cause: why not.
        remedy: what to do.
    """

    name: str
    verdict: Verdicts = Verdicts.OK
    cause: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.verdict.value:<9}{self.name}"
        return line + (f": {self.cause}" if self.cause else "") + (f"; {self.remedy}" if self.remedy else "")


def failed(name: str, cause: str, remedy: str = "") -> Step:
    """A step that failed."""
    return Step(name, Verdicts.FAILED, cause, remedy)


def unproved(name: str, cause: str) -> Step:
    """A step whose result is unknown."""
    return Step(name, Verdicts.UNPROVED, cause)

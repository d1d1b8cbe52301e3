"""Which branches of a configuration were reached."""

from __future__ import annotations

from typing import NamedTuple

from mllog.pipeline._config import Place


class Arm(NamedTuple):
    """One way through a branch."""

    file: str
    line: int
    label: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.label}"


class Coverage:
    """The arms of all branches of a pipeline, and how often each was taken; the missing `else` is an arm too.

    Example:
        >>> coverage = Coverage()
        >>> arm = coverage.arm(Place("a.conf", 3, 5), "else")
        >>> coverage.reach(arm)
        >>> coverage.missed(), coverage.share()
        ([], 1.0)
    """

    def __init__(self) -> None:
        self.counts: dict[Arm, int] = {}

    def arm(self, place: Place, label: str) -> Arm:
        """Take an arm up."""
        arm = Arm(place.file, place.line, label)
        self.counts.setdefault(arm, 0)
        return arm

    def reach(self, arm: Arm) -> None:
        """An event took it."""
        self.counts[arm] += 1

    def missed(self) -> list[Arm]:
        """The arms that no event took, in order."""
        return sorted(arm for arm, count in self.counts.items() if not count)

    def share(self) -> float:
        """The share of arms that were taken; 1.0 where there is none."""
        taken = sum(1 for count in self.counts.values() if count)
        return taken / len(self.counts) if self.counts else 1.0

"""The bins of a number: learnt from values, and merged where fewer are wanted.

A profile keeps many narrow bins. The dashboards draw them as a few bars, the watches count a few regions: both merge
the profile's own bins, so that every count is one that training has too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST: Final = 100
"""Bins of a feature in a profile, at most."""

_FEWEST: Final = 8
_HALF: Final = 0.5
"""Bins of equal width are of no use where there are fewer, or where one holds more than this share of the rows."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Neighbouring bins `[edge, next)` and the rows in each.

    Attributes:
        edges: n + 1 ascending edges of n bins.
        counts: rows in each bin.

    Example:
        >>> bins = Bins((0.0, 1.0, 2.0, 4.0), (5, 3, 2))
        >>> list(bins.merged([0, 2, 3]))
        [(0.0, 2.0, 8), (2.0, 4.0, 2)]
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __iter__(self) -> Iterator[tuple[float, float, int]]:
        """Lower edge, upper edge and rows of each bin."""
        return zip(self.edges, self.edges[1:], self.counts, strict=False)

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def rows(self) -> int:
        """Rows in all bins."""
        return sum(self.counts)

    @classmethod
    def learn(cls, values: npt.NDArray[np.float64], *, integer: bool) -> Bins:
        """Bins with about the same number of rows in each; few different values get a bin each.

        The last edge lies just above the greatest value, so that a range aggregation counts the very same rows.

        Args:
            values: finite, at least one.
            integer: all values are whole numbers.

        Example:
            >>> import numpy as np
            >>> Bins.learn(np.array([1.0, 1.0, 2.0]), integer=True)
            Bins(edges=(1.0, 2.0, 3.0), counts=(2, 1))
        """
        import numpy as np  # noqa: PLC0415 - an extra

        distinct = np.unique(values)
        inner = distinct if len(distinct) <= MOST else np.unique(np.quantile(values, np.linspace(0, 1, MOST + 1)))[:-1]
        last = distinct[-1] + 1 if integer and abs(distinct[-1]) < 2**53 else np.nextafter(distinct[-1], np.inf)
        edges = np.append(inner, last)
        if not np.isfinite(edges).all():  # the interpolation of quantiles left the range of a double: one bin
            edges = np.array([distinct[0], min(last, np.finfo(np.float64).max)])
        counts, _ = np.histogram(values, bins=edges)
        return cls(tuple(float(edge) for edge in edges), tuple(int(count) for count in counts))

    def merged(self, cuts: Sequence[int]) -> Bins:
        """Fewer bins: those between the edges at these positions, the first and the last among them."""
        counts = tuple(sum(self.counts[start:end]) for start, end in itertools.pairwise(cuts))
        return Bins(tuple(self.edges[cut] for cut in cuts), counts)

    def of_equal_width(self, most: int, low: float, high: float) -> Bins:
        """About equally wide bins between two values, and one beyond each; of equal counts where those show nothing.

        Args:
            most: bins at most.
            low: where the equal widths start.
            high: where they end.
        """
        targets = [low + (high - low) * step / (most - 2) for step in range(most - 1)]
        nearest = {min(range(len(self.edges)), key=lambda place: abs(self.edges[place] - want)) for want in targets}
        bins = self.merged(sorted(nearest | {0, len(self)}))
        if len(bins) >= _FEWEST and max(bins.counts) / self.rows <= _HALF:
            return bins
        return self.merged([*range(0, len(self), math.ceil(len(self) / most)), len(self)])

    def of_at_least(self, rows: float) -> Bins:
        """Bins of at least so many rows and less than twice as many, where the given bins allow it.

        Example:
            >>> Bins((0.0, 1.0, 2.0, 3.0, 4.0), (3, 3, 9, 1)).of_at_least(5).counts
            (6, 9, 1)
        """
        cuts = [0]
        held = 0
        for end, (count, following) in enumerate(itertools.zip_longest(self.counts, self.counts[1:]), 1):
            held += count
            if following is None or held >= rows or held + following >= 2 * rows:
                cuts.append(end)
                held = 0
        return self.merged(cuts)

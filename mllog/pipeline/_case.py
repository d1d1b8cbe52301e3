"""Letters beyond ASCII that count as ASCII letters where case does not count."""

from __future__ import annotations

import re
from typing import Final

FOLDING: Final = frozenset(
    "\u00df\u0130\u0149\u017f\u01f0\u1e96\u1e97\u1e98\u1e99\u1e9a\u1e9e\u212a\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"
)
"""Characters that are ASCII letters in another case, or hold some, or become several characters."""

_FOLDING: Final = re.compile(f"[{''.join(sorted(FOLDING))}]")


def folds_to_ascii(text: str) -> bool:
    r"""Whether ASCII letters of a pattern may match anything in a text but themselves in their two cases.

    Example:
        >>> folds_to_ascii("a secret ❞é"), folds_to_ascii("\u017fecret")
        (False, True)
    """
    return not text.isascii() and _FOLDING.search(text) is not None


def caseless_beyond_ascii(text: str) -> bool:
    """Whether no character of a text beyond ASCII has another case.

    Example:
        >>> caseless_beyond_ascii("a❞"), caseless_beyond_ascii("é")
        (True, False)
    """
    return text.isascii() or all(c.isascii() or c == c.casefold() == c.lower() == c.upper() for c in text)

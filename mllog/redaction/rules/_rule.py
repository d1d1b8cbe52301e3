"""What a rule is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Check = Literal["", "luhn", "mod97", "cpf", "cnpj", "insee"]
Where = Literal["everywhere", "process", "pipeline"]

MARKER: Final = r"\[REDACTED:[a-z_]+(?::[^\]\s\"'❞]{1,8})?\]"
"""What a rule leaves behind, as a pattern: what is one already is not replaced again."""

PSEUDONYM: Final = r"hmac:[a-z0-9_-]{1,16}:[0-9a-f]{32}"
"""What stands for a value of which only equality may be known (`mllog.redaction.Pseudonyms`)."""


@dataclass(frozen=True, slots=True)
class Rule:
    r"""One kind of sensitive text, for both sides: the service, and Logstash.

    A pattern keeps to what Python's `re` and Logstash's engine (Joni) read alike: explicit character classes (the two
    differ on what a word, a digit and a boundary are beyond ASCII), no named groups, `(?i)` in front or not at all,
    atomic groups for runs, references to groups by number. It must be linear in the length of the text; a run is
    entered only where it begins (look-behind), and what repeats is either bounded or can not give back.

    Attributes:
        name: of this rule alone; a plugin's `id` is made of it.
        kind: the name that goes into `mllog.redaction.kinds`. Several rules may share one.
        pattern: the regular expression.
        guard: words of which at least one stands in every match, in lower case, with `0` for any digit: where none is
            there, nothing is searched. Empty: always searched.
        test: a further pattern, cheaper than the rule's own, that every text with a match holds.
        replacement: what takes the place of a match; `\1` is the first group.
        check: a checksum that a match must pass. Only the service can compute it.
        first: searched before the names: `private_key = -----BEGIN …` has blanks, and a name takes one word only.
        where: `everywhere`, only in the `process`, or only in the `pipeline`.
        examples_match: texts in which the rule finds its kind.
        examples_no_match: look-alikes in which it must find nothing.

    Example:
        >>> rule = Rule("badge", "badge", r"(?<![A-Z0-9])B-[0-9]{6}(?![0-9])", ("b-000000",))
        >>> rule.replacement
        '[REDACTED:badge]'
    """

    name: str
    kind: str
    pattern: str
    guard: tuple[str, ...] = ()
    test: str = ""
    replacement: str = ""
    check: Check = ""
    first: bool = False
    where: Where = "everywhere"
    examples_match: tuple[str, ...] = ()
    examples_no_match: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.replacement and self.kind:
            object.__setattr__(self, "replacement", f"[REDACTED:{self.kind}]")

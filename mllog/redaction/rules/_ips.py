"""Addresses of the network."""

from __future__ import annotations

from typing import Final

from mllog.redaction.rules._rule import Rule

_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_COLON: Final = "%(?:25)*3[Aa]"
_V6_START: Final = "(?<![0-9A-Za-z.])(?:(?<!:)|(?<=[A-Za-z]:))"
"""Not in the middle of a word or of an address; a name and one colon may stand before it."""
IPS: Final = (
    Rule(
        "ip",
        "ip",
        rf"(?:(?<![0-9A-Za-z.])|(?<=[Ii][Pp])(?<![A-Za-z]..))(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z])(?!\.[0-9])",
        (".0.0.", ".0.00.", ".0.000.", ".00.0.", ".00.00.", ".00.000.", ".000.0.", ".000.00.", ".000.000."),
        examples_match=("192.0.2.139", "ip192.0.2.77", "(10.1.2.3)", "203.0.113.5-203.0.113.9"),
        examples_no_match=("1.2.3", "Chrome/126.0.6478.127", "1.2.3.4.5", "300.1.1.1"),
    ),
    Rule(
        "ip_v6_full",
        "ip",
        rf"{_V6_START}(?:[0-9A-Fa-f]{{1,4}}:){{7}}[0-9A-Fa-f]{{1,4}}(?![0-9A-Za-z:])",
        test=":[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:",
        examples_match=("2001:db8:1b7b:6a13:2559:8e81:c4e5:198c",),
        examples_no_match=("00:11:22:33:44:55", "2026-05-04T10:22:33"),
    ),
    Rule(
        "ip_v6",
        "ip",
        # compressed: one pair of colons, and a digit somewhere, or `dead::beef` would be one
        rf"{_V6_START}(?:(?=[A-Fa-f:]{{0,40}}[0-9])(?:[0-9A-Fa-f]{{1,4}}:){{1,6}}:(?:[0-9A-Fa-f]{{1,4}}(?::[0-9A-Fa-f]{{1,4}}){{0,5}})?)"
        r"(?![0-9A-Za-z:])",
        ("::",),
        examples_match=("2001:db8::485e:3b4b", "fe80::1%eth0"),
        examples_no_match=("ab::cd::fade", "dead::beef", "10:22:33"),
    ),
    Rule(
        "ip_v6_encoded",
        "ip",
        rf"(?:(?<![0-9A-Za-z.])|(?<=%5[Bb]))(?:(?:[0-9A-Fa-f]{{1,4}}{_COLON}){{7}}[0-9A-Fa-f]{{1,4}}"
        rf"|(?:[0-9A-Fa-f]{{1,4}}{_COLON}){{1,6}}{_COLON}(?:[0-9A-Fa-f]{{1,4}}(?:{_COLON}[0-9A-Fa-f]{{1,4}}){{0,5}})?)(?![0-9A-Za-z])",
        ("%0a",),
        examples_match=("ip=2001%3Adb8%3A%3A485e", "2001%3Adb8%3A1b7b%3A6a13%3A2559%3A8e81%3Ac4e5%3A198c"),
        examples_no_match=("a=12%3A30%3A45", "x%3Ay"),
    ),
)

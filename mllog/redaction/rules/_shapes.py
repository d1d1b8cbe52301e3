"""Values that give themselves away by their shape."""

from __future__ import annotations

import re
from typing import Final

from mllog.redaction.rules._rule import Rule

NOT_IN_ADDRESS: Final = r"\s@\"'`<>()\[\]{},;:=/|\\?&#!*␛❞␊␍␉␈␌"
"""What ends the local part of an address or a label of its domain; anything else may be in one (RFC 6531).
The last seven stand for JSON escapes while a text is searched."""

_LABELS: Final = rf"(?:(?>[^{NOT_IN_ADDRESS}.%]+)\.)+[^{NOT_IN_ADDRESS}.%0-9_-]{{2,}}"
_ASCII_DOMAIN: Final = r"(?:(?>[A-Za-z0-9-]+)\.)+[A-Za-z]{2,}"
# In a URL `%40` is inside the run of the local part, so that form spells out what may stand before it.
_ASCII_LOCAL: Final = r"(?<![A-Za-z0-9._+-])(?>[A-Za-z0-9._+-]+)"

_EMAIL: Final = (
    Rule(
        "email",
        "email",
        rf"(?<![^{NOT_IN_ADDRESS}])(?>[^{NOT_IN_ADDRESS}]+)@{_LABELS}",
        ("@",),
        # Every event has an `@timestamp`; an address has something before the @ and a dot behind it.
        test=r'@(?<=[^\s@]@)[^\s@".]+\.[^\s@".]',
        examples_match=("write to ann.lee77+x@mail.example.com.", "ANN@EXAMPLE.ORG", "zoë@büro.example"),
        examples_no_match=(
            "precision@10", "@scope/pkg", "lodash@4.17.21", "field @timestamp missing", "mail @ 10:30", "champion@prod",
        ),
    ),
    Rule(
        "email_quoted",
        "email",
        rf"[\"❞][^\"❞\\@\r\n]{{1,64}}[\"❞]@{_LABELS}",
        ('"@', "❞@"),
        test=r'@(?<=["❞]@)[^\s@".]+\.[^\s@".]',
        examples_match=('"ann lee"@example.com',),
        examples_no_match=('"@timestamp"', '"a"@b'),
    ),
    Rule(
        "email_encoded",
        "email",
        rf"{_ASCII_LOCAL}(?:%(?:25){{0,4}}40|&#0{{0,3}}64;|&#[xX]0{{0,3}}40;|&commat;|＠){_ASCII_DOMAIN}",
        ("%00", "&#", "&commat;", "＠"),
        examples_match=("u?mail=ann%40example.com&p=2", "ann%2540example.com", "ann&#64;example.com", "ann＠example.com"),
        examples_no_match=("50%40", "a%40b", "a&#64;b"),
    ),
    Rule(
        "email_spelt",
        "email",
        rf"(?i){_ASCII_LOCAL} ?(?:\[at\]|\(at\)|\{{at\}}) ?(?:(?>[a-z0-9-]+) ?(?:\.|[\[({{]dot[\])}}]) ?)+[a-z]{{2,}}",
        ("[at]", "(at)", "{at}"),
        examples_match=("ann [at] example.com", "ann.lee(at)example [dot] org"),
        examples_no_match=("look (at) this", "list[at] = 1.5"),
    ),
)  # fmt: skip

_PEM_NAME: Final = "(?:[A-Z0-9 +]|%20){0,40}PRIVATE(?:[ +]|%20)KEY(?:(?:[ +]|%20)BLOCK)?"
_BARE_END: Final = r"\s,;&\"'❞␛␊␍<>)}\]"

_SECRETS: Final = (
    Rule(
        "private_key",
        "private_key",
        rf"-----BEGIN{_PEM_NAME}-----(?>(?:(?!-----END)[^\"❞])*)(?:-----END{_PEM_NAME}-----)?",
        ("private key", "private+key", "private%00key"),
        first=True,
        examples_match=(
            "-----BEGIN RSA PRIVATE KEY-----\nMIIFake\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----MIIFake",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        ),
        examples_no_match=("-----BEGIN CERTIFICATE-----", "PRIVATE KEY"),
    ),
    Rule(
        "pass",
        "key",
        # `pass` names much that is harmless; here it has a value of letters and digits.
        r"(?i)(p(?<![A-Za-z0-9_-]p)ass[\"'❞]?\s{0,2}[=:]\s{0,2}[\"'❞]?)(?!\[REDACTED)"
        rf"(?=[^{_BARE_END}]{{0,64}}[0-9])(?=[^{_BARE_END}]{{0,64}}[a-z])[^{_BARE_END}]{{6,}}",
        tuple(f"pass{end}" for end in "=:\"'❞ "),
        replacement=r"\1[REDACTED:key]",
        examples_match=("user=joe pass=Fake4now", '"pass":"Fake4now"', "pass: Fake4now!"),
        examples_no_match=("pass=12 fail=3", "pass: ok", "compass=Fake4now", "first_pass=Fake4now"),
    ),
    Rule(
        "url_credentials",
        "url_credentials",
        r"(://)(?!\[REDACTED)(?:[^\s/?#@:\"'❞]{0,128}:[^\s/?#@\"'❞]{1,128}|[^\s/?#@:\"'❞]{16,128})@",
        ("://",),
        replacement=r"\1[REDACTED:url_credentials]@",
        examples_match=("postgres://svc:Fake4now@db.example.org/x", "https://FAKEtokenFAKEtoken@git.example.org/x"),
        examples_no_match=("https://example.com:8443/x", "https://example.com/@oncall/posts?at=10", "ssh://git@host/x"),
    ),
    Rule(
        "url_signature",
        "token",
        r"(?i)((?:[?&]|%(?:3F|26))(?:sig|signature|x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|auth"
        r"|apikey|key)(?:=|%3D))(?!\[REDACTED)(?:(?!%26)[^\s&#\"'❞<>]){8,}",
        tuple(
            f"{word}{end}"
            for word in ("sig", "signature", "credential", "token", "auth", "key")
            for end in ("=", "%0d")
        ),
        replacement=r"\1[REDACTED:token]",
        examples_match=("https://x.example/a?sig=FAKEfake123&b=1", "?key=FAKEFAKEFAKE", "u%3Fsig%3DFAKEfake123%26b"),
        examples_no_match=("?sig=1", "?keys=carrier1,origin", "?page=2"),
    ),
    Rule(
        "authorization_bearer",
        "authorization",
        r"(?i)(?<![a-z])bearer(?:[ +:]|%20){1,2}(?=[a-z_.~+/-]{0,64}[0-9=])[a-z0-9._~+/-]{16,}={0,2}",
        ("bearer",),
        first=True,
        examples_match=("bearer fkdudC7CL4nhSxe3yYhRUxaAQSnSF1F0",),
        examples_no_match=("bearer instruments portfolio", "Bearer of 12 tokens"),
    ),
    Rule(
        "authorization_basic",
        "authorization",
        r"(?i)(?<![a-z])basic(?:[ +:]|%20){1,2}(?:(?=[a-z+/]{0,64}[0-9=])[a-z0-9+/]{16,}={0,2}|[a-z0-9+/]{6,15}={1,2})",
        ("basic",),
        first=True,
        examples_match=("Basic ZmFrdXJ1cDpGaHZlYmg0NVhtYmZNYg==", "basic dTpwdzE="),
        examples_no_match=("Basic regression model", "basic = true"),
    ),
    Rule(
        "curl_user",
        "url_credentials",
        r"((?:-u|--user)[ =]?[\"'❞]?)(?!\[REDACTED)[^\s:\"'❞]{1,64}:[^\s\"'❞]{1,128}",
        ("-u", "--user"),
        replacement=r"\1[REDACTED:url_credentials]",
        examples_match=("curl -u joe:Fake4now https://example.com", "--user joe:Fake4now"),
        examples_no_match=("ls -u /var", "date -u"),
    ),
    Rule(
        "jwt",
        "jwt",
        r"(?<![A-Za-z0-9_-])eyJ(?>[A-Za-z0-9_-]{8,})\.(?>[A-Za-z0-9_-]{8,})(?:\.(?>[A-Za-z0-9_-]*)){0,3}",
        ("eyj",),
        examples_match=("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJl",),
        examples_no_match=("eyJ", "eyJhbGci", "keyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0"),
    ),
)


def _token(name: str, pattern: str, guard: str | tuple[str, ...], match: tuple[str, ...], no: tuple[str, ...]) -> Rule:
    guards = (guard,) if isinstance(guard, str) else guard
    return Rule(
        f"token_{name}", "token", rf"(?<![A-Za-z0-9]){pattern}", guards, examples_match=match, examples_no_match=no
    )


_TOKENS: Final = (
    _token("aws", r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}", ("akia", "asia", "abia", "acca"), ("AKIAFAKEMNLTBAVSSTYK",), ("AKIA",)),
    _token("github", r"gh[pousr]_[A-Za-z0-9]{20,}", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
           ("ghp_FAKEJ3x5g16kE0Z89k7SCXk0IYcDU1du4pVy",), ("ghp_", "length_of")),
    _token("github_pat", r"github_pat_[A-Za-z0-9_]{20,}", "github_pat_", ("github_pat_FAKEJ3x5g16kE0Z89k7SCX",), ("github_pat_",)),
    _token("gitlab", r"gl(?:pat|dt|ptt|rt)-[A-Za-z0-9_-]{20,}", ("glpat-", "gldt-", "glptt-", "glrt-"),
           ("glpat-FAKEJ3x5g16kE0Z89k7S",), ("glpat-",)),
    _token("slack", r"xox[abeprs]-[A-Za-z0-9-]{10,}", "xox", ("xoxb-85912992194-FAKEXg3euSjp",), ("xoxb", "xoxo-hugs")),
    _token("slack_app", r"xapp-[A-Za-z0-9-]{10,}", "xapp-", ("xapp-1-FAKE0000-12345",), ("xapp-",)),
    Rule("token_slack_webhook", "token", r"(hooks\.slack\.com(?:/|%2[Ff])(?:services|workflows)(?:/|%2[Ff]))(?!\[REDACTED)[A-Za-z0-9/%]{10,}", ("hooks.slack",),
         replacement=r"\1[REDACTED:token]", examples_match=("https://hooks.slack.com/services/TFAKENNLO/BFAKE0PUO/mAiHFJv2",),
         examples_no_match=("https://hooks.slack.com/services/",)),
    Rule("token_discord_webhook", "token", r"(discord(?:app)?\.com/api/webhooks/)(?!\[REDACTED)[0-9]{5,}/[A-Za-z0-9_-]{10,}", ("api/webhooks/",),
         replacement=r"\1[REDACTED:token]", examples_match=("https://discord.com/api/webhooks/123456789/FAKEfakeFAKEfake",),
         examples_no_match=("https://discord.com/api/webhooks/",)),
    _token("stripe", r"(?:[rs]k|pk)_(?:live|test)_[A-Za-z0-9]{10,}", ("k_live_", "k_test_"), ("sk_test_FAKE7NcJHhYbI0Nwr7",), ("sk_test_",)),
    _token("stripe_webhook", r"whsec_[A-Za-z0-9]{16,}", "whsec_", ("whsec_FAKEfakeFAKEfake01",), ("whsec_",)),
    _token("sk", r"sk-[A-Za-z0-9_-]{20,}", "sk-", ("sk-FAKErAoSGOavbadVBhvNXw6B3dU3", "sk-proj-FAKEHL9mLl8zUvftlNDnOvYQ_Cd"),
           ("task-scheduler-nightly-retrain-pipeline-0042", "sk-short")),
    _token("google", r"AIza[A-Za-z0-9_-]{30,}", "aiza", ("AIzaFAKEpCANrSZweWnq5DjflUAd-96VV_NWjq1",), ("AIza",)),
    _token("google_oauth", r"(?:ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{16,})", ("ya00.", "gocspx-"), ("ya29.FAKEfakeFAKEfake0123",), ("ya29.",)),
    _token("hugging_face", r"hf_[A-Za-z0-9]{20,}", "hf_", ("hf_FAKEfakeFAKEfake012345",), ("hf_model", "half_open")),
    _token("npm", r"npm_[A-Za-z0-9]{30,}", "npm_", ("npm_FAKEfakeFAKEfake0123456789FAKEfake",), ("npm_config",)),
    _token("pypi", r"pypi-[A-Za-z0-9_-]{30,}", "pypi-", ("pypi-AgEFAKEfakeFAKEfake0123456789FAKE",), ("pypi-mirror",)),
    _token("sendgrid", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", "sg.", ("SG.FAKEfakeFAKEfake.FAKEfakeFAKEfake01",), ("SG.short",)),
    _token("digital_ocean", r"do[opr]_v1_[a-f0-9]{32,}", ("doo_v0_", "dop_v0_", "dor_v0_"), ("dop_v1_" + "0a" * 20,), ("dop_v1_",)),
    _token("twilio", r"SK[0-9a-f]{32}(?![0-9A-Za-z])", "sk", ("SK" + "0a" * 16,), ("SKU", "SK" + "0a" * 8)),
    _token("databricks", r"dapi[0-9a-f]{32}", "dapi", ("dapi" + "0a" * 16,), ("dapi",)),
    _token("vault", r"hv[sb]\.[A-Za-z0-9_-]{20,}", ("hvs.", "hvb."), ("hvs.FAKEfakeFAKEfake0123",), ("hvs.",)),
    _token("age", r"AGE-SECRET-KEY-1[0-9A-Z]{20,}", "age-secret-key-", ("AGE-SECRET-KEY-1FAKEFAKEFAKEFAKEFAKE",), ("AGE-SECRET-KEY-",)),
    _token("mailgun", r"key-[0-9a-f]{32}(?![0-9A-Za-z])", "key-", ("key-" + "0a" * 16,), ("key-" + "0a" * 8, "key-value")),
    _token("square", r"sq0[a-z]{3}-[A-Za-z0-9_-]{20,}", "sq0", ("sq0atp-FAKEfakeFAKEfake012345",), ("sq0atp-",)),
    _token("telegram", r"[0-9]{8,10}(?::|%3[Aa])AA[A-Za-z0-9_-]{32,}", ("0:aa", "0%0aaa"), ("123456789:AAFAKEfakeFAKEfakeFAKEfakeFAKEfake1",), ("12345678:AA",)),
    _token("shopify", r"shp(?:at|ca|pa|ss)_[A-Za-z0-9]{20,}", ("shpat_", "shpca_", "shppa_", "shpss_"), ("shpat_FAKEfakeFAKEfake0123",), ("shpat_",)),
)  # fmt: skip

IBAN_LENGTHS: Final = {
    15: "NO", 16: "BE", 18: "DK|FI|FO|GL|NL|SD", 19: "MK|SI", 20: "AT|BA|EE|KZ|LT|LU|MN|XK",
    21: "CH|CR|HR|LI|LV", 22: "BG|BH|DE|GB|GE|IE|ME|RS|VA", 23: "AE|GI|IL|IQ|OM|SO|TL",
    24: "AD|CZ|ES|MD|PK|RO|SA|SE|SK|TN|VG", 25: "LY|PT|ST", 26: "IS|TR", 27: "BI|DJ|FR|GR|IT|MC|MR|SM",
    28: "AL|AZ|BY|CY|DO|GT|HU|LB|NI|PL|SV", 29: "BR|EG|PS|QA|UA", 30: "JO|KW|MU|YE", 31: "MT|SC", 32: "LC", 33: "RU",
}  # fmt: skip
"""Length of an IBAN by country (SWIFT IBAN registry): the exact length keeps hexadecimal ids apart."""

_BLANK: Final = r"(?: |%20|\+|\u00a0|\u202f|-)?"


def _iban(letters: str, codes: dict[int, str], country: str = "") -> str:
    """Country and check digits, then for each length what follows, in groups of four with or without a blank between."""
    parts = []
    for length, countries in codes.items():
        groups, rest = divmod(length - 4, 4)
        tail = f"{_BLANK}[{letters}0-9]{{{rest}}}" if rest else ""
        parts.append(f"(?<=(?:{countries})[0-9]{{2}})(?:{_BLANK}[{letters}0-9]{{4}}){{{groups}}}{tail}")
    country = country or f"[{letters}]{{2}}"
    start = rf"{country}[0-9]{{2}}(?<![0-9A-Za-z]{country}[0-9]{{2}})"
    return rf"{start}(?:{'|'.join(parts)})(?![0-9A-Za-z])"


def _not_hexadecimal(codes: dict[int, str]) -> dict[int, str]:
    """The country codes, in lower case, that can not begin a hexadecimal id."""
    kept = {n: "|".join(c.lower() for c in text.split("|") if re.search("[G-Z]", c)) for n, text in codes.items()}
    return {n: text for n, text in kept.items() if text}


_DIGITS_ONLY: Final = {20: "ba|ee", 22: "de", 23: "ae"}
"""The countries left, where all that follows are digits and the whole is no length of an id."""


def _codes(codes: dict[int, str]) -> tuple[str, ...]:
    return tuple(f"{code.lower()}00" for text in codes.values() for code in text.split("|"))


_IBANS: Final = (
    Rule(
        "iban",
        "iban",
        _iban("A-Z", IBAN_LENGTHS),
        _codes(IBAN_LENGTHS),
        check="mod97",
        examples_match=("DE89370400440532013000", "to GB29 NWBK 6016 1331 9268 19 done", "NO9386011117947"),
        examples_no_match=("DE8937040044053201300", "01YQKTPHAHWAFBNPXBAF31Q4QA", "de89370400440532013000"),
    ),
    Rule(
        "iban_lower",
        "iban",
        _iban("a-z", _not_hexadecimal(IBAN_LENGTHS)),
        _codes(_not_hexadecimal(IBAN_LENGTHS)),
        check="mod97",
        examples_match=("gb29nwbk60161331926819", "gb29 nwbk 6016 1331 9268 19"),
        examples_no_match=("de13c856d3929f0147594a6f012332ff", "xgb29nwbk60161331926819"),
    ),
    Rule(
        "iban_lower_digits",
        "iban",
        _iban("", _DIGITS_ONLY, "(?:ba|ee|de|ae)"),
        _codes(_DIGITS_ONLY),
        test="(?:ba|ee|de|ae)[0-9]{2}[ +-]?[0-9]{4}",
        check="mod97",
        examples_match=("de89370400440532013000", "de89 3704 0044 0532 0130 00"),
        examples_no_match=("de13c856d3929f0147594a", "de8937040044053201300", "be68539007547034"),
    ),
)

# Letters may touch a card where they are no hexadecimal id: `card4242…`. The fraction of a probability has sixteen
# digits too, and a UUID may be digits only.
_CARD_START: Final = (
    r"(?:(?<![0-9A-Za-z])|(?<=[G-Zg-z])|(?<=[G-Zg-z][A-Fa-f])|(?<=[G-Zg-z][A-Fa-f]{2})|(?<=[G-Zg-z][A-Fa-f]{3})"
    r"|(?<=%[0-9A-Fa-f]{2}))(?<![0-9]\.)"
)
_CARD_END: Final = r"(?![0-9A-Fa-f])(?!\.[0-9])(?!-[0-9A-Fa-f]{4}-)"
_BETWEEN: Final = r"(?:[ +-]|  |(?:%20){1,2}|\u00a0|\u202f|\u2010|\u2011|\u2013|\u00ad|\u200b|\u200c|\u200d|\u2060)?"
_FIRST_FOUR: Final = (
    "4[0-9]{3}|5[1-5][0-9]{2}|2(?:2(?:0[0-4]|2[1-9]|[3-9][0-9])|[3-6][0-9]{2}|7(?:[01][0-9]|20))"
    "|6(?:011|[25][0-9]{2}|4[4-9][0-9]|304|759|76[1-3])|35(?:2[89]|[3-8][0-9])|50(?:18|20|38)"
)
"""Visa, Mastercard, Mir, Discover, UnionPay, JCB and Maestro, by their first four digits."""


def _sixteen(between: str) -> str:
    return f"(?:{_FIRST_FOUR}){between}[0-9]{{4}}{between}[0-9]{{4}}{between}[0-9]{{4}}"


_CARD: Final = (
    _CARD_START
    + "(?:"
    + f"{_sixteen(_BETWEEN)}[0-9]{{0,3}}"  # up to nineteen digits
    + rf"|{_sixteen('[.]')}|{_sixteen('/')}"
    + f"|3[47][0-9]{{2}}{_BETWEEN}[0-9]{{6}}{_BETWEEN}[0-9]{{5}}"  # American Express
    + f"|3[47][0-9]{{2}}{_BETWEEN}[0-9]{{4}}{_BETWEEN}[0-9]{{4}}{_BETWEEN}[0-9]{{3}}"
    + f"|3(?:0[0-5]|[689][0-9])[0-9]{_BETWEEN}[0-9]{{6}}{_BETWEEN}[0-9]{{4}}"  # Diners Club
    + "|4[0-9]{12}"  # the short Visa
    + ")"
    + _CARD_END
)
CARD_NUMBER: Final = (
    rf"(?:(?:{_FIRST_FOUR})[0-9]{{12,15}}|3[47][0-9]{{13}}|3(?:0[0-5]|[689][0-9])[0-9]{{11}}|4[0-9]{{12}})(?![0-9.eE])"
)
"""A card as a bare number of a JSON text."""

_NATIONAL: Final = "(?<![0-9A-Za-z+./-])(?<![0-9][ ,:])"
_NATIONAL_END: Final = "(?![0-9A-Za-z/-])(?![.:][0-9])"
_PHONE_BLANK: Final = r"(?:[ ()./\u00a0\u202f\u2011-]|%(?:25)*2[089DdEe]){0,2}"
_ENCODED_START: Final = "(?:(?<![0-9A-Za-z+./-])|(?<=%[0-9A-Fa-f]{2}))"
_SEPARATORS: Final = (" ", "-", "+", ".", "/", "  ", "%00", "\u00a0", "\u202f", "\u2010", "\u2011", "\u2013", "\u00ad",
                      "\u200b", "\u200c", "\u200d", "\u2060")  # fmt: skip

_NUMBERS: Final = (
    Rule(
        "card",
        "card",
        _CARD,
        ("0" * 13, *(f"0000{between}0000" for between in _SEPARATORS)),
        # A probability has as many digits; of a card the first four are no fraction. Two groups of a UUID are none either.
        test=r"[2-6][0-9](?<![0-9]..)(?<![0-9][.]..)[0-9]{2}(?:[0-9]{9}|[^0-9A-Za-z\"]{1,3}[0-9]{4}(?!-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})|(?:%20){1,2}[0-9]{4})",
        check="luhn",
        examples_match=(
            "4242424242424242",
            "4242 4242-4242 4242",
            "4242.4242.4242.4242",
            "3782 822463 10005",
            "charged 4222222222222 today",
            "6200000000000000003",
            "card4242424242424242x",
            "card_4242424242424242",
            "q=4242%204242%204242%204242",
        ),
        examples_no_match=(
            "0.4242424242424242",
            "4242.4242424242424",
            "1780137683366722053",
            "97747321759171",
            "41111111-1111-4111-8111-111111111111",
            "4111111111111111.0",
        ),
    ),
    Rule(
        "ssn",
        "ssn",
        r"(?<![0-9.-])(?!000|666|9)[0-9]{3}[-\u2010\u2011\u2013](?!00)[0-9]{2}[-\u2010\u2011\u2013](?!0000)[0-9]{4}"
        r"(?![0-9])(?![-.][0-9])",
        tuple(f"{a}00{a}0000" for a in "-\u2010\u2011\u2013"),
        examples_match=("255-61-1198", "(536-22-1234)", "SSN255-61-1198."),
        examples_no_match=("000-12-3456", "123-45-67890", "12-345-6789-01", "2026-05-04"),
    ),
    Rule(
        "phone_international",
        "phone",
        rf"(?:(?<![0-9A-Za-z+])\+|%(?:25)*2[Bb])[1-9](?:{_PHONE_BLANK}[0-9]){{6,14}}(?![0-9])",
        ("+0", "%0b0"),
        examples_match=("+493023125939", "q=%2B49%20%2830%29%2023125939", "+1 (617) 555-0138", "+44 7700 900196", "to=%2B493023125939"),
        examples_no_match=("2026-05-04T11:22:33+02:00", "1e+123456789", "5551234567"),
    ),
    Rule(
        "phone_prefixed",
        "phone",
        r"(?<![0-9A-Za-z./-])(?<![0-9][ ,:])00[1-9][0-9]{0,2}(?:[ ()./-]{1,2}[0-9]{2,9}){2,5}(?![0-9])",
        test=r"00[1-9][0-9]{0,2}[ ()./-]",
        examples_match=("0049 30 23125939", "001-617-555-0138"),
        examples_no_match=("0.0012 34 56", "00:12:33", "0049 30"),
    ),
    Rule(
        "phone_us",
        "phone",
        r"(?<![0-9A-Za-z+.-])(?<![0-9A-Za-z]\()(?:1[ .-])?(?:\([2-9][0-9]{2}\)[ -]?|[2-9][0-9]{2}[.-])"
        r"[2-9][0-9]{2}[ .-][0-9]{4}(?![0-9A-Za-z-])",
        ("000-0000", "000.0000", "000 0000"),
        # The words stand in every decimal number of enough digits; this begins at a sign.
        test=r"[).-][ -]?[2-9][0-9]{2}[ .-][0-9]{4}(?![0-9A-Za-z-])",
        examples_match=("(202) 555-0157", "((202) 555-0157)", "(202-555-0157)", "212-555-0199", "212.555.0199", "1-212-555-0199"),
        examples_no_match=("978-3-16-148410-0", "192.168.10.1234", "12-345-6789-01"),
    ),
    Rule(
        "phone_national",
        "phone",
        rf"{_NATIONAL}0[1-9][0-9]{{1,3}}(?:[ /-][0-9]{{5,8}}(?:[ -][0-9]{{2,5}})?|[ -][0-9]{{3,4}}[ -][0-9]{{3,4}}){_NATIONAL_END}",
        test=r"0[1-9][0-9]{1,3}[ /-][0-9]{3}(?![0-9]?-[0-9A-Fa-f]{4}-)",
        examples_match=("07700 900160.", "at:07700 900160", "0171-3920069", "030 23125 049", "020 7946 0018"),
        examples_no_match=("2026-05-04", "0.123 45678", "09-11-2026", "1,012 345678"),
    ),
    Rule(
        "phone_area",
        "phone",
        r"(?<![0-9A-Za-z])\(0[1-9][0-9]{1,3}\) ?(?:[0-9]{3,4} )?[0-9]{4,8}(?![0-9])",
        ("(000) 0", "(000)0", "(0000) 0", "(0000)0", "(00000) 0", "(00000)0"),
        examples_match=("(030) 23125049", "(020) 7946 0018", "(0171)3920069"),
        examples_no_match=("(030) 12", "f(012)"),
    ),
    Rule(
        "phone_pairs",
        "phone",
        rf"{_NATIONAL}0[1-9](?:(?: [0-9]{{2}}){{4}}|(?:\.[0-9]{{2}}){{4}}|(?:-[0-9]{{2}}){{4}}){_NATIONAL_END}",
        ("00 00 00 00 00", "00.00.00.00.00", "00-00-00-00-00"),
        examples_match=("06 12 34 56 78", "06.12.34.56.78"),
        examples_no_match=("01 02 03", "16 12 34 56 78", "2026-05-04-11-22-33"),
    ),
    Rule(
        "phone_encoded",
        "phone",
        r"(?:%28[2-9][0-9]{2}%29(?:%20|-)?[2-9][0-9]{2}(?:%20|[.-])[0-9]{4}"
        r"|%280[1-9][0-9]{1,3}%29(?:%20)?(?:[0-9]{3,4}%20)?[0-9]{4,8}"
        rf"|{_ENCODED_START}0[1-9](?:(?:%20[0-9]{{2}}){{4}}|[0-9]{{1,3}}%20[0-9]{{3,8}}(?:(?:%20|-)[0-9]{{2,5}})?)"
        rf"|{_ENCODED_START}00[1-9][0-9]{{0,2}}(?:%20[0-9]{{2,9}}){{2,5}})(?![0-9])",
        ("%00",),
        examples_match=("t=%28202%29%20555-0157", "t=%28030%29%2023125049", "t=07700%20900160", "a%3D06%2012%2034%2056%2078"),
        examples_no_match=("q=2013%2007%2004", "n=5%20000", "%2812%29"),
    ),
)  # fmt: skip

_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_COLON: Final = "%(?:25)*3[Aa]"
_V6_START: Final = "(?<![0-9A-Za-z.])(?:(?<!:)|(?<=[A-Za-z]:))"
"""Not in the middle of a word or of an address; a name and one colon may stand before it."""
_IPS: Final = (
    Rule(
        "ip",
        "ip",
        rf"(?<![0-9A-Za-z.])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z])(?!\.[0-9])",
        (".0.0.", ".0.00.", ".0.000.", ".00.0.", ".00.00.", ".00.000.", ".000.0.", ".000.00.", ".000.000."),
        examples_match=("192.0.2.139", "(10.1.2.3)", "203.0.113.5-203.0.113.9"),
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

SHAPES: Final[tuple[Rule, ...]] = (*_SECRETS[:-1], *_TOKENS, _SECRETS[-1], *_EMAIL, *_IBANS, *_NUMBERS, *_IPS)
"""In the order in which they apply: the longer and surer kinds first."""

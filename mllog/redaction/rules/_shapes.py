"""Values that give themselves away by their shape."""

from __future__ import annotations

from typing import Final

from mllog.redaction.rules._numbers import IBANS, IPS, NUMBERS
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

SHAPES: Final[tuple[Rule, ...]] = (*_SECRETS[:-1], *_TOKENS, _SECRETS[-1], *_EMAIL, *IBANS, *NUMBERS, *IPS)
"""In the order in which they apply: the longer and surer kinds first."""

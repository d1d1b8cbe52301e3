"""Values that give themselves away by their shape."""

from __future__ import annotations

from typing import Final

from mllog.redaction.rules._ips import IPS
from mllog.redaction.rules._national import NATIONAL
from mllog.redaction.rules._numbers import IBANS, NUMBERS
from mllog.redaction.rules._rule import Rule

NOT_IN_ADDRESS: Final = r"\s@\"'`<>()\[\]{},;:=/|\\?&#!*␛❞␊␍␉␈␌"
"""What ends the local part of an address or a label of its domain; anything else may be in one (RFC 6531).
The last seven stand for JSON escapes while a text is searched."""

_LABELS: Final = rf"(?:(?>[^{NOT_IN_ADDRESS}.%]+)\.)+(?:[^{NOT_IN_ADDRESS}.%0-9_-]{{2,}}|[Xx][Nn]--[A-Za-z0-9-]{{2,}})"
_NO_VERSION: Final = r"(?!v?[0-9]+\.[0-9]+\.)"
"""`react@18.2.0-rc.next` is a package."""
_LITERAL: Final = r"\[(?:IPv6:)?[0-9A-Fa-f.:]{3,45}\]"
_ASCII_DOMAIN: Final = r"(?:(?>[A-Za-z0-9-]+)\.)+[A-Za-z]{2,}"
# In a URL `%40` is inside the run of the local part, so that form spells out what may stand before it.
_ASCII_LOCAL: Final = r"(?<![A-Za-z0-9._+-])(?>(?:[A-Za-z0-9._+-]|%(?:25)*2[Bb7])+)"

_EMAIL: Final = (
    Rule(
        "email",
        "email",
        rf"(?<![^{NOT_IN_ADDRESS}])(?!(?<=␛)[nrtbf]@)(?>[^{NOT_IN_ADDRESS}]+)[!#$*/=^{{|}}~'&]?@{_NO_VERSION}(?:{_LABELS}|{_LITERAL})",
        ("@",),
        # Every event has an `@timestamp`; an address has something before the @ and a dot behind it.
        test=r'@(?<=[^\s@]@)[^\s@".]+[.:][^\s@".]',
        examples_match=(
            "write to ann.lee77+x@mail.example.com.", "ANN@EXAMPLE.ORG", "zoë@büro.example", "ann@[192.0.2.77]",
            "ann@xn--bcher-kva.xn--p1ai",
        ),
        examples_no_match=(
            "precision@10", "@scope/pkg", "lodash@4.17.21", "field @timestamp missing", "mail @ 10:30", "champion@prod",
            "react@18.2.0-rc.next",
        ),
    ),
    Rule(
        "email_rest",
        "email",
        # What stood before a sign that seldom is in a local part: `o'brien@`, `ann/orders@`, `bounce+ann=x.example@`.
        r"(?:(?<![^\s\"❞'(<\[,;:␊])(?>[A-Za-z0-9._-]{1,64})[/#!$*^|~{}'`]|(?<![A-Za-z0-9._+-])(?>[A-Za-z0-9._-]{1,64})\+(?>[A-Za-z0-9._-]{1,64})=)\[REDACTED:email\]",
        ("@", "redacted:email"),
        test=r"\[REDACTED:email\]",
        examples_match=("susanna.o'[REDACTED:email]", "ann/[REDACTED:email]", "bounce+ann=[REDACTED:email]", "ann#[REDACTED:email]"),
        examples_no_match=("mail=[REDACTED:email]", "to '[REDACTED:email]'", "/u/ann/[REDACTED:email]"),
    ),
    Rule(
        "email_quoted",
        "email",
        rf"[\"❞][A-Za-z0-9][^\"❞\\@\r\n:,]{{0,62}}[\"❞]@{_LABELS}",
        ('"@', "❞@"),
        test=r'@(?<=["❞]@)[^\s@".]+\.[^\s@".]',
        examples_match=('"ann lee"@example.com',),
        examples_no_match=('"@timestamp"', '"a"@b', '"code":"@app.route(x)"'),
    ),
    Rule(
        "email_encoded",
        "email",
        rf"{_ASCII_LOCAL}(?:%(?:25){{0,4}}40|&#0{{0,3}}64;|&#[xX]0{{0,3}}40;|&commat;| @ ){_ASCII_DOMAIN}",
        ("%00", "&#", "&commat;", " @ "),
        test=r"(?:%(?:25){0,4}40|;|@ )[A-Za-z0-9-]{1,64}\.[A-Za-z0-9]",
        examples_match=("u?mail=ann%40example.com&p=2", "ann%2540example.com", "ann&#64;example.com", "ann%2Bx%40example.com", "to ann @ example.com"),
        examples_no_match=("50%40", "a%40b", "a&#64;b", "mail @ 10:30"),
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

_PEM_NAME: Final = "(?:[A-Z0-9 +]|%20){0,40}PRIVATE(?:[ +]|%20)KEY(?:(?:[ +]|%20)BLOCK)? ?"
_BARE_END: Final = r"\s,;&\"'❞␛␊␍<>)}\]"

_SECRETS: Final = (
    Rule(
        "private_key",
        "private_key",
        rf"(?i)- ?---(?:-)? ?BEGIN{_PEM_NAME}----(?>(?:(?!---- ?END)[^\"❞])*)(?:-----? ?END{_PEM_NAME}-----?)?",
        ("private key", "private+key", "private%00key"),
        first=True,
        examples_match=(
            "-----BEGIN RSA PRIVATE KEY-----\nMIIFake\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----MIIFake",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----",
            "-----begin rsa private key-----\nMIIFake",
            "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nMIIFake",
        ),
        examples_no_match=("-----BEGIN CERTIFICATE-----", "PRIVATE KEY"),
    ),
    Rule(
        "private_key_lines",
        "private_key",
        # A key as an array of its lines: what follows the first.
        r"(\[REDACTED:private_key\]\")(?:\s*,\s*\"[A-Za-z0-9+/=]{16,128}\")+",
        ("private_key]",),
        where="pipeline",
        first=True,
        replacement=r"\1",
        examples_match=('["[REDACTED:private_key]", "MIIFakeMIIFakeMIIFake", "-----END',),
        examples_no_match=('["[REDACTED:private_key]", "a"]',),
    ),
    Rule(
        "private_key_putty",
        "private_key",
        r"Private-Lines: [0-9]{1,4}(?>(?:(?!Private-MAC)[^\"❞])*)",
        ("private-lines",),
        first=True,
        examples_match=("Private-Lines: 1\nMIIFake\nPrivate-MAC: 00",),
        examples_no_match=("Private-Lines",),
    ),
    Rule(
        "private_key_base64",
        "private_key",
        r"LS0tLS1CRUdJTiB(?:QUklWQVRF|SU0Eg|FQyBQ|PUEVOU1NI|FTkNSWVBU|EU0Eg)[A-Za-z0-9+/=_-]{16,}",
        ("ls0tls0crudjtib",),
        first=True,
        examples_match=("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JSUVvd0lCQUFL",),
        examples_no_match=("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",),
    ),
    Rule(
        "data_url",
        "base64",
        r"(data:(?:text|application)/[A-Za-z0-9.+-]{1,64}(?:;[A-Za-z0-9=-]{1,32})?;base64,)[A-Za-z0-9+/_=-]{8,}",
        (";base00,",),
        where="pipeline",
        replacement=r"\1[REDACTED:base64]",
        examples_match=("data:text/plain;base64,c3VzYW5uYXZpazMxQG1haWw=",),
        examples_no_match=("data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==",),
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
        "street",
        "key",
        # Machines have an `address` as well; a street has a number, and a word with it.
        r'("[Aa]ddress"\s*:\s*)"(?=[^"]{0,128}[0-9])(?=[^"]{0,128}[A-Za-z]{3,32}[ ,])[^"]*"',
        ('"address"',),
        replacement=r'\1"[REDACTED:key]"',
        examples_match=('"address":"26 Sotaf Lane, Tovevad"',),
        examples_no_match=('"address":"10.0.0.1:80"', '"address":"unknown"'),
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
        r"eyJ(?<![A-Za-z0-9_-]eyJ)(?>[A-Za-z0-9_-]{8,})\.(?>[A-Za-z0-9_-]{8,})(?:\.(?>[A-Za-z0-9_-]*)){0,3}",
        ("eyj",),
        examples_match=("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJl",),
        examples_no_match=("eyJ", "eyJhbGci", "keyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0"),
    ),
)


def _token(
    name: str, pattern: str, guard: str | tuple[str, ...], match: tuple[str, ...], no: tuple[str, ...], before: str = ""
) -> Rule:
    """A token by its prefix.

    Args:
        name: of the rule.
        pattern: the token.
        guard: words of which one is in each.
        match: texts with one.
        no: look-alikes.
        before: a class of what must not stand before it; empty where its prefix is no part of a word.
    """
    guards = (guard,) if isinstance(guard, str) else guard
    start = f"(?<![{before}])" if before else ""
    return Rule(f"token_{name}", "token", f"{start}{pattern}", guards, examples_match=match, examples_no_match=no)


_ALNUM: Final = "A-Za-z0-9"


_TOKENS: Final = (
    _token("aws", r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{12,}", ("akia", "asia", "abia", "acca"), ("AKIAFAKEMNLTBAVSSTYK", "idAKIAFAKEMNLTBAVSSTYK"), ("AKIA", "XAKIAFAKEMNLTBAVSSTYK"), "A-Z0-9"),
    _token("github", r"gh[pousr]_[A-Za-z0-9]{20,}", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
           ("ghp_FAKEJ3x5g16kE0Z89k7SCXk0IYcDU1du4pVy", "xghp_FAKEJ3x5g16kE0Z89k7SCXk0IYcDU1du4pVy"), ("ghp_", "length_of")),
    _token("github_pat", r"github_pat_[A-Za-z0-9_]{20,}", "github_pat_", ("github_pat_FAKEJ3x5g16kE0Z89k7SCX",), ("github_pat_",)),
    _token("gitlab", r"gl(?:pat|dt|ptt|rt|ft|soat|oas|agent|imt|cbt|ffct|wt)-[A-Za-z0-9_-]{20,}",
           ("glpat-", "gldt-", "glptt-", "glrt-", "glft-", "glsoat-", "gloas-", "glagent-", "glimt-", "glcbt-", "glffct-", "glwt-"),
           ("glpat-FAKEJ3x5g16kE0Z89k7S", "glcbt-64_FAKE7Qw9Zx3Vb5Nm1Kj8"), ("glpat-",)),
    _token("slack", r"xox[a-z][.-][A-Za-z0-9.-]{10,}", ("xox",), ("xoxb-85912992194-FAKEXg3euSjp", "xoxe.xoxp-1-FAKE7Qw9Zx3Vb5Nm1"), ("xoxb", "xoxo-hugs")),
    _token("slack_app", r"xapp-[A-Za-z0-9-]{10,}", "xapp-", ("xapp-1-FAKE0000-12345",), ("xapp-",)),
    Rule("token_slack_webhook", "token", r"(hooks\.slack\.com(?:/|%2[Ff])(?:services|workflows)(?:/|%2[Ff]))(?!\[REDACTED)[A-Za-z0-9/%]{10,}", ("hooks.slack",),
         replacement=r"\1[REDACTED:token]", examples_match=("https://hooks.slack.com/services/TFAKENNLO/BFAKE0PUO/mAiHFJv2",),
         examples_no_match=("https://hooks.slack.com/services/",)),
    Rule("token_discord_webhook", "token", r"(discord(?:app)?\.com/api/webhooks/)(?!\[REDACTED)[0-9]{5,}/[A-Za-z0-9_-]{10,}", ("api/webhooks/",),
         replacement=r"\1[REDACTED:token]", examples_match=("https://discord.com/api/webhooks/123456789/FAKEfakeFAKEfake",),
         examples_no_match=("https://discord.com/api/webhooks/",)),
    _token("stripe", r"(?:[rs]k|pk)_(?:live|test)_[A-Za-z0-9]{10,}", ("k_live_", "k_test_"), ("sk_test_FAKE7NcJHhYbI0Nwr7", "tokensk_live_FAKE7NcJHhYbI0Nwr7"), ("sk_test_",)),
    _token("stripe_webhook", r"whsec_[A-Za-z0-9]{16,}", "whsec_", ("whsec_FAKEfakeFAKEfake01",), ("whsec_",)),
    _token("sk", r"sk-[A-Za-z0-9_-]{20,}", "sk-", ("sk-FAKErAoSGOavbadVBhvNXw6B3dU3", "sk-proj-FAKEHL9mLl8zUvftlNDnOvYQ_Cd"),
           ("task-scheduler-nightly-retrain-pipeline-0042", "sk-short"), _ALNUM),
    _token("sess", r"sess-[A-Za-z0-9]{24,}", "sess-", ("sess-FAKE7Qw9Zx3Vb5Nm1Kj8Hg4Fd2Sa6",), ("sess-1234", "assess-ment"), _ALNUM),
    _token("google", r"AIza[A-Za-z0-9_-]{30,}", "aiza", ("AIzaFAKEpCANrSZweWnq5DjflUAd-96VV_NWjq1",), ("AIza",)),
    _token("google_oauth", r"(?:ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{16,})", ("ya00.", "gocspx-"), ("ya29.FAKEfakeFAKEfake0123",), ("ya29.",), _ALNUM),
    _token("google_refresh", r"1//0[A-Za-z0-9_-]{24,}", "0//0", ("1//0gFAKEFAKE7Qw9Zx3Vb5Nm1Kj8Hg4",), ("1//0", "11//02"), _ALNUM),
    _token("hugging_face", r"(?:hf|api_org)_[A-Za-z0-9]{20,}", ("hf_", "api_org_"), ("hf_FAKEfakeFAKEfake012345", "api_org_FAKEfakeFAKEfake012345"), ("hf_model", "half_open"), _ALNUM),
    _token("npm", r"npm_[A-Za-z0-9]{30,}", "npm_", ("npm_FAKEfakeFAKEfake0123456789FAKEfake",), ("npm_config",)),
    _token("pypi", r"pypi-[A-Za-z0-9_-]{30,}", "pypi-", ("pypi-AgEFAKEfakeFAKEfake0123456789FAKE",), ("pypi-mirror",)),
    _token("sendgrid", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", "sg.", ("SG.FAKEfakeFAKEfake.FAKEfakeFAKEfake01",), ("SG.short",), _ALNUM),
    _token("digital_ocean", r"do[opr]_v1_[a-f0-9]{32,}", ("doo_v0_", "dop_v0_", "dor_v0_"), ("dop_v1_" + "0a" * 20,), ("dop_v1_",)),
    _token("twilio", r"SK[0-9a-f]{32}(?![0-9A-Za-z])", "sk", ("SK" + "0a" * 16,), ("SKU", "SK" + "0a" * 8), _ALNUM),
    _token("databricks", r"dapi[0-9a-f]{32}", "dapi", ("dapi" + "0a" * 16,), ("dapi",)),
    _token("vault", r"hv[sb]\.[A-Za-z0-9_-]{20,}", ("hvs.", "hvb."), ("hvs.FAKEfakeFAKEfake0123",), ("hvs.",), _ALNUM),
    _token("age", r"AGE-SECRET-KEY-1[0-9A-Z]{20,}", "age-secret-key-", ("AGE-SECRET-KEY-1FAKEFAKEFAKEFAKEFAKE",), ("AGE-SECRET-KEY-",)),
    _token("mailgun", r"key-[0-9a-f]{32}(?![0-9A-Za-z])", "key-", ("key-" + "0a" * 16,), ("key-" + "0a" * 8, "key-value"), _ALNUM),
    _token("square", r"sq0[a-z]{3}-[A-Za-z0-9_-]{20,}", "sq0", ("sq0atp-FAKEfakeFAKEfake012345",), ("sq0atp-",), _ALNUM),
    _token("telegram", r"[0-9]{8,10}(?::|%3[Aa])AA[A-Za-z0-9_-]{32,}", ("0:aa", "0%0aaa"), ("123456789:AAFAKEfakeFAKEfakeFAKEfakeFAKEfake1",), ("12345678:AA",), _ALNUM),
    _token("shopify", r"shp(?:at|ca|pa|ss)_[A-Za-z0-9]{20,}", ("shpat_", "shpca_", "shppa_", "shpss_"), ("shpat_FAKEfakeFAKEfake0123",), ("shpat_",)),
    _token("services", r"(?:dckr_pat_|lin_api_|figd_|glsa_|sntry[su]_|gsk_|r8_|pplx-|xai-|rubygems_|NRAK-|PMAK-|dp\.pt\.|EAACEdEose|EAAG)[A-Za-z0-9_-]{20,}",
           ("dckr_pat_", "lin_api_", "figd_", "glsa_", "sntry", "gsk_", "r0_", "pplx-", "xai-", "rubygems_", "nrak-", "pmak-", "dp.pt.", "eaa"),
           ("dckr_pat_FAKE7Qw9Zx3Vb5Nm1Kj8Hg4", "gsk_FAKE7Qw9Zx3Vb5Nm1Kj8Hg4"), ("gsk_short", "r8_model"), _ALNUM),
    _token("terraform", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{20,}", ".atlasv0.", ("FAKE7Qw9Zx3Vb5.atlasv1.FAKE7Qw9Zx3Vb5Nm1Kj8",), (".atlasv1.",), _ALNUM),
    _token("mailchimp", r"[0-9a-f]{32}-us[0-9]{1,2}(?![0-9A-Za-z])", "-us0", ("0a1b2c3d4e5f60718293a4b5c6d7e8f9-us12",), ("a-us1",), _ALNUM),
)  # fmt: skip

SHAPES: Final[tuple[Rule, ...]] = (*_SECRETS[:-1], *_TOKENS, _SECRETS[-1], *_EMAIL, *IBANS, *NATIONAL, *NUMBERS, *IPS)
"""In the order in which they apply: the longer and surer kinds first."""

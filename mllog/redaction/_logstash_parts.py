"""What stands in 20-redact.conf whatever the rules are."""

from __future__ import annotations

from typing import Final

HEAD: Final = """\
# Stage 2: what is sensitive leaves the raw line, before it is JSON.
#
# Written by `mllog pipeline build` from mllog/redaction/rules; change the rules, not this file.
#
# The line is searched as text. Whatever happens to it later (a parse that fails, a document that is refused, a dead
# letter), nothing that was found here is in it. There is no `ruby`, so the embedded runner takes this file as it is.
#
# Logstash has no time limit for a match. So the line is capped first, every pattern is linear in its length, and what
# costs stands behind words that must be there: `[0-9]` for any digit, without regard to case.

filter {
  # The line codec keeps a second copy of the line.
  mutate {
    id => "redact_only_copy"
    remove_field => ["[event][original]"]
  }

  # 1. A line over 64 KiB is never searched: its keyed digest stays, by which it can be found at its source. Nor is a
  #    line of base64 alone, which is a record that was cut in two.
  if [message] =~ /(?m)\\A.{65537}/ {
    fingerprint {
      id => "redact_oversize_digest"
      source => ["message"]
      target => "[@metadata][digest]"
      method => "SHA256"
      key => "${MLLOG_LOGSTASH_ID_KEY}"
    }
    mutate {
      id => "redact_oversize_stub"
      replace => { "message" => "a line of more than 65536 characters was removed, hmac-sha256:%{[@metadata][digest]}" }
      add_tag => ["_mllog_oversize"]
      remove_field => ["[@metadata][digest]"]
    }
  } else if [message] =~ /\\A\\s{0,8}[A-Za-z0-9+\\/_-]{48,}={0,2}\\s{0,8}\\z/ {
    mutate {
      id => "redact_base64_line"
      replace => { "message" => "[REDACTED:base64]" }
    }
  }
"""

PREDICTION: Final = """\

  # The id of a prediction joins it to its truth. One that holds something sensitive would be masked as all such are,
  # and strangers' predictions would be one: so its keyed digest is kept, and takes its place (40-normalise.conf). The
  # ids of mllog are UUIDs, and short ids hold nothing.
  if [message] =~ /"prediction"\\s*:\\s*\\{/ and [message] !~ /"prediction"\\s*:\\s*\\{\\s*"id"\\s*:\\s*"PLAIN"/ {
    json {
      id => "redact_prediction"
      source => "message"
      target => "[@metadata][document]"
      skip_on_invalid_json => true
    }
    if [@metadata][document][mllog][prediction][id] {
      fingerprint {
        id => "redact_prediction_id"
        source => ["[@metadata][document][mllog][prediction][id]"]
        target => "[@metadata][prediction_id]"
        method => "SHA256"
        key => "${MLLOG_LOGSTASH_ID_KEY}"
      }
    }
    mutate {
      id => "redact_prediction_done"
      remove_field => ["[@metadata][document]"]
    }
  }
"""

CHECKED: Final = """\

  # mllog names the rules that it searched an event by. It counts checksums, which no pattern can: what only looks like
  # a card or an IBAN stays as it is there.
  if ![@metadata][sender] or [@metadata][sender] == "mllog" {
    if [message] =~ /"mllog":\\{"model":\\{[^{}]{0,1024}"redaction":"[0-9a-f]{12}"/ {
      mutate {
        id => "redact_checksums_counted"
        replace => { "[@metadata][checksums]" => "counted" }
      }
    }
  }
"""

ESCAPES: Final = """\

  # 2. Each JSON escape becomes one character, so that a pattern sees what a value means and cuts no escape in two:
  #      \\\\ ␛    \\" ❞    \\n ␊    \\r ␍    \\t ␉    \\b ␈    \\f ␌    \\u ␏ (where it does not name printable ASCII)
  #    Pairs of backslashes go first; what is left then begins an escape. Where a line has these characters itself they
  #    become \\uXXXX, which is the same JSON. (No string of a configuration can end in a backslash, hence the brackets
  #    here, and the empty group where the pair comes back.)
"""

TRIAL: Final = """\
  #    A text inside a text has its escapes escaped, a URL may write letters as %61, and digits may be of full width or
  #    stand between other blanks and hyphens: these are read on trial. Where then nothing is found, the line comes back
  #    as it was.
"""
NAMES: Final = """\

  # 4. Values behind a sensitive key name, whatever they look like. The name is marked first; then each way in which a
  #    name and its value are written is one pattern on the mark. Names that only sound sensitive (`has_phone: true`)
  #    lose their mark again. A bare number, true, false, an object or an array becomes a string, so the line stays
  #    JSON. What is nested deeper than eight levels, or never closed, goes with the rest of the line.
"""

JSON_TEST: Final = """\
    # In text a value may stand in plain quotes. In JSON that quote would end the string, so JSON is told apart first.
    json {
      id => "redact_is_json"
      source => "message"
      target => "[@metadata][document]"
      skip_on_invalid_json => true
      add_field => { "[@metadata][is_json]" => "yes" }
    }
"""

#!/bin/sh
# Installs everything of this folder into a cluster; may be repeated. It needs curl alone, and writes over what is there;
# `mllog setup` installs the same objects, shows the difference first and knows profiles, retentions and Kibana.
#
#   install.sh URL [--cacert FILE] [--user NAME:PASSWORD-FILE]
#
# With --keys DIR it also makes what the other services of docker-compose.yml need, once: an API key that may write
# events and nothing else (DIR/logstash/api_key), and a token for Kibana's service account (DIR/kibana/token).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
url=${1:?the address of Elasticsearch}; shift
keys= config=
while [ $# -gt 0 ]; do
  case $1 in
    --cacert) config="$config
cacert = \"$2\"" ;;
    # By a file that curl reads: a password among the arguments would be seen by everybody on the machine.
    --user) config="$config
user = \"${2%%:*}:$(cat "${2#*:}")\"" ;;
    --keys) keys=$2 ;;
    *) echo "install.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done

send() { # METHOD PATH [BODY-FILE]
  printf '%s\n' "$config" | curl --config - --silent --show-error --fail-with-body --request "$1" "$url/$2" \
    --header 'Content-Type: application/json' ${3:+--data-binary "@$3"}
}

each() { # FOLDER PATH: every file of a folder, under its own name
  for file in "$here/$1"/*.json; do
    name=$(basename "$file" .json)
    send PUT "$2/$name" "$file" >/dev/null
    echo "$1/$name"
  done
}

each ilm _ilm/policy
each ingest_pipelines _ingest/pipeline
each component_templates _component_template
each index_templates _index_template

if [ -n "$keys" ]; then
  umask 077
  each roles _security/role
  mkdir -p "$keys/logstash" "$keys/kibana"
  key=$keys/logstash/api_key token=$keys/kibana/token
  if [ ! -s "$key" ]; then
    role=$(cat "$here/roles/mllog_writer.json")
    printf '{"name": "mllog-logstash", "metadata": {"managed_by": "mllog"}, "role_descriptors": {"mllog_writer": %s}}' "$role" >"$key.request"
    send POST _security/api_key "$key.request" >"$key.answer"
    sed -n 's/.*"id":"\([^"]*\)".*"api_key":"\([^"]*\)".*/\1:\2/p' "$key.answer" | tr -d '\n' >"$key"
    rm "$key.request" "$key.answer"
    echo "an API key for Logstash"
  fi
  if [ ! -s "$token" ]; then
    send POST _security/service/elastic/kibana/credential/token/mllog >"$token.answer"
    sed -n 's/.*"value":"\([^"]*\)".*/\1/p' "$token.answer" | tr -d '\n' >"$token"
    rm "$token.answer"
    echo "a token for Kibana"
  fi
fi

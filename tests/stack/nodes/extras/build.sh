#!/usr/bin/env bash
# Builds the plugin `test-extras` against the home of a node and puts it into that node's plugins/.
#
#   build.sh HOME JDK      JDK: the home of a JDK of version 21 or later
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=${1:?the home of a node}
jdk=${2:?the home of a JDK of version 21 or later}
M2=${M2:-$HOME/.m2/repository}

out=$home/plugins/test-extras
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/plugin" "$scratch/classes"
mvn -q -B -Dmaven.repo.local="$M2" -f "$here/pom.xml" \
  org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies -DoutputDirectory="$scratch/plugin"
"$jdk/bin/javac" -J-Xmx512m --release 21 -Xlint:none -nowarn -d "$scratch/classes" \
  -cp "$home/lib/*:$home/modules/x-pack-core/*:$scratch/plugin/*" "$here"/src/extras/Extras.java 2>"$scratch/said" ||
  { cat "$scratch/said" >&2; exit 1; }
"$jdk/bin/jar" cf "$scratch/plugin/test-extras.jar" -C "$scratch/classes" .
printf 'description=test extras\nversion=1\nname=test-extras\njava.version=21\nelasticsearch.version=9.4.3\nclassname=extras.Extras\nextended.plugins=x-pack-core\n' \
  >"$scratch/plugin/plugin-descriptor.properties"
# A folder that is there is complete.
rm -rf "$out"
mkdir -p "$home/plugins"
mv "$scratch/plugin" "$out"

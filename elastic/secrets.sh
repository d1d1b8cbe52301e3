#!/bin/sh
# Makes the secrets of docker-compose.yml on this machine, once; what is there already stays. Needs openssl.
#
#   elastic/secrets.sh [DIR]        (default: ./secrets, which git ignores)
#
# A certificate authority of your own, a key and a certificate for each service; passwords of the user `elastic`, for
# people, and of the senders `mllog` and `foreign` at Logstash; and the key of the ids that Logstash gives to lines without
# one. Each service sees its own subfolder and ca.crt.
set -eu
umask 077
dir=${1:-secrets}
mkdir -p "$dir"
cd "$dir"

if [ ! -s ca.crt ]; then
  openssl req -x509 -newkey rsa:3072 -nodes -sha256 -days 3650 -subj "/CN=mllog CA" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout ca.key -out ca.crt 2>/dev/null
fi
for service in elasticsearch kibana logstash; do
  mkdir -p "$service"
  [ -s "$service/tls.crt" ] && continue
  # PKCS#8, which is all that Logstash reads.
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$service/tls.key" 2>/dev/null
  printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n' \
    "$service" >"$service/extensions"
  openssl req -new -key "$service/tls.key" -subj "/CN=$service" |
    openssl x509 -req -sha256 -days 825 -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" \
      -extfile "$service/extensions" -out "$service/tls.crt" 2>/dev/null
  rm "$service/extensions"
done
for file in elasticsearch/password logstash/password logstash/foreign_password logstash/id_key; do
  [ -s "$file" ] || openssl rand -hex 32 | tr -d '\n' >"$file"
done
echo "secrets are in $(pwd)"

#!/usr/bin/env bash
# Makes a container image from out/cstor: an OCI layout in a tar archive, built here without any daemon, from scratch:
# the executable, the three libraries it is linked to, and nothing else. The same input gives the same bytes.
#   image.sh [OUTPUT.tar] [NAME:TAG]
# Load it with: podman load -i out/cstor-image.tar, or ctr -n k8s.io images import out/cstor-image.tar
set -euo pipefail
cd "$(dirname "$0")/.."
output=${1:-out/cstor-image.tar}
name=${2:-localhost/cstor:latest}
binary=${CSTOR_BINARY:-out/cstor}
[ -x "$binary" ] || { echo "$binary is not there; run make build" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{etc/cstor,run/cstor,tmp,usr/local/bin,var/lib/cstor,dev,proc,sys}
install -m 755 "$binary" "$root/usr/local/bin/cstor"
echo 'root:x:0:0:root:/:/usr/local/bin/cstor' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
# What the dynamic linker would load, under the names by which it looks for it.
ldd "$binary" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | while read -r library; do
  install -D -m 755 "$(readlink -f "$library")" "$root$library"
done

# 2026-01-01: an image says nothing of when it was made.
epoch=${SOURCE_DATE_EPOCH:-1767225600}
created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
pack() { tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -C "$1" -cf - .; }
digest() { sha256sum "$1" | cut -d' ' -f1; }
blobs=$work/layout/blobs/sha256
mkdir -p "$blobs"
# Moves a file among the blobs; says its digest.
blob() {
  local hash
  hash=$(digest "$1")
  mv "$1" "$blobs/$hash"
  echo "$hash"
}

pack "$root" >"$work/layer.tar"
diff_id=$(digest "$work/layer.tar")
gzip -n -9 "$work/layer.tar"
layer_bytes=$(stat -c %s "$work/layer.tar.gz")
layer=$(blob "$work/layer.tar.gz")
version=$("$binary" --version | cut -d+ -f1)

cat >"$work/config.json" <<JSON
{"created":"$created","architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/local/bin"],\
"Entrypoint":["/usr/local/bin/cstor"],"Cmd":["daemon"],"WorkingDir":"/","StopSignal":"SIGTERM",\
"ExposedPorts":{"3260/tcp":{},"9500/tcp":{}},"Labels":{"org.opencontainers.image.title":"cstor",\
"org.opencontainers.image.version":"$version"}},"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]},\
"history":[{"created":"$created","created_by":"deploy/image.sh"}]}
JSON
config_bytes=$(stat -c %s "$work/config.json")
config=$(blob "$work/config.json")

cat >"$work/manifest.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$config_bytes},\
"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer","size":$layer_bytes}]}
JSON
manifest_bytes=$(stat -c %s "$work/manifest.json")
manifest=$(blob "$work/manifest.json")

cat >"$work/layout/index.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\
{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest","size":$manifest_bytes,\
"platform":{"architecture":"amd64","os":"linux"},"annotations":{\
"org.opencontainers.image.ref.name":"$name","io.containerd.image.name":"$name"}}]}
JSON
echo '{"imageLayoutVersion":"1.0.0"}' >"$work/layout/oci-layout"
mkdir -p "$(dirname "$output")"
pack "$work/layout" >"$output.new"
mv -f "$output.new" "$output"
echo "$output: $(stat -c %s "$output" | numfmt --to=iec --suffix=B), $name, sha256:$manifest"

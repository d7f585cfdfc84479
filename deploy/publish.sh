#!/usr/bin/env bash
# Publishes the daemon as one native executable, out/cstor, and fails on any warning of the compiler, trimmer or AOT compiler.
#   publish.sh [Release|Debug]
set -euo pipefail
cd "$(dirname "$0")/.."
configuration=${1:-Release}
command -v dotnet >/dev/null || { echo "The .NET SDK is not on PATH (version 9 or later is needed)." >&2; exit 1; }

mkdir -p out
log=out/publish.log
if ! dotnet publish daemon/Cstor.Daemon.csproj -c "$configuration" -o out/publish -nologo >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
if grep -E 'warning (IL|CS|CA|IDE|NETSDK|MSB)[0-9]*' "$log" >&2; then
  echo "The build is not clean: see the warnings above." >&2
  exit 1
fi
# Renamed over the old one, so that a daemon that runs it is not disturbed.
cp out/publish/cstor out/.cstor.new
mv -f out/.cstor.new out/cstor
echo "out/cstor: $(stat -c %s out/cstor | numfmt --to=iec --suffix=B)"

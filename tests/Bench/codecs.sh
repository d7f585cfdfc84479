#!/usr/bin/env bash
# What checksums and compression cost one core, compiled as the daemon is: see Codecs/Program.cs.
set -euo pipefail
cd "$(dirname "$0")/../.."
log=out/bench/codecs-publish.log
mkdir -p out/bench
if ! dotnet publish tests/Bench/Codecs/Cstor.CodecBench.csproj -c Release -o out/bench/codecs -nologo -v quiet >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
out/bench/codecs/codec-bench | tee out/bench/codecs.txt

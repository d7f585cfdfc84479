#!/usr/bin/env bash
# Parity against Intel ISA-L, compiled as the daemon is, in one process: see Parity/Program.cs.
set -euo pipefail
cd "$(dirname "$0")/../.."
log=out/bench/parity-publish.log
mkdir -p out/bench
if ! dotnet publish tests/Bench/Parity/Cstor.ParityBench.csproj -c Release -o out/bench/parity -nologo -v quiet >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
out/bench/parity/parity-bench | tee out/bench/parity.txt

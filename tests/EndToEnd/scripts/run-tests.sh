#!/usr/bin/env bash
# Runs the built tests in two runs, the quick ones and those end to end, and ends with one line of sums over both:
#   N passed, N failed, N skipped
# Exit status 1 if anything failed, or a run broke off.
#   run-tests.sh [Release|Debug]
set -uo pipefail
cd "$(dirname "$0")/../../.."
configuration=${1:-Release}
export PATH=$PATH:/usr/sbin:/sbin
results=out/test-results
rm -rf "$results"
mkdir -p "$results"
passed=0 failed=0 skipped=0

counter() { grep -oE "<Counters [^>]*" "$1" | grep -oE " $2=\"[0-9]+\"" | grep -oE '[0-9]+'; }

# run NAME SECONDS FILTER: one run of the test host; a run without a result file counts as one failure.
run() {
  local name=$1 seconds=$2 filter=$3 file="$results/$1.trx" status=0
  echo "== $name"
  timeout --kill-after=10 "$seconds" dotnet test tests/Cstor.Tests.csproj -c "$configuration" --no-build \
    --filter "$filter" --results-directory "$results" --logger "trx;LogFileName=$name.trx" \
    --logger "console;verbosity=minimal" || status=$?
  if [ ! -s "$file" ]; then
    echo "$name: the run ended with status $status and left no results"
    failed=$((failed + 1))
    return
  fi
  local total executed ok bad
  total=$(counter "$file" total) executed=$(counter "$file" executed)
  ok=$(counter "$file" passed) bad=$(counter "$file" failed)
  if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
    echo "$name: the run ended with status $status though no test failed"
    bad=1
  fi
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + total - executed))
}

started=$SECONDS
run quick 900 'Category!=EndToEnd'
run end-to-end 1500 'Category=EndToEnd'
echo "took $((SECONDS - started)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

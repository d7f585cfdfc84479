#!/usr/bin/env bash
# What one build of cstor costs beside others: processor time of a 4K read from a volume that does nothing, in short rounds that
# alternate, so that what else the machine does meets all of them alike.
#   compare.sh [-c batch|libiscsi] [-q DEPTH] [-r ROUNDS] REFERENCE EXECUTABLE...
# Of each pair of rounds it takes the quotient of the processor times; of those the mean of the middle three fifths, and how far
# that is sure (two standard errors). Needs no root. Several hundred rounds tell 1 % on a machine that is shared.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C
client=batch depth=128 rounds=400 seconds=0.06
while getopts c:q:r: option; do
  case $option in
    c) client=$OPTARG ;;
    q) depth=$OPTARG ;;
    r) rounds=$OPTARG ;;
    *) sed -n '4p' "$0" >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || { sed -n '4p' "$0" >&2; exit 2; }
work=$(mktemp -d)
pids=() ports=()

cleanup() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" || true; done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Nanoseconds that a process has run on a processor
ran() { awk '{ sum += $1 } END { printf "%.0f", sum }' "/proc/$1"/task/*/schedstat; }
load() {
  "out/bench/${client}_load" "127.0.0.1:${ports[$1]}" iqn.2026-11.io.cstor:null 0 randread 4096 "$depth" "$2" $((1 << 30))
}

mkdir -p out/bench
gcc -O2 -Wall -Wextra -Werror -o "out/bench/${client}_load" "tests/Bench/${client}_load.c" -liscsi
for executable in "$@"; do
  n=${#pids[@]}
  ports+=($((20000 + RANDOM % 10000 + 10000 * (n % 3))))
  "$executable" daemon --state-dir "$work/state$n" --socket "$work/socket$n" --iscsi "127.0.0.1:${ports[n]}" \
    --null-volume null:1G >"$work/log$n" 2>&1 &
  pids+=($!)
  until [ -S "$work/socket$n" ]; do sleep 0.05; done
done
for ((n = 0; n < $#; n++)); do load "$n" 1 >/dev/null; done

for ((round = 0; round < rounds; round++)); do
  for ((i = 0; i < $#; i++)); do
    n=$((round % 2 ? $# - 1 - i : i))
    before=$(ran "${pids[n]}")
    read -r _ _ _ count <<<"$(load "$n" $seconds)"
    echo "$round $n $((($(ran "${pids[n]}") - before) / count))"
  done
done >"$work/rounds"

for ((n = 0; n < $#; n++)); do
  name=${*:n+1:1}
  awk -v n="$n" '$2 == n { print $3 }' "$work/rounds" | sort -n | awk -v name="$name" '
    { ns[NR] = $1 } END { printf "%s: median %d ns a read", name, ns[int((NR + 1) / 2)] }'
  [ "$n" = 0 ] && { echo; continue; }
  awk -v n="$n" '$2 == 0 { one[$1] = $3 } $2 == n { two[$1] = $3 } END { for (r in one) print two[r] / one[r] - 1 }' "$work/rounds" \
    | sort -g | awk '
      { all[NR] = $1 }
      END {
        first = int(NR / 5) + 1; last = NR - int(NR / 5); count = last - first + 1
        for (i = first; i <= last; i++) sum += all[i]
        mean = sum / count
        for (i = first; i <= last; i++) square += (all[i] - mean) ^ 2
        # What was cut off on both sides is made up for by the half: the middle alone spreads less than all.
        printf ", %+.1f %% +- %.1f\n", 100 * mean, 100 * 2 * 1.5 * sqrt(square / count / count)
      }'
done

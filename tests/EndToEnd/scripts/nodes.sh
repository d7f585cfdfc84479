#!/usr/bin/env bash
# Three nodes on one machine: network namespaces cstor1 to cstor3 with the addresses 10.77.0.1 to .3 on a bridge, which this
# host reaches as 10.77.0.254.
#   nodes.sh up | down             makes them, takes them away
#   nodes.sh cut N | mend N        node N loses its network, and gets it back
#   nodes.sh part N | join N       node N and the others lose each other; all are reached from here
# Needs root. Touches only what it made.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin
nodes="1 2 3" bridge=cstor-br subnet=10.77.0

up() {
  ip link add "$bridge" type bridge
  ip addr add "$subnet.254/24" dev "$bridge"
  ip link set "$bridge" up
  for n in $nodes; do
    ip netns add "cstor$n"
    ip link add "cstor-v$n" type veth peer name eth0 netns "cstor$n"
    ip link set "cstor-v$n" master "$bridge" up
    ip netns exec "cstor$n" ip addr add "$subnet.$n/24" dev eth0
    ip netns exec "cstor$n" ip link set eth0 up
    ip netns exec "cstor$n" ip link set lo up
  done
}

down() {
  for n in $nodes; do
    ip link del "cstor-v$n" 2>/dev/null || true
    ip netns del "cstor$n" 2>/dev/null || true
  done
  ip link del "$bridge" 2>/dev/null || true
}

# others N VERB: routes to the other nodes that lead nowhere, and on the others to this one
others() {
  for n in $nodes; do
    [ "$n" = "$1" ] && continue
    ip netns exec "cstor$1" ip route "$2" blackhole "$subnet.$n/32"
    ip netns exec "cstor$n" ip route "$2" blackhole "$subnet.$1/32"
  done
}

case ${1:-} in
  up) down; up ;;
  down) down ;;
  cut) ip link set "cstor-v${2:?which node}" down ;;
  mend) ip link set "cstor-v${2:?which node}" up ;;
  part) others "${2:?which node}" add ;;
  join) others "${2:?which node}" del ;;
  *) echo "usage: $0 up | down | cut N | mend N | part N | join N" >&2; exit 2 ;;
esac

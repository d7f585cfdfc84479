#!/usr/bin/env bash
# Completion for bash of commands, options and the names of pools, volumes and snapshots:
#   sudo install -m 644 deploy/cstor-completion.bash /etc/bash_completion.d/cstor
# It is sourced by the shell, so it leaves the shell's own settings (set -u and the like) alone.
_cstor() {
  local line=${COMP_LINE:0:COMP_POINT} word kept="" proposal
  word=${line##*[[:space:]]}
  # The shell takes words apart at @ and the like, and wants only what follows the last of them.
  [[ $word == *[@:=]* ]] && kept=${word%"${word##*[@:=]}"}
  COMPREPLY=()
  while read -r proposal; do
    [[ $proposal == "$word"* ]] && COMPREPLY+=("${proposal#"$kept"}")
  done < <(cstor "[suggest:${#line}]" "$line" 2>/dev/null)
  [[ ${COMPREPLY[0]:-} == *[@/=] ]] && compopt -o nospace
  return 0
}
complete -F _cstor cstor

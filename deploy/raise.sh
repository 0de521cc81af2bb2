# SPDX-License-Identifier: Apache-2.0
# Sourced by the launchers. On a host without free CPU a question is answered soon only if Node's start gets some, and the kernel groups CPU time by
# session (sched(7), autogroups). The command gives the session its own priority back: src/kernel/processes/own-priority.ts. In silence where that is not
# permitted. deploy/entry.mjs has the same list.
case $1 in
check | diagnose | doctor | drops | explain | report | top | whatif | --help | --version)
  [ "$TAPSCOPE_PRIORITY" != keep ] &&
    { read -r _ _ before < /proc/self/autogroup && [ "$before" -ge 0 ] && echo -20 > /proc/self/autogroup; } 2> /dev/null &&
    export TAPSCOPE_SESSION_NICE="$before"
  ;;
esac

# SPDX-License-Identifier: Apache-2.0
# Sourced by the launchers. On a host without free CPU `check` answers soon only if Node's start gets some, and the kernel groups CPU time by session
# (sched(7), autogroups). The command gives the session its own priority back: src/kernel/processes/own-priority.ts. In silence where that is not permitted.
if [ "$1" = check ] && [ "$TAPSCOPE_PRIORITY" != keep ]; then
  { read -r _ _ before < /proc/self/autogroup && [ "$before" -ge 0 ] && echo -20 > /proc/self/autogroup; } 2> /dev/null &&
    export TAPSCOPE_SESSION_NICE="$before"
fi

#!/bin/sh
# Starts Triton in a pod, with the arguments that it is given.
set -eu

# What a server that was killed left behind: /dev/shm outlives its container.
rm -f /dev/shm/triton_*

# A pod of the StatefulSet serves part POD_INDEX of PARTS; with more pods than parts, parts repeat.
if [ -n "${PARTS:-}" ]; then
    export ANIMEGAN_SHARDS="$((POD_INDEX % PARTS))/$PARTS"
fi

exec tritonserver "$@"

#!/bin/sh
# Starts Triton in a pod, with the arguments that it is given.
set -eu

# A pod of the StatefulSet serves part POD_INDEX of PARTS; with more pods than parts, parts repeat.
# A pod that does not know its number must not start: inside $((...)) an unset variable is 0, and the
# other parts of every index would be searched by nobody.
if [ -n "${PARTS:-}" ]; then
    : "${POD_INDEX:?is not set; it is the pod label apps.kubernetes.io/pod-index (Kubernetes 1.32)}"
    export ANIMEGAN_SHARDS="$((POD_INDEX % PARTS))/$PARTS"
fi

exec tritonserver "$@"

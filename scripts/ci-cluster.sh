#!/usr/bin/env bash
# Runs `npm run test:cluster` on the cluster of this machine: starts it unless it is up, and stops it then; brings the
# images that its nodes lack. LLMBENCH_CLUSTER: the folder with the cluster's own scripts. Skipped where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."

cluster=${LLMBENCH_CLUSTER:-../shared/cluster}
for program in workflow-controller argo; do
  command -v "$program" >/dev/null || { echo "cluster tests: skipped, $program is not on PATH"; exit 0; }
done
[ -x "$cluster/up" ] || { echo "cluster tests: skipped, there is no $cluster/up"; exit 0; }

# Where the cluster lives, how its nodes are reached, and what buildah needs here.
. "$cluster/env"
export LLMBENCH_BASE_NODE=localhost/node:24-bookworm-slim LLMBENCH_BASE_PYTHON=localhost/python:3.11-slim-bookworm

work=$(mktemp -d)
started=
cleanup() {
  rm -rf "$work"
  [ -z "$started" ] || "$cluster/down"
}
trap cleanup EXIT

if ! "$cluster/exec" kubectl get --raw /readyz >/dev/null 2>&1; then
  started=yes
  "$cluster/up"
fi

on_every_node() { # IMAGE
  local node
  for node in "${NODES[@]}"; do
    ctr -a "$(socket "$node")" -n k8s.io images ls -q "name==$1" | grep -q . || return 1
  done
}

npm run --silent images -- --list >"$work/tags"
only=()
while read -r image; do
  name=${image#localhost/}; name=${name%%:*}; name=${name#llmbench-}
  # The simulator's own image is for people; the tests run it from the image of the steps.
  [ "$name" = simulator ] || on_every_node "$image" || only+=(--only "$name")
done <"$work/tags"
if [ ${#only[@]} -gt 0 ]; then
  for base in "$LLMBENCH_BASE_NODE" "$LLMBENCH_BASE_PYTHON"; do
    buildah inspect "$base" >/dev/null 2>&1 || "$cluster/base-image"
  done
  npm run --silent images -- "${only[@]}" --archive "$work/images"
  for archive in "$work"/images/*.tar; do "$cluster/load" "$archive"; done
fi

tagged() { grep "^localhost/$1:" "$work/tags"; }
export LLMBENCH_IMAGE LLMBENCH_LLAMACPP_IMAGE LLMBENCH_SHARE=$STATE/storage
LLMBENCH_IMAGE=$(tagged llmbench)
LLMBENCH_LLAMACPP_IMAGE=$(tagged llmbench-llamacpp-cpu)
# Whoever is told where the cluster lives stops parts of it: those tests are not for here.
"$cluster/exec" env -u LLMBENCH_CLUSTER_STATE npm run test:cluster -- "$@"

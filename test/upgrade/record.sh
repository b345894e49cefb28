#!/usr/bin/env bash
# Records the data folder of a release, for the upgrade tests: test/upgrade/record.sh CHECKOUT FOLDER
#
# CHECKOUT is a checkout of the release's commit after `npm ci && npm run build`. FOLDER, such as test/upgrade/v0.1.0, has objects.yaml
# and running.yaml; data.tar.gz is written there. The data folder lies at /var/lib/foreman meanwhile, since some objects name its path.
set -euo pipefail
checkout=$(realpath "$1")
folder=$(realpath "$2")
data=/var/lib/foreman
node=$checkout/node_modules/.bin/node
kubectl=$("$node" "$checkout/scripts/kubectl.mjs" 1.35)
export KUBECONFIG=$data/kubeconfig
[ ! -e "$data" ] || { echo "$data is there: move it away, then run this again" >&2; exit 78; }
trap 'kill -KILL $(jobs -p) 2>/dev/null || true; rm -rf "$data"' EXIT

stub=(--agent-mode=stub --stub-sleep=2s --task-namespace=)
"$node" "$checkout/dist/foreman.mjs" up --data-dir="$data" --port=0 -- \
  "${stub[@]}" --fleet-node-name=laptop --roles=worker,verifier --slots=4 --total-ram-gb=8 --accelerator=none &
up=$!
until "$kubectl" get --raw /readyz >/dev/null 2>&1; do sleep 0.2; done
"$node" "$checkout/dist/foreman.mjs" agent "${stub[@]}" \
  --kubeconfig="$KUBECONFIG" --workspace-dir="$data/workspaces-mac" \
  --fleet-node-name=mac --accelerator=metal --total-ram-gb=8 &
mac=$!
until "$kubectl" get fleetnodes 2>/dev/null | grep -q '^mac .*Ready'; do sleep 0.2; done

"$kubectl" apply -f "$checkout/examples/agents" -f "$checkout/examples/pipeline.yaml" -f "$checkout/examples/stub-task.yaml" \
  -f "$folder/objects.yaml"
wait_for() { "$kubectl" wait "$1" --for=jsonpath='{.status.phase}'="$2" --timeout=60s; }
wait_for workload/fix-slug Completed
wait_for agentictask/m2-stub-demo Succeeded
wait_for agentictask/takes-too-long Succeeded
wait_for agentictask/builds-on-a-failure Failed
wait_for agentictask/waits-for-a-node Pending
kill -STOP "$mac"
"$kubectl" apply -f "$folder/running.yaml"
wait_for agentictask/scheduled-on-mac Scheduled
wait_for agentictask/runs Running
kill -KILL "$up" "$mac"
wait || true

# `up` makes the keys, the token, the kubeconfig and the programs in bin anew where they are missing.
rm -rf "$data"/{tls,kubeconfig,pid,bin,workspaces-mac}
find "$data" -type f
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$data" -c . | gzip -9n >"$folder/data.tar.gz"
ls -l "$folder/data.tar.gz"

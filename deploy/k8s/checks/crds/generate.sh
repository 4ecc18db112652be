#!/usr/bin/env bash
# Writes the JSON Schemas of the custom resources that we use, from the types that npm packages generate
# from the operators' own Go types. Run by hand, with node and npm, when a pin below changes; the checks
# read what lies here and need neither.
set -euo pipefail
target="$(cd "$(dirname "$0")" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"

npm init --yes >npm.log
npm install --silent --legacy-peer-deps --ignore-scripts \
    @kubernetes-models/keda@2.0.0 \
    @kubernetes-models/prometheus-operator@6.0.0 \
    @kubernetes-models/gateway-api@2.0.0 \
    ts-json-schema-generator@2.4.0
echo '{"compilerOptions": {"module": "nodenext", "moduleResolution": "nodenext", "strict": true}}' >tsconfig.json

# The generator knows types by their short names: the operator's own time of the day is not Kubernetes' time.
sed -i 's/\bITime\b/ITimeOfDay/g' \
    node_modules/@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1alpha1/Time.d.ts

# write PACKAGE API-VERSION KIND: one schema, without unknown properties and without its texts.
write() {
    npx --no-install ts-json-schema-generator \
        --path "node_modules/@kubernetes-models/$1/$2/$3.d.ts" --type "I$3" --tsconfig tsconfig.json \
        --no-type-check --jsDoc none --no-top-ref --minify --out "$target/${3,,}.json"
}
write keda keda.sh/v1alpha1 ScaledObject
write prometheus-operator monitoring.coreos.com/v1 ServiceMonitor
write prometheus-operator monitoring.coreos.com/v1 PodMonitor
write prometheus-operator monitoring.coreos.com/v1 PrometheusRule
write prometheus-operator monitoring.coreos.com/v1alpha1 AlertmanagerConfig
write gateway-api gateway.networking.k8s.io/v1 Gateway
write gateway-api gateway.networking.k8s.io/v1 GRPCRoute
# A CRD's type cannot contain itself: the Go types call child routes any JSON. They are routes.
sed -i 's/"IJSON":{[^}]*}/"IJSON":{"$ref":"#\/definitions\/IRoute"}/' "$target/alertmanagerconfig.json"

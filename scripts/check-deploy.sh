#!/usr/bin/env bash
# Checks what is deployed: the Kubernetes manifests and compose.yaml against schemas that packages of PyPI ship, unknown fields included, and
# the syntax of the alert rules; then that everything fits together (scripts/deploy/check.ts).
set -euo pipefail
cd "$(dirname "$0")/.."

PACKAGES=(kubernetes-validate==1.37.0 check-jsonschema==0.39.0 promql-parser==0.12.0)
# The oldest that has preStop.sleep, and the newest that the validator knows.
VERSIONS=(1.30 1.37)

if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  echo "check:deploy needs python3 with venv, for ${PACKAGES[*]} of PyPI." >&2
  exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check "${PACKAGES[@]}"

# The list of resources is no resource itself.
manifests=()
for file in deploy/kubernetes/*.yaml; do
  [ "$(basename "$file")" = kustomization.yaml ] || manifests+=("$file")
done
for version in "${VERSIONS[@]}"; do
  "$folder/bin/kubernetes-validate" --strict --quiet --kubernetes-version "$version" "${manifests[@]}"
done
echo "The Kubernetes manifests fit the schemas of ${VERSIONS[*]}."
"$folder/bin/check-jsonschema" --builtin-schema vendor.compose-spec compose.yaml >"$folder/compose" || { cat "$folder/compose" >&2; exit 1; }
echo "compose.yaml fits the schema of compose."
node scripts/deploy/expressions.ts | "$folder/bin/python" -c '
import json, sys, promql_parser
for alert, expression in json.load(sys.stdin).items():
    try:
        promql_parser.parse(expression)
    except ValueError as error:
        sys.exit(f"deploy/prometheus/alerts.yaml: {alert}: {error}: {expression}")
'
echo "The expressions of the alert rules are PromQL."
node scripts/deploy/check.ts

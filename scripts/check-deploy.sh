#!/usr/bin/env bash
# Checks what is deployed: the Kubernetes manifests against the schemas that the package kubernetes-validate of PyPI ships, unknown fields
# included; then that everything fits together (scripts/deploy/check.ts).
set -euo pipefail
cd "$(dirname "$0")/.."

VALIDATOR="kubernetes-validate==1.37.0"

if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  echo "check:deploy needs python3 with venv, for $VALIDATOR of PyPI." >&2
  exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check "$VALIDATOR"
# The list of resources is no resource itself.
manifests=()
for file in deploy/kubernetes/*.yaml; do
  [ "$(basename "$file")" = kustomization.yaml ] || manifests+=("$file")
done
"$folder/bin/kubernetes-validate" --strict "${manifests[@]}"
node scripts/deploy/check.ts

#!/usr/bin/env bash
# Generates everything again and fails when what is committed differs.
set -euo pipefail
cd "$(dirname "$0")/.."
npm run --silent generate
changed=$(git status --porcelain -- services/orchestrator/gen clients/typescript/src/gen)
if [ -n "$changed" ]; then
  echo "Generated code is not up to date; run 'npm run generate' and commit:" >&2
  echo "$changed" >&2
  exit 1
fi
echo "Generated code is up to date."

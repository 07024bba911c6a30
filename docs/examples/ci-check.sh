#!/usr/bin/env bash
# Fails when a dbt project has an error that its baseline does not know.
#
#   ci-check.sh [FOLDER OF dbt_project.yml] [OPTIONS OF harness check]
#
# HARNESS names the binary where it is not on the PATH. Exit codes are those of harness: 0, 1 with new
# errors, 2 where nothing could be checked.
set -euo pipefail

project=${1:-.}
[ "$#" -eq 0 ] || shift
arguments=(check --project-dir "$project")
# Before there is a baseline, all findings are new.
if [ -f "$project/harness-baseline.ndjson" ]; then
    arguments+=(--baseline "$project/harness-baseline.ndjson")
fi
exec "${HARNESS:-harness}" "${arguments[@]}" "$@"

#!/usr/bin/env bash
# For hooks of coding agents, to be run after a file was edited: checks the dbt project the file belongs
# to, and tells of errors that its baseline does not know.
#
#   agent-hook.sh FILE…        or the hook's JSON on standard input, as Claude Code's PostToolUse gives it
#
# Exit codes are what Claude Code expects: 0 all is well, 2 the agent is to read standard error, 1 the
# hook itself failed. HARNESS names the binary where it is not on the PATH.
set -uo pipefail

fail() { printf 'agent-hook: %s\n' "$*" >&2; exit 1; }

files=("$@")
if [ "${#files[@]}" -eq 0 ]; then
    input=$(cat)
    if command -v jq >/dev/null; then
        file=$(jq -r '.tool_input.file_path // .tool_input.notebook_path // empty' <<<"$input") || fail 'no JSON on standard input'
    elif command -v python3 >/dev/null; then
        file=$(python3 -c 'import json, sys; print(json.load(sys.stdin).get("tool_input", {}).get("file_path", ""))' <<<"$input") ||
            fail 'no JSON on standard input'
    else
        fail 'reading the JSON of a hook needs jq or python3'
    fi
    # A tool that edits no file.
    [ -n "$file" ] || exit 0
    files=("$file")
fi

# The folder of dbt_project.yml around a file, which may be gone by now.
project_of() {
    local folder
    folder=$(dirname -- "$1")
    while [ ! -f "$folder/dbt_project.yml" ]; do
        case $folder in
            / | .) return 1 ;;
        esac
        folder=$(dirname -- "$folder")
    done
    printf '%s\n' "$folder"
}

projects=()
for file in "${files[@]}"; do
    case $file in
        *.sql | *.yml | *.yaml | *.py | *.md | *.csv) ;;
        *) continue ;;
    esac
    project=$(project_of "$file") || continue
    case " ${projects[*]-} " in
        *" $project "*) ;;
        *) projects+=("$project") ;;
    esac
done

verdict=0
for project in ${projects[@]+"${projects[@]}"}; do
    arguments=(check --project-dir "$project" --format "${HARNESS_FORMAT:-agent}")
    if [ -f "$project/harness-baseline.ndjson" ]; then
        arguments+=(--baseline "$project/harness-baseline.ndjson")
    fi
    findings=$("${HARNESS:-harness}" "${arguments[@]}" 2>&1)
    case $? in
        0) ;;
        1)
            printf '%s\n' "$findings" >&2
            verdict=2
            ;;
        *)
            printf '%s\n' "$findings" >&2
            [ "$verdict" -eq 2 ] || verdict=1
            ;;
    esac
done
exit "$verdict"

#!/bin/sh
# Builds the wheel, installs it into a fresh environment, and runs it from an empty directory.
set -eu
PYTHON=${PYTHON:-.venv/bin/python}
case $PYTHON in /*) ;; *) PYTHON=$PWD/$PYTHON ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" -m build --wheel --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$PYTHON" -m venv "$work/venv"
"$work/venv/bin/pip" install -q "$work"/dist/*.whl
mkdir "$work/empty"
cd "$work/empty"
export LABCTL_HOME="$work/home"
labctl=$work/venv/bin/labctl
"$labctl" --version
"$labctl" --help >"$work/help.txt"
grep -q '  dns ' "$work/help.txt"
"$labctl" dns www.shop.test --sandbox --json >"$work/run.json"
"$work/venv/bin/python" -c "
import json, sys
run = json.load(open(sys.argv[1]))
assert run['schema'] == 'labctl/result/1' and run['exit_code'] == 0, run
assert run['claims'] and all(c['outcome'] != 'REFUTED' for c in run['claims']), run['claims']
print('the wheel runs:', len(run['claims']), 'claims judged')
" "$work/run.json"
"$labctl" dns www.shop.test --phase explain --plain </dev/null >"$work/explain.txt"
grep -q EXPLAIN "$work/explain.txt"
# Their servers are children that are started by the paths of our files: these must be in the wheel, too.
for lab in proxy wsgi flask workers; do
  "$labctl" "$lab" --json --phase observe >"$work/$lab.json"
done
test -z "$(ls -A "$work/empty")"

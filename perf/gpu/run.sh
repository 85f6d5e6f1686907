#!/usr/bin/env bash
# One call on a machine with a GPU and without network; see docs/gpu.md.
#   perf/gpu/run.sh (check|speed|evidence) [--device cpu --smoke] [--minutes N] ...
# WHEELS: folder of wheels of what this machine lacks (default .whl; nothing is installed where there is none)
# OUT: folder for results (default perf-out). BENCH_DATA: folder of data sets, for evidence (default .data).
set -euo pipefail
cd "$(dirname "$0")/../.."
script=${1:?usage: perf/gpu/run.sh (check|speed|evidence) [options]}; shift
python=${PYTHON:-python3}
site=build/gpu-site
wheels=${WHEELS:-.whl}
if [ -d "$wheels" ] && [ ! -d "$site" ]; then
    "$python" -m pip install -q --no-index --no-deps --no-compile --target "$site.partial" "$wheels"/*.whl
    mv "$site.partial" "$site"
fi
if [ -d "$site" ]; then site=$(realpath "$site"); fi
export PYTHONPATH=$PWD:$PWD/plugins:$site${PYTHONPATH:+:$PYTHONPATH}
if [ -z "${BENCH_DATA:-}" ] && [ -d .data ]; then export BENCH_DATA=$PWD/.data; fi
export PYTHONUNBUFFERED=1
exec "$python" -m "perf.gpu.$script" --out "${OUT:-perf-out}" "$@"

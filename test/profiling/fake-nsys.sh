#!/bin/sh
# Behaves as nsys 2024 does towards who calls it, with recorded and synthetic tables; FAKE_NSYS says what goes wrong.
# A session is a file beside it: its state, then the file that it records into. A report is the environment it was made in.
set -eu
home=$(dirname "$0")
tables=$(dirname "$(readlink -f "$0")")/../fixtures/nsys
wrong=${FAKE_NSYS:-}
command=$1
shift

session=
output=
report=
while [ $# -gt 0 ]; do
  case $1 in
    --session-new=*) session=${1#*=} ;;
    --session=*) session=${1#*=} ;;
    --output=*) output=${1#*=} ;;
    --report) report=$2 && shift ;;
    --format | --output) shift ;;
    --*) ;;
    *) break ;;
  esac
  shift
done
file=$home/session-$session

case $command in
  --version)
    echo "NVIDIA Nsight Systems version 2024.6.2.225-246235244400v0"
    ;;
  launch)
    if [ "$wrong" = launch ]; then
      echo "unrecognised option '--cuda-graph-trace=node'" >&2
      exit 1
    fi
    echo Launched >"$file"
    env >"$home/launched"
    exec "$@"
    ;;
  sessions)
    echo "              ID         TIME                       STATE LAUNCH NAME"
    for one in "$home"/session-*; do
      if [ "$wrong" != no-session ] && [ -e "$one" ]; then
        echo "         1025491        00:02                  $(head -n 1 "$one")      1 ${one##*/session-}"
      fi
    done
    ;;
  start)
    if [ "$wrong" != start ]; then
      printf 'Collection\n%s\n' "$output" >"$file"
    fi
    ;;
  stop)
    output=$(tail -n 1 "$file")
    echo Launched >"$file"
    if [ "$wrong" != no-report ]; then
      { cat "$home/launched" && env; } >"$output.nsys-rep"
      echo "SQLite format 3" >"$output.sqlite"
    fi
    if [ "$wrong" = secret ]; then
      echo "SOME_API_KEY=sk-of-this-shell" >>"$output.sqlite"
    fi
    ;;
  stats)
    case $report in
      cuda_gpu_kern_sum) table=recorded-decode ;;
      cuda_api_sum) table=recorded-prefill ;;
      cuda_*) table=synthetic ;;
      nvtx_sum) table=synthetic ;;
      osrt_sum) table=recorded-cpu ;;
      *) table= ;;
    esac
    if [ "$wrong" = silent ] && [ "$report" = cuda_api_sum ]; then
      exit 0
    fi
    if [ -z "$table" ]; then
      echo "ERROR: Report '$report' could not be found." >&2
      exit 0
    fi
    echo "Processing [server.sqlite] with [$report.py]... "
    case $wrong/$report in
      no-cuda/cuda_* | nothing/*) echo "SKIPPED: server.sqlite does not contain CUDA data." ;;
      *) cat "$tables/$table/$report.csv" ;;
    esac
    ;;
esac

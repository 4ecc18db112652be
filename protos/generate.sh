#!/bin/sh
# Regenerates the Python code beside every .proto file: messages, gRPC classes, types of both.
# Usage: protos/generate.sh [OUTPUT_FOLDER]   (default: protos/ itself)
# PYTHON names an interpreter with the dependency group `lint`.
set -eu
python="$(command -v "${PYTHON:-python3}")"
case "$python" in /*) ;; *) python="$PWD/$python" ;; esac
output="$(cd "${1:-$(dirname "$0")}" && pwd)"
cd "$(dirname "$0")"
plugins="$(dirname "$python")"
# The type stubs come from mypy-protobuf: those of protoc (--pyi_out) do not pass mypy --strict.
find animegan -name '*.proto' | sort | xargs "$python" -m grpc_tools.protoc --proto_path=. \
    --plugin=protoc-gen-mypy="$plugins/protoc-gen-mypy" \
    --plugin=protoc-gen-mypy_grpc="$plugins/protoc-gen-mypy_grpc" \
    --python_out="$output" --mypy_out=quiet:"$output" \
    --grpc_python_out="$output" --mypy_grpc_out=quiet:"$output"

#!/bin/sh
# What those lose who build Braid as a dependency: .cargo/config.toml, with its flag for the compiler, does not reach them.
#
#     benches/without_flag.sh [ROUNDS [ARGUMENT...]]
#
# Builds the bench `compare` with the flags of the workspace and without any, and runs both in turns. The arguments are those of
# `compare`; ratio is the time without flags over the time with them.
set -eu
cd "$(dirname "$0")/.."
rounds=${1:-5}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- contracts/ mainnet_blocks/ --beside plain --budget-ms 200

target=${CARGO_TARGET_DIR:-target}

# The name of the program that cargo built, from its messages.
build() {
    cargo bench -p braid-benches --bench compare --no-run --message-format json |
        sed -n 's/.*"name":"compare".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
}

with=$(build)
without=$(RUSTFLAGS='' CARGO_TARGET_DIR="$target/without-flag" build)
exec cargo run -p braid-benches --example compare_builds -- "$with" "$without" "$rounds" "$@"

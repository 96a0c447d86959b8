#!/bin/sh
# Where the time of a case goes, by component: needs perf.
#
#   benches/components.sh CASE RUNS        CASE as for the example `profile`: mainnet_blocks/25323281, synthetic/transfers/one_sender, ...
#
# Loading a fixture is left out; make RUNS so many that it hardly counts (it is printed last). Symbols that no component
# claims are "other".
set -eu
id=$1 runs=$2
cd "$(dirname "$0")/.."
cargo build --quiet --profile profiling -p braid-benches --example profile
data=$(mktemp)
trap 'rm -f "$data"' EXIT
perf record --quiet --freq 2999 --output "$data" "${CARGO_TARGET_DIR:-target}/profiling/examples/profile" braid "$id" "$runs" \
    > /dev/null 2>&1
perf report --input "$data" --no-children --stdio --fields overhead,sym --percent-limit 0 2> /dev/null | awk '
    function component(symbol) {
        if (symbol ~ /miniz|serde|skip_to_escape|fixture|SliceRead/) return "loading"
        if (symbol ~ /[Kk]eccak|sha3_|SHA3_/) return "keccak"
        if (symbol ~ /_38[234]|mulx|vec_select|vec_is_zero|ark_|aws_lc|secp256k1|ripemd|precompiles|aurora|Miller/) return "precompiles"
        if (symbol ~ /threaded::run/) return "threaded engine"
        if (symbol ~ /plain::run/) return "plain engine"
        if (symbol ~ /threaded::|jump_destinations/) return "translating"
        if (symbol ~ /interpreter::|ruint/) return "instructions outside the loops"
        if (symbol ~ /journal::delta|[Bb][Tt]ree|AccountDelta|sort/) return "write set"
        if (symbol ~ /memory_state|StateAccess<R,C>::read|hash_one|hashbrown/) return "state reads"
        if (symbol ~ /journal|host::/) return "journal"
        if (symbol ~ /call_stack/) return "call stack"
        if (symbol ~ /sn_rust|snmalloc|mem(move|set|cpy|cmp)|drop_in_place/) return "allocation, copying"
        if (symbol ~ /braid_executor|BraidBlock::run|BraidSide/) return "transaction and block rules"
        return "other"
    }
    $1 ~ /%$/ {
        share = $1 + 0; kind = $2; $1 = $2 = ""
        name = kind == "[k]" ? "kernel" : component($0)
        shares[name] += share
        if (name != "loading") all += share
    }
    END {
        for (name in shares) if (name != "loading") printf "%5.1f %%  %s\n", 100 * shares[name] / all, name | "sort -rn"
        close("sort -rn")
        printf "(%.1f %% of the samples were of loading)\n", shares["loading"]
    }'

# Counting tokens beside gpt-tokenizer and tiktoken (npm, WASM): section `tokens` of run.sh, which sources this. Bytes a second of CPU, one thread, the
# same texts again and again (which suits gpt-tokenizer: it keeps what it merged). Then 120,000 texts and every code point against tiktoken.

# count_with PROGRAM ENCODING: bytes a second and tokens of the file `texts`.
count_with() {
    if [ "$1" = longhaul ]; then "$bin/token_ids" "$2" "$token_seconds" <texts; else node "$here/tokens.mjs" "$modules" "$1" "$2" "$token_seconds" <texts; fi
}
megabytes() { awk -v b="$1" 'BEGIN { printf "%.1f", b / 1e6 }'; }

# tokens_beside KIND ENCODING
tokens_beside() {
    local ours theirs reference mine his its
    node "$here/tokens.mjs" texts "$here/../.." "$1" >texts
    read -r ours mine <<<"$(count_with longhaul "$2")"
    read -r theirs his <<<"$(count_with gpt-tokenizer "$2")"
    read -r reference its <<<"$(count_with tiktoken "$2")"
    [ "$mine" = "$its" ] || { echo "$1, $2: $mine tokens, tiktoken says $its" >&2; exit 1; }
    line "tokens of $1, $2" "$(megabytes "$ours") MB/s, gpt-tokenizer $(megabytes "$theirs"), ratio $(div "$ours" "$theirs") (at least 3), tiktoken $(megabytes "$reference"), ratio $(div "$ours" "$reference") (at least 6)"
    [ "$his" = "$its" ] || line "" "(gpt-tokenizer counts $his tokens, the others $its)"
}

# A megabyte that is all one piece, or none.
tokens_alone() {
    node "$here/tokens.mjs" texts "$here/../.." "$1" >texts
    line "tokens of a megabyte of $1, $2" "$(megabytes "$(count_with longhaul "$2" | cut -d' ' -f1)") MB/s"
}

section_tokens() {
    modules=$BUILD/tests/npm_tokens/node_modules
    token_seconds=$([ "$by" = 1 ] && echo 3 || echo 0.5)
    bash "$here/../install_npm.sh" "$here/../flow/npm_tokens" "$BUILD/tests/npm_tokens" || { echo "npm is needed for this section" >&2; exit 1; }
    local kind encoding
    for encoding in o200k_base cl100k_base; do
        for kind in code prose prompts languages; do tokens_beside $kind $encoding; done
        for kind in letter spaces joiners letters bytes; do tokens_alone $kind $encoding; done
    done
    line "texts unlike tiktoken's (at most 0)" "$(node "$here/../flow/tokens_reference.mjs" "$modules" "$bin/token_ids" "$here/../.." $((120000 / by)) 20 | tail -1)"
    [ "$by" != 1 ] || line "code points, alone and in company" "$(node "$here/../flow/tokens_reference.mjs" "$modules" "$bin/token_ids" "$here/../.." points | tail -1)"
}

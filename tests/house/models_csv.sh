# The table of models is checked by the build: a wrong line stops it, with its number, and leaves nothing behind.
. "$LH_SOURCE_DIR/tests/lib.sh"
csv="$LH_SOURCE_DIR/src/tokens/data/models.csv"
embed=$LH_BUILD_DIR/embed_models
expect 0 "$embed" "$csv" table.c
heading=$(head -1 "$csv")
good='b,1000,100,0.5,0.05,0.625,2,50,900,200,150,2026-01,https://a.example/b'
[ "$(tail -n +2 "$csv" | cut -d, -f1)" = "$(tail -n +2 "$csv" | cut -d, -f1 | LC_ALL=C sort -u)" ] || fail "models.csv is not in order"

# wrong LINE REASON: it stands after a good one.
wrong() {
    printf '%s\n%s\n%s\n' "$heading" "$good" "$1" >wrong.csv
    expect 1 "$embed" wrong.csv wrong.c
    says "wrong.csv:3: $2"
    [ ! -e wrong.c ] || fail "a half table is left"
}
printf '%s\n%s\n%s\n' "$heading" "$good" 'c,,,0.000000001,,,1000,,,,,2026-01-31,https://a.example/c' >right.csv
expect 0 "$embed" right.csv right.c
grep -q 'price_input_nanousd = INT64_C(1),' right.c && grep -q 'price_output_nanousd = INT64_C(1000000000000),' right.c || fail "prices are not in nano-dollars"
grep -q '.price_cached_nanousd = LH_UNKNOWN' right.c || fail "an empty cell is not unknown"
wrong 'c,1,1,1,1,1,1,1,1,100,100,2026-01' 'too few cells'
wrong 'c,1,1,1,1,1,1,1,1,100,100,2026-01,https://a,b' 'too many cells'
wrong '' 'too few cells'
wrong 'b,,,1,,,1,,,,,2026-01,https://a' 'there twice'
wrong 'a,,,1,,,1,,,,,2026-01,https://a' 'not in order'
wrong 'C,,,1,,,1,,,,,2026-01,https://a' 'not in order'
wrong 'c d,,,1,,,1,,,,,2026-01,https://a' 'a name must be'
wrong 'c,,,x,,,1,,,,,2026-01,https://a' 'a price must be'
wrong 'c,,,-1,,,1,,,,,2026-01,https://a' 'a price must be'
wrong 'c,,,.5,,,1,,,,,2026-01,https://a' 'a price must be'
wrong 'c,,,1,,,1000.01,,,,,2026-01,https://a' 'a price must be'
wrong 'c,,,0.0000000001,,,1,,,,,2026-01,https://a' 'a price must be'
wrong 'c,,,1,,,,,,,,2026-01,https://a' 'input and output must both be known'
wrong 'c,0,,1,,,1,,,,,2026-01,https://a' 'tokens must be'
wrong 'c,1.5,,1,,,1,,,,,2026-01,https://a' 'tokens must be'
wrong 'c,,,1,,,1,101,,,,2026-01,https://a' 'a discount must be'
wrong 'c,,,1,,,1,,9,99,100,2026-01,https://a' 'a step must be'
wrong 'c,,,1,,,1,,9,200,,2026-01,https://a' 'long_input and long_output belong together'
wrong 'c,,,1,,,1,,,200,200,2026-01,https://a' 'long_input and long_output belong together'
wrong 'c,,,1,,,1,,,,,2026,https://a' 'a date must be'
wrong 'c,,,1,,,1,,,,,2026-1-31,https://a' 'a date must be'
wrong 'c,,,1,,,1,,,,,,https://a' 'a date must be'
wrong 'c,,,1,,,1,,,,,2026-01,http://a' 'a source must be'
wrong 'c,,,1,,,1,,,,,2026-01,https://a"' 'no quotes'
printf '%s\n%s' "$heading" "$good" >wrong.csv
expect 1 "$embed" wrong.csv wrong.c
says 'wrong.csv:2: the line does not end'
sed 's/cached/hidden/' "$csv" >wrong.csv
expect 1 "$embed" wrong.csv wrong.c
says 'wrong.csv:1: this column should be another'

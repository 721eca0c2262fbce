# What is installed is enough for a C program: the example builds with pkg-config alone, and runs.
. "$LH_SOURCE_DIR/tests/lib.sh"
cmake --install "$LH_BUILD_DIR" --prefix "$PWD/prefix" >install.log || { cat install.log >&2; fail "install"; }
LONGHAUL=$PWD/prefix/bin/longhaul
export PKG_CONFIG_PATH=$(dirname "$PWD/$(find prefix -name longhaul.pc)")
cc -Wall -Wextra -Werror "$LH_SOURCE_DIR/docs/examples/batch.c" $(pkg-config --cflags --libs longhaul) -o batch
echo '#include <longhaul_estimate.h>
int main(void) { lh_estimate_options o; lh_estimate_options_default(&o); return o.db != NULL; }' >estimate.c
cc -Wall -Wextra -Werror estimate.c $(pkg-config --cflags --libs longhaul) -o estimate && ./estimate || fail "the face of estimate is not whole"
start_sim --latency 5
make_input 100 >in.jsonl
export OPENAI_BASE_URL=$base
./batch in.jsonl out.jsonl >out || fail "the example exits $?"
grep -q '100 done, 0 dead, 0 left' out || { cat out >&2; fail "the example says something else"; }
each_once out.jsonl 100

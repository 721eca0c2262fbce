# The checks of floors and SQL pass on this tree, and catch what is planted in a copy of it.
. "$LH_SOURCE_DIR/tests/lib.sh"
cp -r "$LH_SOURCE_DIR/src" "$LH_SOURCE_DIR/cli" "$LH_SOURCE_DIR/CMakeLists.txt" .
floors="$LH_SOURCE_DIR/cmake/check_floors.sh"
sql="$LH_SOURCE_DIR/cmake/check_sql.sh"
expect 0 bash "$floors" .
expect 0 bash "$sql" .

# caught CHECK FILE LINE REASON: LINE in FILE makes CHECK fail for REASON.
caught() {
    cp -r src src.was
    printf '%s\n' "$3" >>"$2"
    expect 1 bash "$1" .
    grep -qF "$2" out && grep -qF "$4" out || { cat out >&2; fail "$3 in $2 is not blamed"; }
    rm -r src
    mv src.was src
}
caught "$floors" src/base/json.c '#include "store/store.h"' 'above its own'
caught "$floors" src/store/claim.c '  #  include "schedule/policy.h"' 'above its own'
caught "$floors" src/http/client.c '#include "limit/gate.h"' 'DEPENDS'
caught "$floors" src/batch/ingest.c '#include "schedule/policy.h"' 'DEPENDS'
caught "$floors" src/limit/gate.c '#include "bucket.h"' 'folder'
caught "$floors" src/limit/gate.c '#include "nowhere/x.h"' 'no known floor'
caught "$floors" src/schedule/run.c '#include "embedded_sql.h"' 'folder'
caught "$floors" src/longhaul.h '#include "store/store.h"' 'above its own'
caught "$sql" src/schedule/run.c 'const char *q = "SELECT 1 FROM jobs";' 'SELECT'
caught "$sql" src/store/store.c 'const char *q = "PRAGMA journal_mode = WAL";' 'PRAGMA'
sed -i 's/lh_module(http DEPENDS base/lh_module(http DEPENDS base schedule/' CMakeLists.txt
expect 1 bash "$floors" .
grep -q 'CMakeLists.txt: http DEPENDS on schedule' out || fail "an upward DEPENDS is not blamed"

# What is no input is refused whole, with line and reason; what is, is taken.
. "$LH_SOURCE_DIR/tests/lib.sh"
refuse() { printf "$1" >bad.jsonl; expect 1 "$LONGHAUL" submit bad.jsonl --model m; says "$2"; }
refuse '' 'empty'
refuse '{"prompt":"a"}\n{"prompt":\n' 'line 2'
refuse '{"prompt":"\xff"}\n' 'UTF-8'
refuse '{"prompt":"a","stream":true}\n' 'stream'
refuse '{"custom_id":"a","prompt":"x"}\n{"custom_id":"a","prompt":"y"}\n' 'stands on line 1 already'
refuse '{"custom_id":7.5,"prompt":"x"}\n' 'custom_id'
refuse '{"prompt":"x","temperature":NaN}\n' 'NaN'
refuse '{"a":1}\n' '--template'
expect 1 "$LONGHAUL" submit none.jsonl
expect 1 "$LONGHAUL" submit .
expect 0 "$LONGHAUL" sql --format csv "SELECT count(*) FROM jobs"
grep -q '^0' out || fail "a refused line was stored"
printf '\xef\xbb\xbf{"prompt":"a"}\r\n\n{"messages":[{"role":"user","content":"b"}],"custom_id":"x"}' >good.jsonl
expect 0 "$LONGHAUL" submit good.jsonl --model m
expect 0 "$LONGHAUL" sql --format csv "SELECT custom_id, url, body FROM jobs JOIN requests ON job_id = id ORDER BY id"
grep -q 'line-1,/v1/completions,"{""model"":""m"",""prompt"":""a""}"' out || { cat out; fail "bare prompt"; }
grep -q '^x,/v1/chat/completions' out || fail "bare messages"
expect 0 "$LONGHAUL" submit good.jsonl --model m
says 'loaded already'
expect 1 "$LONGHAUL" submit good.jsonl --model other
says '--model was m'
expect 1 "$LONGHAUL" submit good.jsonl --model m --priority high
says '--priority 500'
expect 1 "$LONGHAUL" submit good.jsonl --model m --tenant other
says '--tenant default'
expect 0 "$LONGHAUL" submit good.jsonl --model m --priority normal --weight 1 --tenant default
printf '\n{"prompt":"c"}\n' >>good.jsonl
expect 1 "$LONGHAUL" submit good.jsonl --model m
says '--update'
expect 0 "$LONGHAUL" submit good.jsonl --model m --update
printf 'id,text\n1,"say ""hi"", now"\n2,plain\n' >rows.csv
expect 0 "$LONGHAUL" submit rows.csv --model m --template 'Q: {{text}}' --id-field id
expect 0 "$LONGHAUL" sql --format jsonl "SELECT json_extract(body, '\$.messages[0].content') AS t FROM requests ORDER BY job_id DESC LIMIT 1 OFFSET 1"
grep -qF 'Q: say \"hi\", now' out || { cat out; fail "CSV"; }
sound longhaul.db

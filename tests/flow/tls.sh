# TLS against a server that others wrote: certificates are verified, HTTP/2 carries many requests on few connections, and gzip is taken.
. "$LH_SOURCE_DIR/tests/lib.sh"
command -v nginx >/dev/null || { echo "skipped: there is no nginx here"; exit 77; }
mkdir server
(
    cd server
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj "/CN=Test authority" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj "/CN=localhost" 2>/dev/null
    printf 'subjectAltName=DNS:localhost\n' >names
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile names -out server.pem 2>/dev/null
)
nginx_pid=
end_nginx() { if [ -n "$nginx_pid" ]; then kill "$nginx_pid" 2>/dev/null || true; wait "$nginx_pid" 2>/dev/null || true; nginx_pid=; fi; }
trap end_nginx EXIT
for port in $(seq 18500 18599); do
    cat >server/nginx.conf <<EOF
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log crit;
events { worker_connections 512; }
http {
    log_format facts '\$connection \$server_protocol \$http_authorization \$http_accept_encoding';
    access_log access.log facts;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    gzip on; gzip_min_length 1; gzip_types application/json;
    server {
        listen 127.0.0.1:$port ssl http2;
        server_name localhost;
        default_type application/json;
        location /v1/redirect { return 307 http://127.0.0.1:$port/elsewhere; }
        location / { return 200 '{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}'; }
    }
}
EOF
    nginx -p "$PWD/server" -c nginx.conf -e "$PWD/server/error.log" 2>/dev/null &
    nginx_pid=$!
    sleep 0.3
    kill -0 $nginx_pid 2>/dev/null && break
    nginx_pid=
done
[ -n "$nginx_pid" ] || fail "nginx did not start: $(cat server/error.log)"
for _ in $(seq 100); do curl -s -o /dev/null --cacert server/ca.pem "https://localhost:$port/" && break; sleep 0.05; done
for _ in $(seq 100); do [ -s server/access.log ] && break; sleep 0.05; done # it is written after the answer
: >server/access.log
export OPENAI_API_KEY=sk-test-0123456789
make_input 500 >in.jsonl

# An authority that nobody knows: nothing is sent, the reason is told.
expect 1 "$LONGHAUL" run in.jsonl --base-url "https://localhost:$port/v1"
grep -qi 'certificate' err || { cat err >&2; fail "does not name the certificate"; }
[ ! -s server/access.log ] || fail "a request went to a server that could not prove itself"

# A name that the certificate does not hold.
expect 1 "$LONGHAUL" run in.jsonl --base-url "https://127.0.0.1:$port/v1" --ca-file server/ca.pem
[ ! -s server/access.log ] || fail "a request went to a server of another name"

# The authority is named: all goes through, over HTTP/2, on few connections, zipped.
expect 0 "$LONGHAUL" run in.jsonl -o out.jsonl --base-url "https://localhost:$port/v1" --ca-file server/ca.pem --concurrency 100
each_once out.jsonl 500
# nginx answers before it has read the request; when that overtakes libcurl 7.88's own sending, it takes the stream for broken
# and a few are asked again.
requests=$(wc -l <server/access.log)
[ "$requests" -ge 500 ] && [ "$requests" -le 515 ] || fail "$requests requests instead of 500"
[ "$(grep -c 'HTTP/2.0 Bearer sk-test-0123456789' server/access.log)" = "$requests" ] || fail "not all went over HTTP/2 with the key"
[ "$(cut -d' ' -f1 server/access.log | sort -u | wc -l)" -le 10 ] || fail "HTTP/2 did not share connections"
[ "$(grep -c gzip server/access.log)" = "$requests" ] || fail "gzip is not asked for"
if curl -V | grep -q brotli; then grep -q ' br\| br,\|, br' server/access.log || fail "br is not asked for"; fi
grep -q '"content":"hello"' out.jsonl || fail "the zipped answer did not arrive"

# A redirect is not followed: the key stays here.
expect 4 "$LONGHAUL" --db redirect.db run in.jsonl --base-url "https://localhost:$port/v1/redirect" --ca-file server/ca.pem
says "redirect"
grep -q 'sk-test' longhaul.db redirect.db out err && fail "the key was written"
exit 0

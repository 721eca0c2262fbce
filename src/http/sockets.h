/* Inside `http` only: libcurl's sockets and timer on a libuv loop. Loop thread. */
#ifndef LH_HTTP_SOCKETS_H
#define LH_HTTP_SOCKETS_H

#include <curl/curl.h>
#include <uv.h>

struct sockets;

/* Drives `multi` on `loop`; `ready` is called after each round in which exchanges may have ended. NULL: out of memory. */
struct sockets *sockets_new(uv_loop_t *loop, CURLM *multi, void (*ready)(void *arg), void *arg);
/* Call after the multi handle is gone. `closed` comes once the loop has let go; then the struct is freed. */
void sockets_close(struct sockets *s, void (*closed)(void *), void *arg);

/* For each easy handle: lets a socket's watcher end before the socket does. */
void sockets_set_options(struct sockets *s, CURL *easy);

#endif

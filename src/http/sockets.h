/* Inside `http` only: libcurl's sockets and timer on a libuv loop. Loop thread. */
#ifndef LH_HTTP_SOCKETS_H
#define LH_HTTP_SOCKETS_H

#include <curl/curl.h>
#include <uv.h>

struct sockets;

/* One per easy handle, for libcurl to open sockets through. */
struct socket_opener {
    struct sockets *owner;
    int error; /* errno of the last socket that could not be made; 0: none. The user clears it */
};

/* Drives `multi` on `loop`; `ready` is called after each round in which exchanges may have ended. NULL: out of memory.
 * Connections that nobody uses do not keep the loop alive. */
struct sockets *sockets_new(uv_loop_t *loop, CURLM *multi, void (*ready)(void *arg), void *arg);

/* Call after the multi handle is gone. `closed` comes once the loop has let go; then the struct is freed. */
void sockets_close(struct sockets *s, void (*closed)(void *), void *arg);

/* For each easy handle, once: its sockets are opened and closed here, so that no watcher outlives its socket.
 * `opener` stays where it is as long as the easy handle lives. */
void sockets_attach(struct sockets *s, CURL *easy, struct socket_opener *opener);

#endif

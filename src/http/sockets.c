/* libcurl's sockets on libuv: see sockets.h. The watcher of a connection stays armed between the requests on it, which saves
 * two system calls a request: libcurl forgets a socket after each exchange and names it again for the next. That is safe
 * because connections are opened and closed by the two callbacks here. Sockets that libcurl makes by itself (the resolver's
 * pair) are closed behind our back: their watchers go as soon as libcurl forgets them. */
#include "http/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

struct watcher {
    uv_poll_t poll;
    struct sockets *owner;
    curl_socket_t fd;
    int wanted; /* what libcurl waits for: UV_READABLE, UV_WRITABLE; 0: forgotten for now */
    int armed;  /* what the loop watches */
    bool kept;  /* opened here, so it will be closed here */
};

struct sockets {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct watcher **by_fd; /* owned */
    size_t capacity;
    int open; /* uv handles that are not closed yet */
    void (*ready)(void *arg);
    void *arg;
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

static void on_closed(struct sockets *s)
{
    if (--s->open > 0 || !s->closing)
        return;
    s->closed(s->closed_arg);
    free(s->by_fd);
    free(s);
}

static void on_watcher_closed(uv_handle_t *handle)
{
    struct watcher *w = handle->data;
    struct sockets *s = w->owner;
    free(w);
    on_closed(s);
}

static struct watcher *watcher_find(const struct sockets *s, curl_socket_t fd)
{
    return (size_t)fd < s->capacity ? s->by_fd[fd] : NULL;
}

static void drop_watcher(struct sockets *s, curl_socket_t fd)
{
    struct watcher *w = watcher_find(s, fd);
    if (w == NULL)
        return;
    s->by_fd[fd] = NULL;
    uv_close((uv_handle_t *)&w->poll, on_watcher_closed);
}

static void act(struct sockets *s, curl_socket_t fd, int flags)
{
    int running = 0;
    curl_multi_socket_action(s->multi, fd, flags, &running);
    s->ready(s->arg);
}

static void on_event(uv_poll_t *handle, int status, int events)
{
    struct watcher *w = handle->data;
    if (status < 0)
        w->armed = 0; /* libuv has stopped it */
    if (w->wanted == 0) {
        /* An idle connection stirs: the other side closes it. libcurl will see when it takes the connection up. */
        uv_poll_stop(handle);
        w->armed = 0;
        return;
    }
    /* After an error libcurl shall read it from the socket: told only that there is one, it could not know that a kept
     * connection was dead before the request was heard, and would not ask again. */
    int flags = status < 0 ? CURL_CSELECT_IN | CURL_CSELECT_OUT : 0;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    act(w->owner, w->fd, flags);
}

static bool make_room(struct sockets *s, curl_socket_t fd)
{
    if ((size_t)fd < s->capacity)
        return true;
    size_t capacity = ((size_t)fd + 1) * 2;
    struct watcher **more = realloc(s->by_fd, capacity * sizeof(struct watcher *));
    if (more == NULL)
        return false;
    for (size_t i = s->capacity; i < capacity; i++)
        more[i] = NULL;
    s->by_fd = more;
    s->capacity = capacity;
    return true;
}

static struct watcher *watcher_new(struct sockets *s, curl_socket_t fd)
{
    struct watcher *w = make_room(s, fd) ? calloc(1, sizeof *w) : NULL;
    if (w == NULL || uv_poll_init_socket(s->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->owner = s;
    w->fd = fd;
    w->poll.data = w;
    s->open++;
    s->by_fd[fd] = w;
    return w;
}

static int events_of(int what)
{
    return ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) | ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0);
}

static void want(struct watcher *w, int events)
{
    if (w->wanted == 0)
        uv_ref((uv_handle_t *)&w->poll);
    w->wanted = events;
    if (w->wanted != w->armed && uv_poll_start(&w->poll, w->wanted, on_event) == 0)
        w->armed = w->wanted;
}

static void forget(struct watcher *w)
{
    w->wanted = 0;
    if (w->kept)
        uv_unref((uv_handle_t *)&w->poll);
    else
        drop_watcher(w->owner, w->fd);
}

/* A socket that cannot be watched is not reported: libcurl would take that for the end of all exchanges. The one
 * exchange ends by its timeout. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    (void)easy;
    (void)unused;
    struct sockets *s = arg;
    struct watcher *w = watcher_find(s, fd);
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL)
            forget(w);
        return 0;
    }
    if (w == NULL)
        w = watcher_new(s, fd);
    if (w != NULL && events_of(what) != 0)
        want(w, events_of(what));
    return 0;
}

static void on_timeout(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* A timeout of 0 goes through the loop as well: libcurl must not be entered from inside this call. */
static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct sockets *s = arg;
    if (timeout_ms < 0)
        return uv_timer_stop(&s->timer);
    if (timeout_ms > 0)
        uv_update_time(s->loop);
    return uv_timer_start(&s->timer, on_timeout, (uint64_t)timeout_ms, 0);
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct socket_opener *opener = arg;
    int fd = socket(address->family, address->socktype, address->protocol);
    if (fd < 0) {
        opener->error = errno;
        return CURL_SOCKET_BAD;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    drop_watcher(opener->owner, fd); /* a number comes anew: what was watched under it is gone */
    struct watcher *w = watcher_new(opener->owner, fd);
    if (w == NULL) {
        opener->error = ENOMEM;
        close(fd);
        return CURL_SOCKET_BAD;
    }
    w->kept = true;
    uv_unref((uv_handle_t *)&w->poll);
    return fd;
}

static int on_close_socket(void *arg, curl_socket_t fd)
{
    drop_watcher(arg, fd);
    return close(fd);
}

void sockets_attach(struct sockets *s, CURL *easy, struct socket_opener *opener)
{
    *opener = (struct socket_opener){.owner = s};
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, opener);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, s);
}

struct sockets *sockets_new(uv_loop_t *loop, CURLM *multi, void (*ready)(void *arg), void *arg)
{
    struct sockets *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct sockets){.loop = loop, .multi = multi, .ready = ready, .arg = arg, .open = 1};
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, s);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, s);
    return s;
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_closed(handle->data);
}

void sockets_close(struct sockets *s, void (*closed)(void *), void *arg)
{
    s->closing = true;
    s->closed = closed;
    s->closed_arg = arg;
    for (size_t fd = 0; fd < s->capacity; fd++)
        drop_watcher(s, (curl_socket_t)fd);
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

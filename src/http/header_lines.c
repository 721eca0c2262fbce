/* A request's header lines: see header_lines.h. */
#include "http/header_lines.h"

#include <stdlib.h>
#include <string.h>

static int check_line(const char *line, lh_error *err)
{
    size_t name = strcspn(line, ": \t\r\n");
    if (name == 0 || line[name] != ':')
        return lh_error_set(err, LH_EUSAGE, "a request header is no \"Name: value\" line");
    if (line[strcspn(line, "\r\n")] != '\0')
        return lh_error_set(err, LH_EUSAGE, "the request header %.*s has a line break in its value",
                            name < 64 ? (int)name : 64, line);
    return 0;
}

/* The old block may hold a key, so it is wiped here rather than given to realloc. */
static int make_room(struct header_lines *h, size_t nodes, size_t text, lh_error *err)
{
    if (nodes <= h->nodes_capacity && text <= h->text_capacity)
        return 0;
    header_lines_free(h);
    h->nodes = calloc(nodes, sizeof *h->nodes);
    h->text = malloc(text);
    if (h->nodes == NULL || h->text == NULL) {
        header_lines_free(h);
        return lh_error_nomem(err);
    }
    h->nodes_capacity = nodes;
    h->text_capacity = text;
    return 0;
}

int header_lines_set(struct header_lines *h, const char *const *lines, size_t n, lh_error *err)
{
    static char no_expect[] = "Expect:"; /* no round trip to ask whether a body is welcome */
    size_t total = 1;
    for (size_t i = 0; i < n; i++) {
        int rc = check_line(lines[i], err);
        if (rc != 0)
            return rc;
        total += strlen(lines[i]) + 1;
    }
    int rc = make_room(h, n + 1, total, err);
    if (rc != 0)
        return rc;
    char *at = h->text;
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(lines[i]) + 1;
        memcpy(at, lines[i], size);
        h->nodes[i] = (struct curl_slist){.data = at, .next = &h->nodes[i + 1]};
        at += size;
    }
    h->nodes[n] = (struct curl_slist){.data = no_expect};
    return 0;
}

void header_lines_free(struct header_lines *h)
{
    if (h->text != NULL)
        explicit_bzero(h->text, h->text_capacity);
    free(h->text);
    free(h->nodes);
    *h = (struct header_lines){0};
}

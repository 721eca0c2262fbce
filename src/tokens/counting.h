/* The sum while a request is counted: inside src/tokens only. One request each, one thread; memory only for tools and other JSON that a
 * provider writes out as text. */
#ifndef LH_TOKENS_COUNTING_H
#define LH_TOKENS_COUNTING_H

#include "base/json.h"
#include "tokens/bpe.h"

enum {
    FLAT_TOKENS = 1000, /* a file, a sound, a film: what it holds is not looked at */
    MESSAGE_TOKENS = 3, /* around each message */
    NAME_TOKENS = 1,    /* beside a name */
    REPLY_TOKENS = 3,   /* that begin the reply */
    IMAGE_SIDE_TOLD =
        1024 /* an image that is only named by a URL or a file id is taken for a square of so many pixels */
};

struct counting {
    const char *model; /* borrowed; "" when none is named */
    enum encoding_id encoding;
    bool is_claude;
    int64_t counted, reckoned;
    bool by_formula; /* what is added now is reckoned */
    int rc;          /* 0 or LH_ENOMEM, which stays */
};

static inline void counting_add(struct counting *c, int64_t tokens)
{
    *(c->by_formula ? &c->reckoned : &c->counted) += tokens;
}

/* A text. One that is a data: URL of base64 counts flat: its length says nothing of what it takes. */
void counting_text(struct counting *c, const char *text, size_t len);
/* Nothing when it is no string. */
void counting_string(struct counting *c, json_object *value);
/* The value as compact JSON. */
void counting_json(struct counting *c, json_object *value);
void counting_flat(struct counting *c);
/* `source`: a data: URL, any other URL, or the bytes themselves as base64; NULL: not known. */
void counting_image(struct counting *c, const char *source, size_t len, const char *detail);

/* What a message says: a string, or a list of parts of any dialect (parts.c). */
void counting_content(struct counting *c, json_object *content);
/* Lists of tools, and the legacy "functions" (tools.c). */
void counting_tools(struct counting *c, json_object *tools, json_object *choice);

#endif

/* What the simulated provider says: answers and errors in the words of each API. Pure. */
#ifndef LH_SIM_BODIES_H
#define LH_SIM_BODIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/strbuf.h"

enum sim_endpoint { SIM_CHAT, SIM_COMPLETIONS, SIM_EMBEDDINGS, SIM_RESPONSES, SIM_MESSAGES, SIM_ENDPOINTS };
bool sim_endpoint_of(const char *path, enum sim_endpoint *out);
static inline bool sim_is_anthropic(enum sim_endpoint e)
{
    return e == SIM_MESSAGES;
}

struct sim_request {
    enum sim_endpoint endpoint;
    char model[128];
    char beginning[64];                /* of the last thing said, for the echo */
    int64_t prompt_tokens, max_output; /* max_output −1: not bounded */
    int64_t cached_tokens;             /* the part of the prompt that is told as read from a cache */
    const char *service_tier;          /* "flex" when the request asks for it, else "default" */
    uint64_t hash;                     /* of the body */
};
/* False: the body is no request of this endpoint; *why is the message to answer 400 with. Counts the prompt; nothing is cached. */
bool sim_request_read(enum sim_endpoint e, json_object *body, uint64_t hash, struct sim_request *out,
                      const char **why);

void sim_answer(const struct sim_request *r, int64_t output_tokens, int64_t created, struct strbuf *out);
void sim_error(bool anthropic, const char *type, const char *code, const char *message, struct strbuf *out);
void sim_models(struct strbuf *out);

#endif

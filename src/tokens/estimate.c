/* Tokens of a request, roughly: see estimate.h. */
#include "tokens/estimate.h"

#include <stdbool.h>
#include <string.h>

enum { BYTES_PER_TOKEN = 4, DATA_TOKENS = 1000 };

/* Strings that are no text: what a data: URL or an image's bytes take is not their length. "data: …" may begin a prompt. */
static bool is_data(const char *text)
{
    if (strncmp(text, "data:", 5) != 0)
        return false;
    const char *end = text + 5 + strcspn(text + 5, ", \n");
    return *end == ',' && end - text >= 12 && strncmp(end - 7, ";base64", 7) == 0;
}

static bool is_data_key(const char *key)
{
    return strcmp(key, "data") == 0 || strcmp(key, "file_data") == 0;
}

struct sum {
    int64_t bytes, data;
};

static void add(json_object *value, const char *key, struct sum *sum)
{
    switch (json_object_get_type(value)) {
    case json_type_string:
        if ((key != NULL && is_data_key(key)) || is_data(json_object_get_string(value)))
            sum->data += DATA_TOKENS;
        else
            sum->bytes += json_object_get_string_len(value);
        break;
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(value); i++)
            add(json_object_array_get_idx(value, i), NULL, sum);
        break;
    case json_type_object: {
        json_object_object_foreach(value, name, member)
        {
            add(member, name, sum);
        }
        break;
    }
    case json_type_int: /* token ids as embeddings input */
        sum->bytes += BYTES_PER_TOKEN;
        break;
    default:
        break;
    }
}

int64_t tokens_estimate_prompt(json_object *body)
{
    static const char *const parts[] = {"messages",     "prompt", "input",     "system",
                                        "instructions", "tools",  "functions", "response_format"};
    struct sum sum = {0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        json_object *part = NULL;
        if (json_object_object_get_ex(body, parts[i], &part))
            add(part, NULL, &sum);
    }
    int64_t tokens = (sum.bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN + sum.data;
    return tokens > 0 ? tokens : 1;
}

int64_t tokens_estimate_text(const char *text, size_t len)
{
    (void)text;
    return (int64_t)((len + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN);
}

/* The sum while a request is counted: see counting.h. */
#include "tokens/counting.h"

#include <string.h>

#include "tokens/images.h"

void counting_flat(struct counting *c)
{
    c->reckoned += FLAT_TOKENS;
}

/* Where the base64 of "data:image/png;base64,…" begins; 0 of any other text. "data: …" may begin a prompt. */
static size_t base64_of_url(const char *text, size_t len)
{
    if (len < 5 || memcmp(text, "data:", 5) != 0)
        return 0;
    size_t end = 5;
    while (end < len && strchr(", \n", text[end]) == NULL)
        end++;
    bool is_data = end < len && text[end] == ',' && end >= 12 && memcmp(text + end - 7, ";base64", 7) == 0;
    return is_data ? end + 1 : 0;
}

static void count_text(struct counting *c, const char *text, size_t len)
{
    int64_t tokens = encoding_count(encoding_get(c->encoding), text, len);
    if (tokens < 0)
        c->rc = (int)tokens;
    else
        counting_add(c, tokens);
}

void counting_text(struct counting *c, const char *text, size_t len)
{
    if (base64_of_url(text, len) > 0)
        counting_flat(c);
    else
        count_text(c, text, len);
}

void counting_string(struct counting *c, json_object *value)
{
    if (json_is_string(value))
        counting_text(c, json_object_get_string(value), (size_t)json_object_get_string_len(value));
}

void counting_json(struct counting *c, json_object *value)
{
    size_t len = 0;
    if (value == NULL)
        return;
    const char *text = json_object_to_json_string_length(
        value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    if (text == NULL)
        c->rc = LH_ENOMEM;
    else
        count_text(c, text, len);
}

void counting_image(struct counting *c, const char *source, size_t len, const char *detail)
{
    struct image_size size = {IMAGE_SIDE_TOLD, IMAGE_SIDE_TOLD};
    size_t at = source != NULL ? base64_of_url(source, len) : 0;
    if (source != NULL)
        image_size_of_base64(source + at, len - at, &size);
    c->reckoned += image_tokens(c->model, size, detail);
}

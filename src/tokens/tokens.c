/* The public face of counting: names of encodings and models. See longhaul.h. */
#include <string.h>

#include "longhaul.h"
#include "tokens/bpe.h"
#include "tokens/model_name.h"

static const char *const names[ENCODING_COUNT] = {
    [ENCODING_O200K_BASE] = "o200k_base", [ENCODING_CL100K_BASE] = "cl100k_base"};
_Static_assert((int)LH_O200K_BASE == (int)ENCODING_O200K_BASE &&
                   (int)LH_CL100K_BASE == (int)ENCODING_CL100K_BASE,
               "the public numbers are the inner ones");

int lh_encoding_named(const char *name, lh_encoding *out, lh_error *err)
{
    for (int i = 0; i < ENCODING_COUNT; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (lh_encoding)i;
            return 0;
        }
    return lh_error_set(err, LH_EUSAGE, "there is no encoding \"%s\"; it must be o200k_base or cl100k_base",
                        name);
}

const char *lh_encoding_name(lh_encoding encoding)
{
    return names[encoding];
}

/* The first row that fits decides. The names are those of tiktoken's table and of the families that it names by prefix. */
static const struct {
    const char *prefix;
    lh_encoding encoding;
} models[] = {
    {"gpt-4o", LH_O200K_BASE},
    {"gpt-4.1", LH_O200K_BASE},
    {"gpt-4.5", LH_O200K_BASE},
    {"gpt-5", LH_O200K_BASE},
    {"chatgpt-4o", LH_O200K_BASE},
    {"o1", LH_O200K_BASE},
    {"o3", LH_O200K_BASE},
    {"o4", LH_O200K_BASE},
    {"gpt-oss", LH_O200K_BASE}, /* o200k_harmony: the same but for special tokens */
    {"gpt-4", LH_CL100K_BASE},
    {"gpt-3.5", LH_CL100K_BASE},
    {"gpt-35", LH_CL100K_BASE}, /* as Azure has it */
    {"text-embedding-3", LH_CL100K_BASE},
    {"text-embedding-ada-002", LH_CL100K_BASE},
    {"davinci-002", LH_CL100K_BASE},
    {"babbage-002", LH_CL100K_BASE},
};

lh_encoding lh_encoding_of_model(const char *model, bool *known)
{
    const char *name = model_bare_name(model);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (model_name_begins(name, models[i].prefix)) {
            if (known != NULL)
                *known = true;
            return models[i].encoding;
        }
    if (known != NULL)
        *known = false;
    return LH_O200K_BASE;
}

int64_t lh_tokens_count(lh_encoding encoding, const char *text, size_t len)
{
    return encoding_count(encoding_get((enum encoding_id)encoding), text, len);
}

int64_t lh_tokens_encode(lh_encoding encoding, const char *text, size_t len, uint32_t *ids, size_t capacity)
{
    return encoding_encode(encoding_get((enum encoding_id)encoding), text, len, ids, capacity);
}

size_t lh_tokens_cut(const char *text, size_t len)
{
    return encoding_cut(text, len);
}

/* Names of models: see model_name.h. */
#include "tokens/model_name.h"

#include <string.h>

const char *model_bare_name(const char *model)
{
    const char *slash = strrchr(model, '/');
    model = slash != NULL ? slash + 1 : model;
    return strncmp(model, "ft:", 3) == 0 ? model + 3 : model;
}

bool model_name_begins(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(name, prefix, len) == 0 && (name[len] == '\0' || strchr("-.:@", name[len]) != NULL);
}

bool model_is_claude(const char *model)
{
    return strstr(model, "claude") != NULL;
}

/* One or two digits; more are a date. -1: there is no such number. */
static int version_part(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 2)
        return -1;
    return digits == 1 ? text[0] - '0' : (text[0] - '0') * 10 + (text[1] - '0');
}

bool model_claude_since(const char *model, int major, int minor)
{
    const char *at = strstr(model, "claude");
    if (at == NULL)
        return false;
    at += strcspn(at, "0123456789@:");
    int first = version_part(at);
    if (first < 0)
        return true;
    at += strspn(at, "0123456789");
    int second = *at == '-' || *at == '.' ? version_part(at + 1) : -1;
    return first > major || (first == major && (second < 0 ? 0 : second) >= minor);
}

/* Reading names of models: what stands around the name itself, and families that are told by how a name begins. Pure; any thread. */
#ifndef LH_TOKENS_MODEL_NAME_H
#define LH_TOKENS_MODEL_NAME_H

#include <stdbool.h>

/* The name itself, without "ft:" and without a provider's "openai/". Borrowed from `model`. */
const char *model_bare_name(const char *model);

/* `prefix` is the whole name or ends before one of "-.:@": gpt-4 does not begin gpt-45. */
bool model_name_begins(const char *name, const char *prefix);

/* A Claude, by whoever offers it ("anthropic/claude-…", "us.anthropic.claude-…-v1:0"). */
bool model_is_claude(const char *model);
/* At least that version, as the name tells it: claude-opus-4-7, claude-3.5-haiku. True of a Claude that names none. */
bool model_claude_since(const char *model, int major, int minor);

#endif

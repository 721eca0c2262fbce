/* Prompt templates: text with {{field}} or {{outer.inner}} in it. Pure; any thread. */
#ifndef LH_BATCH_TEMPLATE_H
#define LH_BATCH_TEMPLATE_H

#include "base/error.h"
#include "base/strbuf.h"

/* Gives the text of a field by appending it to `out`; 0, or LH_EINPUT when the row has no such field. */
typedef int (*template_field_fn)(void *arg, const char *name, struct strbuf *out, lh_error *err);

/* Appends the filled template. LH_EINPUT from `field`; LH_ENOMEM. */
int template_fill(const char *text, template_field_fn field, void *arg, struct strbuf *out, lh_error *err);

/* LH_EUSAGE: the template has an unclosed {{ or an empty name. */
int template_check(const char *text, lh_error *err);

/* How often the field that stands most often in it does; 1 at least. Of many fields it looks at the first 32. */
size_t template_most_uses(const char *text);

#endif

/* Tokens of images: see images.h. */
#include "tokens/images.h"

#include <math.h>
#include <string.h>

#include "tokens/model_name.h"

enum { TILE = 512, TILES_FIT = 2048, TILES_SHORT = 768, PATCH = 32, PATCHES_LOW = 512, CLAUDE_PATCH = 28 };

/* At most so many pixels a side and so many patches. */
struct bounds {
    int64_t side, patches;
};

/* The first row that fits decides. */
static const struct rule {
    const char *prefix;
    int64_t base, tile;              /* tile 0: patches */
    int64_t factor;                  /* thousandths of a token for each patch */
    struct bounds high, more, plain; /* by detail: high, original, and auto or none */
} rules[] = {
#define MOST_1536  \
    {              \
        2048, 1536 \
    }
#define MOST_2500  \
    {              \
        2048, 2500 \
    }
#define MOST_10000  \
    {               \
        6000, 10000 \
    }
#define MOST_30000   \
    {                \
        65535, 30000 \
    } /* gpt-5.6: "not resized"; what a request may hold bounds it */
#define PATCHES_1536(name, factor)                          \
    {                                                       \
        name, 0, 0, factor, MOST_1536, MOST_1536, MOST_1536 \
    }
    {"gpt-4o-mini", .base = 2833, .tile = 5667},
    PATCHES_1536("gpt-4.1-mini", 1620),
    PATCHES_1536("gpt-4.1-nano", 2460),
    PATCHES_1536("o4-mini", 1720),
    PATCHES_1536("gpt-5-mini", 1620),
    PATCHES_1536("gpt-5-nano", 2460),
    PATCHES_1536("gpt-5.4-mini", 1620),
    PATCHES_1536("gpt-5.4-nano", 2460),
    PATCHES_1536("gpt-5-codex-mini", 1200),
    PATCHES_1536("gpt-5.1-codex-mini", 1200),
    PATCHES_1536("gpt-5.2", 1200),
    PATCHES_1536("gpt-5.3", 1200),
    {"gpt-5.4", 0, 0, 1200, MOST_2500, MOST_10000, MOST_2500},
    {"gpt-5.5", 0, 0, 1200, MOST_2500, MOST_10000, MOST_10000},
    {"gpt-5.1", .base = 70, .tile = 140},
    {"gpt-5-chat", .base = 70, .tile = 140},
    {"gpt-5-codex", .base = 70, .tile = 140},
    {"gpt-5-pro", .base = 70, .tile = 140},
    {"o1", .base = 75, .tile = 150},
    {"o3", .base = 75, .tile = 150},
    {"computer-use-preview", .base = 65, .tile = 129},
};
static const struct rule as_gpt_4o = {"", .base = 85, .tile = 170};
static const struct rule as_gpt_5 = {"gpt-5", .base = 70, .tile = 140};
static const struct rule as_gpt_5_6 = {"gpt-5.6", 0, 0, 1200, MOST_2500, MOST_30000, MOST_30000};

static const struct rule *rule_of(const char *model)
{
    const char *name = model_bare_name(model);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (model_name_begins(name, rules[i].prefix))
            return &rules[i];
    if (model_name_begins(name, "gpt-5"))
        return name[5] == '.' ? &as_gpt_5_6 : &as_gpt_5;
    return model_name_begins(name, "gpt-6") ? &as_gpt_5_6 : &as_gpt_4o;
}

static int64_t covers(int64_t side, int64_t piece)
{
    return (side + piece - 1) / piece;
}

/* side * by / of, to the nearest pixel, one at least. What OpenAI bills shows that it rounds so: with gpt-4.1, 2049 x 513 is eight tiles
 * (512.75 is 513) and 2050 x 513 is four (512.4995 is 512). Sides have 32 bits. */
static int64_t scaled(int64_t side, int64_t by, int64_t of)
{
    int64_t pixels = (2 * side * by + of) / (2 * of);
    return pixels > 0 ? pixels : 1;
}

/* Brings the longer (or shorter) side down to `most`; what is smaller stays. */
static struct image_size fit(struct image_size s, int64_t side, int64_t most)
{
    if (side <= most)
        return s;
    return (struct image_size){scaled(s.width, most, side), scaled(s.height, most, side)};
}

static struct image_size fit_longer(struct image_size s, int64_t most)
{
    return fit(s, s.width > s.height ? s.width : s.height, most);
}

static int64_t tile_tokens(const struct rule *rule, struct image_size s)
{
    s = fit_longer(s, TILES_FIT);
    s = fit(s, s.width < s.height ? s.width : s.height, TILES_SHORT);
    return rule->base + rule->tile * covers(s.width, TILE) * covers(s.height, TILE);
}

/* As the guide has it: a scale by area, then so much less that one of the sides becomes whole patches; the other follows. */
static int64_t patches_within(struct image_size s, int64_t most)
{
    int64_t patches = covers(s.width, PATCH) * covers(s.height, PATCH);
    if (patches <= most)
        return patches;
    const double shape = (double)s.width / (double)s.height;
    int64_t across = (int64_t)sqrt((double)most * shape), down = (int64_t)sqrt((double)most / shape);
    if (across * s.height < down * s.width)
        return across * covers(s.height * across, s.width);
    return covers(s.width * down, s.height) * down;
}

static bool is_detail(const char *detail, const char *name)
{
    return detail != NULL && strcmp(detail, name) == 0;
}

static int64_t patch_tokens(const struct rule *rule, struct image_size s, const char *detail)
{
    struct bounds most = is_detail(detail, "high")       ? rule->high
                         : is_detail(detail, "original") ? rule->more
                                                         : rule->plain;
    s = fit_longer(s, is_detail(detail, "low") ? PATCHES_LOW : most.side);
    return (patches_within(s, most.patches) * rule->factor + 500) / 1000;
}

static bool claude_takes(struct image_size s, const struct bounds *most, int64_t *patches)
{
    int64_t across = covers(s.width, CLAUDE_PATCH), down = covers(s.height, CLAUDE_PATCH);
    *patches = across * down;
    return across * CLAUDE_PATCH <= most->side && down * CLAUDE_PATCH <= most->side &&
           *patches <= most->patches;
}

/* The largest size of the same shape that is taken, as the guide's own resizing has it: by halving the longer side's range. */
static int64_t claude_tokens(struct image_size s, const struct bounds *most)
{
    int64_t longer = s.width > s.height ? s.width : s.height, patches = 0;
    if (claude_takes(s, most, &patches))
        return patches;
    int64_t low = 1, high = longer < most->side ? longer : most->side, best = 1;
    while (low <= high) {
        int64_t middle = low + (high - low) / 2;
        if (claude_takes(fit(s, longer, middle), most, &patches)) {
            best = patches;
            low = middle + 1;
        } else {
            high = middle - 1;
        }
    }
    return best;
}

int64_t image_tokens(const char *model, struct image_size size, const char *detail)
{
    static const struct bounds claude_before = {1568, 1568}, claude_since_4_7 = {2576, 4784};
    if (model_is_claude(model))
        return claude_tokens(size, model_claude_since(model, 4, 7) ? &claude_since_4_7 : &claude_before);
    const struct rule *rule = rule_of(model);
    if (rule->tile == 0)
        return patch_tokens(rule, size, detail);
    return is_detail(detail, "low") ? rule->base : tile_tokens(rule, size);
}

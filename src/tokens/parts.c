/* The parts of a message's content, of all dialects: their types do not collide. See counting.h. */
#include <string.h>

#include "tokens/counting.h"

typedef void part_fn(struct counting *c, json_object *part);

static void image_at(struct counting *c, json_object *source, json_object *part)
{
    bool is_text = json_is_string(source);
    counting_image(c, is_text ? json_object_get_string(source) : NULL,
                   is_text ? (size_t)json_object_get_string_len(source) : 0, json_get_string(part, "detail"));
}

/* {"image_url":{"url","detail"}}, and the URL itself as some write it. */
static void part_image_url(struct counting *c, json_object *part)
{
    json_object *image = json_get(part, "image_url");
    if (json_is_object(image))
        image_at(c, json_get(image, "url"), image);
    else
        image_at(c, image, part);
}

/* Anthropic's: {"source":{"type":"base64","data"}}, by a URL or a file id. */
static void part_image(struct counting *c, json_object *part)
{
    json_object *source = json_get(part, "source");
    json_object *data = json_get(source, "data");
    image_at(c, data != NULL ? data : json_get(source, "url"), part);
}

static void part_text(struct counting *c, json_object *part)
{
    counting_string(c, json_get(part, "text"));
}

static void part_refusal(struct counting *c, json_object *part)
{
    counting_string(c, json_get(part, "refusal"));
}

static void part_thinking(struct counting *c, json_object *part)
{
    counting_string(c, json_get(part, "thinking"));
}

static void part_flat(struct counting *c, json_object *part)
{
    (void)part;
    counting_flat(c);
}

/* A document that is text is counted; a PDF is flat. */
static void part_document(struct counting *c, json_object *part)
{
    json_object *source = json_get(part, "source");
    const char *type = json_get_string(source, "type");
    counting_string(c, json_get(part, "title"));
    counting_string(c, json_get(part, "context"));
    if (type != NULL && strcmp(type, "text") == 0)
        counting_string(c, json_get(source, "data"));
    else if (type != NULL && strcmp(type, "content") == 0)
        counting_content(c, json_get(source, "content"));
    else
        counting_flat(c);
}

static void part_search_result(struct counting *c, json_object *part)
{
    counting_string(c, json_get(part, "title"));
    counting_string(c, json_get(part, "source"));
    counting_content(c, json_get(part, "content"));
}

static void part_tool_use(struct counting *c, json_object *part)
{
    bool before = c->by_formula;
    c->by_formula = true;
    counting_string(c, json_get(part, "name"));
    counting_json(c, json_get(part, "input"));
    c->by_formula = before;
}

static void part_tool_result(struct counting *c, json_object *part)
{
    counting_content(c, json_get(part, "content"));
}

static const struct {
    const char *type;
    part_fn *count;
} types[] = {
    {"text", part_text},           {"input_text", part_text},         {"output_text", part_text},
    {"image_url", part_image_url}, {"input_image", part_image_url},   {"image", part_image},
    {"tool_use", part_tool_use},   {"tool_result", part_tool_result}, {"refusal", part_refusal},
    {"thinking", part_thinking},   {"document", part_document},       {"search_result", part_search_result},
    {"input_audio", part_flat},    {"audio_url", part_flat},          {"video_url", part_flat},
    {"file", part_flat},           {"input_file", part_flat},         {"computer_screenshot", part_image_url},
};

static void count_part(struct counting *c, json_object *part)
{
    const char *type = json_get_string(part, "type");
    if (type == NULL) {
        part_text(c, part);
        return;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i].type) == 0) {
            types[i].count(c, part);
            return;
        }
}

void counting_content(struct counting *c, json_object *content)
{
    if (!json_is_array(content)) {
        counting_string(c, content);
        if (json_is_object(content))
            count_part(c, content);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(content); i++) {
        json_object *part = json_object_array_get_idx(content, i);
        if (json_is_object(part))
            count_part(c, part);
        else
            counting_string(c, part);
    }
}

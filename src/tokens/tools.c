/* Tools that a request offers: all of it is reckoned. See counting.h.
 *
 * For OpenAI's models by the formula of its cookbook ("How to count tokens with tiktoken", 7), which holds for functions with plain
 * properties; what is nested counts as what is not. For Claude by the JSON of each, beside the system prompt that tools bring along (guide "Tool
 * use", "Pricing": 346 tokens, 313 when a tool must be used; of Claude 4 and later). */
#include <string.h>

#include "tokens/counting.h"

enum {
    FUNCTION_O200K = 7,
    FUNCTION_CL100K = 10,
    PROPERTIES = 3,
    PROPERTY = 3,
    ENUM = -3,
    ENUM_ITEM = 3,
    FUNCTIONS_END = 12,
    CLAUDE_TOOLS = 346,
    CLAUDE_TOOLS_FORCED = 313
};

/* A description without its last full stop. */
static void append_description(struct strbuf *line, json_object *schema)
{
    json_object *text = json_get(schema, "description");
    if (!json_is_string(text))
        return;
    size_t len = (size_t)json_object_get_string_len(text);
    const char *description = json_object_get_string(text);
    strbuf_append(line, description, len > 0 && description[len - 1] == '.' ? len - 1 : len);
}

/* "string", or "string|null" of a list. */
static void append_type(struct strbuf *line, json_object *type)
{
    if (json_is_string(type))
        strbuf_append(line, json_object_get_string(type), (size_t)json_object_get_string_len(type));
    if (!json_is_array(type))
        return;
    for (size_t i = 0; i < json_object_array_length(type); i++) {
        if (i > 0)
            strbuf_append_char(line, '|');
        json_object *one = json_object_array_get_idx(type, i);
        if (json_is_string(one))
            strbuf_append(line, json_object_get_string(one), (size_t)json_object_get_string_len(one));
    }
}

static void count_line(struct counting *c, struct strbuf *line)
{
    if (line->failed)
        c->rc = LH_ENOMEM;
    else
        counting_text(c, line->data, line->len);
    strbuf_reset(line);
}

static void count_enum(struct counting *c, json_object *list)
{
    if (!json_is_array(list))
        return;
    counting_add(c, ENUM);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *item = json_object_array_get_idx(list, i);
        counting_add(c, ENUM_ITEM);
        if (json_is_string(item))
            counting_string(c, item);
        else if (item != NULL)
            counting_json(c, item);
        else
            counting_text(c, "null", 4);
    }
}

static void count_schema(struct counting *c, json_object *schema, struct strbuf *line);

static void count_properties(struct counting *c, json_object *properties, struct strbuf *line)
{
    if (!json_is_object(properties) || json_object_object_length(properties) == 0)
        return;
    counting_add(c, PROPERTIES);
    json_object_object_foreach(properties, name, property)
    {
        counting_add(c, PROPERTY);
        strbuf_append_str(line, name);
        strbuf_append_char(line, ':');
        append_type(line, json_get(property, "type"));
        strbuf_append_char(line, ':');
        append_description(line, property);
        count_line(c, line);
        count_schema(c, property, line);
    }
}

/* Schemas within a schema, one or a list or by name. */
static void count_inner(struct counting *c, json_object *value, struct strbuf *line)
{
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            count_inner(c, json_object_array_get_idx(value, i), line);
    } else if (json_is_object(value)) {
        append_description(line, value);
        count_line(c, line);
        count_schema(c, value, line);
    }
}

static void count_schema(struct counting *c, json_object *schema, struct strbuf *line)
{
    static const char *const inner[] = {"items", "anyOf", "oneOf", "allOf", "additionalProperties"};
    static const char *const named[] = {"$defs", "definitions"};
    count_enum(c, json_get(schema, "enum"));
    count_properties(c, json_get(schema, "properties"), line);
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++)
        count_inner(c, json_get(schema, inner[i]), line);
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        count_properties(c, json_get(schema, named[i]), line);
}

/* {"function":{…}} of chat, or the function itself; NULL of a tool that the provider brings along, whose text is not known. */
static json_object *function_of(json_object *tool)
{
    json_object *function = json_get(tool, "function");
    if (function == NULL)
        function = tool;
    return json_is_string(json_get(function, "name")) ? function : NULL;
}

static json_object *parameters_of(json_object *function)
{
    json_object *parameters = json_get(function, "parameters");
    return parameters != NULL ? parameters : json_get(function, "input_schema");
}

static void count_openai(struct counting *c, json_object *tools, struct strbuf *line)
{
    bool any = false;
    for (size_t i = 0; i < json_object_array_length(tools); i++) {
        json_object *function = function_of(json_object_array_get_idx(tools, i));
        if (function == NULL)
            continue;
        any = true;
        counting_add(c, c->encoding == ENCODING_CL100K_BASE ? FUNCTION_CL100K : FUNCTION_O200K);
        json_object *name = json_get(function, "name");
        strbuf_append(line, json_object_get_string(name), (size_t)json_object_get_string_len(name));
        strbuf_append_char(line, ':');
        append_description(line, function);
        count_line(c, line);
        count_schema(c, parameters_of(function), line);
    }
    if (any)
        counting_add(c, FUNCTIONS_END);
}

static bool must_be_used(json_object *choice)
{
    const char *type = json_get_string(choice, "type");
    return type != NULL && (strcmp(type, "any") == 0 || strcmp(type, "tool") == 0);
}

static void count_claude(struct counting *c, json_object *tools, json_object *choice)
{
    counting_add(c, must_be_used(choice) ? CLAUDE_TOOLS_FORCED : CLAUDE_TOOLS);
    for (size_t i = 0; i < json_object_array_length(tools); i++) {
        json_object *function = function_of(json_object_array_get_idx(tools, i));
        if (function == NULL)
            continue;
        counting_string(c, json_get(function, "name"));
        counting_string(c, json_get(function, "description"));
        counting_json(c, parameters_of(function));
    }
}

void counting_tools(struct counting *c, json_object *tools, json_object *choice)
{
    if (!json_is_array(tools) || json_object_array_length(tools) == 0)
        return;
    bool before = c->by_formula;
    struct strbuf line;
    strbuf_init(&line);
    c->by_formula = true;
    if (c->is_claude)
        count_claude(c, tools, choice);
    else
        count_openai(c, tools, &line);
    c->by_formula = before;
    strbuf_free(&line);
}

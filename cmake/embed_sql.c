/* Turns the SQL of schema/ and migrations/ into C: run by the build, never installed.
 *   embed_sql OUTDIR FILE…
 * writes OUTDIR/embedded_sql.h (enum stmt_id, one constant for each "-- name: x" of queries.sql) and embedded_sql.c (the
 * texts). Which file is what is told by its name; migrations are NNNN_name.sql, in order, and carry a checksum. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

static void die(const char *what, const char *which)
{
    fprintf(stderr, "embed_sql: %s: %s\n", what, which);
    exit(1);
}

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        die(strerror(errno), path);
    if (fseek(f, 0, SEEK_END) != 0)
        die("cannot seek", path);
    long size = ftell(f);
    rewind(f);
    char *text = calloc(1, (size_t)size + 1);
    if (text == NULL || fread(text, 1, (size_t)size, f) != (size_t)size)
        die("cannot read", path);
    fclose(f);
    return text;
}

static void write_literal(FILE *out, const char *text, size_t len)
{
    fputs("\n    \"", out);
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '\n')
            fputs(i + 1 < len ? "\\n\"\n    \"" : "\\n", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else
            fputc(c, out);
    }
    fputs("\"", out);
}

/* The next "-- name: x" at or after `p`, or NULL. */
static const char *find_name(const char *p)
{
    while (p != NULL && *p != '\0') {
        if (strncmp(p, "-- name: ", 9) == 0)
            return p;
        p = strchr(p, '\n');
        if (p != NULL)
            p++;
    }
    return NULL;
}

static void write_enum_name(FILE *out, const char *name, size_t len)
{
    fputs("STMT_", out);
    for (size_t i = 0; i < len; i++)
        fputc(toupper((unsigned char)name[i]), out);
}

static void write_queries(FILE *h, FILE *c, const char *text)
{
    fputs("enum stmt_id {\n", h);
    fputs("const struct embedded_statement embedded_statements[] = {\n", c);
    int count = 0;
    for (const char *p = find_name(text); p != NULL; count++) {
        const char *name = p + 9;
        size_t len = strcspn(name, " \n");
        const char *body = strchr(name, '\n');
        p = body != NULL ? find_name(body) : NULL;
        size_t body_len = body == NULL ? 0 : p != NULL ? (size_t)(p - body) : strlen(body);
        while (body_len > 0 && isspace((unsigned char)body[body_len - 1]))
            body_len--;
        fputs("    ", h);
        write_enum_name(h, name, len);
        fputs(",\n", h);
        fprintf(c, "    {\"%.*s\",", (int)len, name);
        write_literal(c, body, body_len);
        fputs("},\n", c);
    }
    fprintf(h, "    STMT_COUNT /* %d */\n};\n\n", count);
    fputs("};\n\n", c);
}

static void write_migration(FILE *c, const char *file, const char *text)
{
    int version = atoi(file);
    const char *name = strchr(file, '_');
    if (version <= 0 || name == NULL)
        die("a migration must be named NNNN_name.sql", file);
    name++;
    size_t len = strcspn(name, ".");
    XXH64_hash_t sum = XXH3_64bits(text, strlen(text));
    fprintf(c, "    {%d, \"%.*s\", \"%016llx\",", version, (int)len, name, (unsigned long long)sum);
    write_literal(c, text, strlen(text));
    fputs("},\n", c);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int by_base_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(base_name(*x), base_name(*y));
}

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        die(strerror(errno), path);
    return f;
}

static const char header_top[] = "/* Made by the build from schema/ and migrations/. Do not edit. */\n"
                                 "#ifndef LH_EMBEDDED_SQL_H\n#define LH_EMBEDDED_SQL_H\n\n";

static const char header_end[] =
    "struct embedded_statement {\n    const char *name, *sql;\n};\n"
    "extern const struct embedded_statement embedded_statements[]; /* STMT_COUNT, by enum stmt_id */\n\n"
    "struct embedded_migration {\n    int version;\n    const char *name, *checksum, *sql;\n};\n"
    "extern const struct embedded_migration embedded_migrations[]; /* by version, from 1 without gaps */\n"
    "extern const int embedded_migration_count;\n\n"
    "extern const char embedded_schema[];\nextern const char embedded_views[];\n\n#endif\n";

int main(int argc, char **argv)
{
    if (argc < 3)
        die("usage", "embed_sql OUTDIR FILE...");
    qsort(argv + 2, (size_t)argc - 2, sizeof *argv, by_base_name);
    FILE *h = create(argv[1], "embedded_sql.h");
    FILE *c = create(argv[1], "embedded_sql.c");
    fputs(header_top, h);
    fputs("#include \"embedded_sql.h\"\n\n", c);
    fputs("const struct embedded_migration embedded_migrations[] = {\n", c);
    int migrations = 0;
    for (int i = 2; i < argc; i++) {
        if (!isdigit((unsigned char)base_name(argv[i])[0]))
            continue;
        char *text = read_all(argv[i]);
        if (atoi(base_name(argv[i])) != ++migrations)
            die("migrations must be numbered from 1 without gaps", argv[i]);
        write_migration(c, base_name(argv[i]), text);
        free(text);
    }
    fprintf(c, "};\nconst int embedded_migration_count = %d;\n\n", migrations);
    for (int i = 2; i < argc; i++) {
        const char *name = base_name(argv[i]);
        char *text = read_all(argv[i]);
        if (strcmp(name, "queries.sql") == 0)
            write_queries(h, c, text);
        if (strcmp(name, "schema.sql") == 0 || strcmp(name, "views.sql") == 0) {
            fprintf(c, "const char embedded_%.*s[] =", (int)strcspn(name, "."), name);
            write_literal(c, text, strlen(text));
            fputs(";\n\n", c);
        }
        free(text);
    }
    fputs(header_end, h);
    return fclose(h) == 0 && fclose(c) == 0 ? 0 : 1;
}

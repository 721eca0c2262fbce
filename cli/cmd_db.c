/* db: upkeep of the database. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/app.h"
#include "cli/text.h"

static int migrate(struct app *app)
{
    lh_error err = {0};
    int64_t from = 0, to = 0;
    if (lh_db_migrate(app->settings.db, &from, &to, &err) != 0)
        return app_failed(&err);
    if (from == to)
        log_info("%s has the newest schema (%lld)", app->settings.db, (long long)to);
    else
        log_info("%s: schema %lld is now %lld", app->settings.db, (long long)from, (long long)to);
    return EXIT_DONE;
}

static void on_finding(void *arg, const char *text)
{
    (void)arg;
    text_print_safe(stdout, text, 0);
    putchar('\n');
}

static int check(struct app *app)
{
    lh_error err = {0};
    int64_t faults = 0;
    if (lh_db_check(app->settings.db, on_finding, NULL, &faults, &err) != 0)
        return app_failed(&err);
    if (faults == 0)
        printf("%s is sound\n", app->settings.db);
    else
        log_error("%s has %lld faults; restore a backup, or `sqlite3 %s .recover`", app->settings.db,
                  (long long)faults, app->settings.db);
    return app_finish_output(faults == 0 ? EXIT_DONE : EXIT_FAILED);
}

static int backup(struct app *app)
{
    lh_error err = {0};
    if (app->n_args < 2) {
        log_error("db backup needs the name of the copy: longhaul db backup FILE");
        return EXIT_USAGE;
    }
    if (lh_db_backup(app->settings.db, app->args[1], &err) != 0)
        return app_failed(&err);
    log_info("%s is a consistent copy of %s", app->args[1], app->settings.db);
    return EXIT_DONE;
}

static void print_info_json(const lh_db_info *i)
{
    struct strbuf path;
    strbuf_init(&path);
    json_append_string(&path, i->path, strlen(i->path));
    printf("{\"path\":%s,\"file_bytes\":%lld,\"wal_bytes\":%lld,\"page_size\":%lld,\"free_pages\":%lld,"
           "\"schema_version\":%lld,\"batches\":%lld,\"jobs\":%lld,\"sqlite_version\":\"%s\",\"store_id\":\"%"
           "s\"}\n",
           path.data, (long long)i->file_bytes, (long long)i->wal_bytes, (long long)i->page_size,
           (long long)i->free_pages, (long long)i->schema_version, (long long)i->batches, (long long)i->jobs,
           i->sqlite_version, i->store_id);
    strbuf_free(&path);
}

static int info(struct app *app)
{
    lh_error err = {0};
    lh_db_info i;
    char a[32], b[32], c[32];
    if (lh_db_info_get(app->settings.db, &i, &err) != 0)
        return app_failed(&err);
    if (app->settings.json) {
        print_info_json(&i);
        return app_finish_output(EXIT_DONE);
    }
    printf(
        "file      %s\nsize      %s, write-ahead log %s\npages     of %lld bytes, %lld free\nschema    %lld\n"
        "batches   %lld\njobs      %s\nSQLite    %s\nstore id  %s\n",
        i.path, text_bytes(i.file_bytes, a), text_bytes(i.wal_bytes, b), (long long)i.page_size,
        (long long)i.free_pages, (long long)i.schema_version, (long long)i.batches, text_count(i.jobs, c),
        i.sqlite_version, i.store_id);
    return app_finish_output(EXIT_DONE);
}

int cmd_db(struct app *app)
{
    static const struct {
        const char *name;
        int (*run)(struct app *app);
        int args;
    } verbs[] = {{"migrate", migrate, 1}, {"check", check, 1}, {"backup", backup, 2}, {"info", info, 1}};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(app->args[0], verbs[i].name) != 0)
            continue;
        if (app->n_args <= verbs[i].args)
            return verbs[i].run(app);
        log_error("db %s does not take \"%s\"", verbs[i].name, app->args[verbs[i].args]);
        return EXIT_USAGE;
    }
    log_error("there is no db %s; there is migrate, check, backup and info", app->args[0]);
    return EXIT_USAGE;
}

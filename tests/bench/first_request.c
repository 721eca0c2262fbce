/* How soon after a crash does the first request leave? A store of JOBS jobs, ORPHANS of them found running; starts PROGRAM on it
 * and waits for the first bytes on a socket that never answers.
 *   first_request FOLDER PROGRAM [JOBS] [ORPHANS] */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bare_sqlite.h"

static void make_orphans(const char *path, int64_t orphans)
{
    char sql[256];
    sqlite3 *db = bare_open(path);
    bare_exec(
        db, "INSERT INTO workers (pid, host, version, started_at, heartbeat_at) VALUES (1, 'h', '0', 1, 1)");
    snprintf(sql, sizeof sql, "UPDATE jobs SET state = 'running', sends = 1, claimed_at = 1 WHERE id <= %lld",
             (long long)orphans);
    bare_exec(db, sql);
    snprintf(sql, sizeof sql, "UPDATE batches SET jobs_running = %lld, jobs_ready = jobs_ready - %lld",
             (long long)orphans, (long long)orphans);
    bare_exec(db, sql);
    bare_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(db);
}

static int listen_on_free_port(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die("listen", "no free port");
    *port = ntohs(address.sin_port);
    return fd;
}

static pid_t start(const char *program, const char *db, int port)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", port);
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, "-q", "--db", db, "work", "--base-url", url, (char *)NULL);
        _exit(127);
    }
    return pid;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s FOLDER PROGRAM [JOBS] [ORPHANS]\n", argv[0]);
        return 2;
    }
    int64_t jobs = argc > 3 ? atol(argv[3]) : 1000000;
    int64_t orphans = argc > 4 ? atol(argv[4]) : 1000;
    char path[512], byte[1];
    int port = 0;
    snprintf(path, sizeof path, "%s/orphans.db", argv[1]);
    make_big_store(path, jobs);
    make_orphans(path, orphans);
    int listener = listen_on_free_port(&port);
    double begin = measure_wall();
    pid_t pid = start(argv[2], path, port);
    int conn = accept(listener, NULL, NULL);
    if (conn < 0 || read(conn, byte, 1) != 1)
        die("accept", "no request came");
    double took = measure_wall() - begin;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(conn);
    close(listener);
    remove_store(path);
    printf("first request of %lld jobs after %lld orphans: %.0f ms\n", (long long)jobs, (long long)orphans,
           took * 1e3);
    return 0;
}

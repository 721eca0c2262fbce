-- Every statement that longhaul runs, by name. Parameters are ?1, ?2, …; the C code binds them by type (src/store/store.h) and
-- reads columns by position. A test prepares each, and reads the query plan of those that a run calls for every job.

-- ---- connections ----

-- name: pragma_wal
PRAGMA journal_mode = WAL;
-- name: pragma_foreign_keys
PRAGMA foreign_keys = ON;
-- name: pragma_sync_full
PRAGMA synchronous = FULL;
-- name: pragma_sync_normal
PRAGMA synchronous = NORMAL;
-- name: pragma_no_auto_checkpoint
PRAGMA wal_autocheckpoint = 0;
-- name: pragma_cache
-- 16 MB of pages: the hot ends of the tables and indexes, whatever the size of the file.
PRAGMA cache_size = -16000;
-- name: pragma_cache_reader
PRAGMA cache_size = -4000;
-- name: pragma_temp_memory
PRAGMA temp_store = MEMORY;
-- name: pragma_temp_files
-- For what sorts or sums up all jobs or attempts (indexes made anew, a check, what a budget begins with): in memory it would grow with them.
PRAGMA temp_store = FILE;
-- name: pragma_query_only
PRAGMA query_only = ON;
-- name: data_version
PRAGMA data_version;
-- name: application_id
PRAGMA application_id;
-- name: schema_version
PRAGMA user_version;
-- name: page_size
PRAGMA page_size;
-- name: page_count
PRAGMA page_count;
-- name: free_pages
PRAGMA freelist_count;
-- name: integrity_check
PRAGMA integrity_check;
-- name: foreign_key_check
PRAGMA foreign_key_check;
-- name: sqlite_version
SELECT sqlite_version();
-- name: table_functions
-- What a person's SQL may call in a FROM.
SELECT 1 FROM json_each('[]'), json_tree('[]'), pragma_table_info('jobs'), pragma_table_list, pragma_index_list('jobs'),
    pragma_index_info('jobs_ready');
-- name: count_tables
SELECT count(*) FROM sqlite_schema;
-- name: begin_write
BEGIN IMMEDIATE;
-- name: begin_read
BEGIN;
-- name: commit
COMMIT;
-- name: rollback
ROLLBACK;
-- name: backup_into
VACUUM INTO ?1;

-- ---- migrations ----

-- name: migration_list
SELECT version, name, checksum FROM schema_migrations ORDER BY version;
-- name: migration_record
INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4);
-- name: view_list
SELECT format('DROP VIEW "%w";', name) FROM sqlite_schema WHERE type = 'view';

-- ---- checkpoints ----

-- name: checkpoint_get
SELECT value FROM checkpoints WHERE scope = ?1 AND kind = ?2;
-- name: checkpoint_put
INSERT INTO checkpoints (scope, kind, value, updated_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (scope, kind) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at;
-- name: checkpoint_delete
DELETE FROM checkpoints WHERE scope = ?1 AND kind = ?2;

-- ---- workers ----

-- name: worker_start
INSERT INTO workers (pid, host, version, started_at, heartbeat_at) VALUES (?1, ?2, ?3, ?4, ?4);
-- name: worker_heartbeat
UPDATE workers SET heartbeat_at = ?2 WHERE id = ?1;
-- name: worker_stop
UPDATE workers SET heartbeat_at = ?2, stopped_at = ?2, stop_reason = ?3 WHERE id = ?1;
-- name: worker_mark_lost
-- Called under the worker lock: whoever did not say goodbye is gone.
UPDATE workers SET stopped_at = heartbeat_at, stop_reason = 'lost' WHERE stopped_at IS NULL AND id <> ?1;
-- name: worker_last
SELECT id, pid, host, started_at, heartbeat_at, stopped_at FROM workers ORDER BY id DESC LIMIT 1;
-- name: worker_last_seen
-- The last sign of life of the worker before the one that has the lock now.
SELECT heartbeat_at FROM workers ORDER BY id DESC LIMIT 1 OFFSET 1;

-- ---- batches ----

-- name: batch_create
INSERT INTO batches (name, tenant, weight, priority, input, params, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);
-- name: batch_by_name
SELECT id, name, state, pause_reason, tenant, weight, priority, input, input_hash, input_bytes, input_lines, params,
    jobs_ready, jobs_waiting, jobs_running, jobs_done, jobs_dead, jobs_canceled,
    prompt_tokens, completion_tokens, cached_tokens, cost_nanousd, attempts, failed_attempts,
    first_job_id, last_job_id, next_seq, requeues, created_at, started_at, finished_at,
    cache_write_tokens, reasoning_tokens, unpriced, silent
FROM batches WHERE name = ?1;
-- name: batch_by_id
SELECT id, name, state, pause_reason, tenant, weight, priority, input, input_hash, input_bytes, input_lines, params,
    jobs_ready, jobs_waiting, jobs_running, jobs_done, jobs_dead, jobs_canceled,
    prompt_tokens, completion_tokens, cached_tokens, cost_nanousd, attempts, failed_attempts,
    first_job_id, last_job_id, next_seq, requeues, created_at, started_at, finished_at,
    cache_write_tokens, reasoning_tokens, unpriced, silent
FROM batches WHERE id = ?1;
-- name: batch_all
SELECT id, name, state, pause_reason, tenant, weight, priority, input, input_hash, input_bytes, input_lines, params,
    jobs_ready, jobs_waiting, jobs_running, jobs_done, jobs_dead, jobs_canceled,
    prompt_tokens, completion_tokens, cached_tokens, cost_nanousd, attempts, failed_attempts,
    first_job_id, last_job_id, next_seq, requeues, created_at, started_at, finished_at,
    cache_write_tokens, reasoning_tokens, unpriced, silent
FROM batches ORDER BY id;
-- name: batch_next
SELECT min(id) FROM batches WHERE id > ?1;
-- name: tenant_all
-- Those with open jobs, and what each has had so far. weight: the largest of its open batches.
SELECT tenant, max(CASE WHEN jobs_ready + jobs_waiting + jobs_running > 0 THEN weight ELSE 0 END),
    SUM(jobs_ready), SUM(jobs_waiting), SUM(jobs_running), SUM(prompt_tokens + completion_tokens)
FROM batches GROUP BY tenant HAVING SUM(jobs_ready + jobs_waiting + jobs_running) > 0 ORDER BY tenant;
-- name: batch_set_state
UPDATE batches SET state = ?2, pause_reason = ?3, finished_at = ?4 WHERE id = ?1;
-- name: batch_loaded
-- The load is complete: what the batch was made from is known, and its jobs may be claimed.
UPDATE batches SET state = ?2, input = ?3, input_hash = ?4, input_bytes = ?5, input_lines = ?6 WHERE id = ?1;
-- name: batch_add_jobs
UPDATE batches SET jobs_ready = jobs_ready + ?2, jobs_dead = jobs_dead + ?3, next_seq = next_seq + ?3,
    first_job_id = COALESCE(first_job_id, ?4), last_job_id = COALESCE(?5, last_job_id)
WHERE id = ?1;
-- name: batch_count
-- Moves the counters of a batch by what one transaction did.
UPDATE batches SET jobs_ready = jobs_ready + ?2, jobs_waiting = jobs_waiting + ?3, jobs_running = jobs_running + ?4,
    jobs_done = jobs_done + ?5, jobs_dead = jobs_dead + ?6, jobs_canceled = jobs_canceled + ?7,
    prompt_tokens = prompt_tokens + ?8, completion_tokens = completion_tokens + ?9,
    cached_tokens = cached_tokens + ?10, cost_nanousd = min(cost_nanousd + ?11, 9223372036854775807),
    attempts = attempts + ?12, failed_attempts = failed_attempts + ?13, next_seq = ?14, requeues = requeues + ?15,
    started_at = COALESCE(started_at, ?16), cache_write_tokens = cache_write_tokens + ?17,
    reasoning_tokens = reasoning_tokens + ?18, unpriced = unpriced + ?19, silent = silent + ?20
WHERE id = ?1;
-- name: batch_recount
-- After rows were removed: the counters from the rows that are left.
UPDATE batches SET
    jobs_ready = (SELECT count(*) FROM jobs WHERE batch_id = ?1 AND state = 'ready'),
    jobs_dead = (SELECT count(*) FROM dead_letters WHERE batch_id = ?1),
    last_job_id = (SELECT max(id) FROM jobs WHERE batch_id = ?1 AND id BETWEEN batches.first_job_id AND batches.last_job_id)
WHERE id = ?1;
-- name: batch_delete
DELETE FROM batches WHERE id = ?1;

-- ---- jobs: ingest ----

-- name: job_insert
INSERT INTO jobs (batch_id, custom_id, line, state, priority, prompt_tokens, max_output_tokens, created_at, finished_at, route)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10);
-- name: routes
SELECT id, dialect, model, origin FROM routes ORDER BY id LIMIT ?1;
-- name: route_insert
INSERT INTO routes (dialect, model, origin) VALUES (?1, ?2, ?3);
-- name: request_insert
INSERT INTO requests (job_id, method, url, body) VALUES (?1, ?2, ?3, ?4);
-- name: job_line_of
-- Where a custom_id stands already, to name it when it comes a second time.
SELECT line FROM jobs WHERE batch_id = ?1 AND custom_id = ?2;
-- name: discard_requests
DELETE FROM requests WHERE job_id BETWEEN ?2 AND ?3
    AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id AND batch_id = ?1);
-- name: discard_dead_letters
DELETE FROM dead_letters WHERE job_id BETWEEN ?2 AND ?3 AND batch_id = ?1;
-- name: discard_jobs
DELETE FROM jobs WHERE id BETWEEN ?2 AND ?3 AND batch_id = ?1;

-- ---- jobs: the run ----

-- Statements that run for each job say OR ROLLBACK: a failure there is a defect or the end of the disk, and ends the transaction
-- anyhow. The default, OR ABORT, would make SQLite copy each page before the statement changes it, to undo that statement alone: a
-- fifth of the store's time. For the same reason the triggers raise ROLLBACK and foreign keys are deferred to the commit.

-- name: claim_candidates
-- The partial index jobs_ready holds just the claimable rows, so this costs the same at ten million jobs.
SELECT j.id, j.sends, j.attempts, j.throttles, j.losses, j.invalids, j.generation, j.prompt_tokens,
    j.max_output_tokens, j.wait_ms, q.url, q.body, j.deadline_at, j.priority, j.retry_is_counted
FROM jobs j JOIN requests q ON q.job_id = j.id
WHERE j.batch_id = ?1 AND j.route = ?3 AND j.state = 'ready'
ORDER BY j.priority, j.id LIMIT ?2;
-- name: next_head
-- The next route of a batch that has ready jobs, and the first of them.
SELECT route, priority, id FROM jobs WHERE batch_id = ?1 AND state = 'ready' AND route > ?2
ORDER BY route, priority, id LIMIT 1;
-- name: claim_job
-- The first claim sets the deadline, later ones leave it.
UPDATE OR ROLLBACK jobs SET state = 'running', sends = sends + 1, claimed_at = ?2, deadline_at = COALESCE(deadline_at, ?3)
WHERE id = ?1 AND state = 'ready';
-- name: due_jobs
-- ?1: 1 for those that wait after a fault, which the retry budget lets go, 0 for all others.
SELECT id, batch_id FROM jobs WHERE state = 'waiting' AND retry_is_counted = ?1 AND next_retry_at <= ?2
ORDER BY next_retry_at LIMIT ?3;
-- name: due_jobs_of_batch
-- A run of one batch leaves the others' jobs alone.
SELECT id, batch_id FROM jobs WHERE batch_id = ?4 AND state = 'waiting' AND retry_is_counted = ?1 AND next_retry_at <= ?2
ORDER BY next_retry_at LIMIT ?3;
-- name: hurry_job
-- By hand: with time as at the first claim, and no retry that the budget let go.
UPDATE jobs SET state = 'ready', next_retry_at = NULL, deadline_at = NULL, retry_is_counted = 0 WHERE id = ?1 AND state = 'waiting';
-- name: promote_job
-- retry_is_counted stays: a good answer of a counted retry pays more into the budget.
UPDATE jobs SET state = 'ready', next_retry_at = NULL WHERE id = ?1 AND state = 'waiting';
-- name: next_retry_of_batch
SELECT min(next_retry_at) FROM jobs WHERE batch_id = ?2 AND state = 'waiting' AND retry_is_counted = ?1;
-- name: next_retry
SELECT min(next_retry_at) FROM jobs WHERE state = 'waiting' AND retry_is_counted = ?1;
-- Outcomes name the send they belong to: a late one must not pass for that of a later claim.

-- name: job_done
UPDATE OR ROLLBACK jobs SET state = 'done', attempts = ?3, finished_at = ?4
WHERE id = ?1 AND state = 'running' AND sends = ?2;
-- name: job_dead
UPDATE jobs SET state = 'dead', attempts = ?3, throttles = ?4, finished_at = ?5
WHERE id = ?1 AND state = 'running' AND sends = ?2;
-- name: job_wait
UPDATE jobs SET state = 'waiting', attempts = ?3, throttles = ?4, invalids = ?5, generation = ?6, next_retry_at = ?7,
    wait_ms = ?8, retry_is_counted = ?9
WHERE id = ?1 AND state = 'running' AND sends = ?2;
-- name: job_give_back
-- Claimed but never sent: as if the claim had not been. ?3: it had set the deadline.
UPDATE jobs SET state = 'ready', sends = sends - 1, claimed_at = NULL, deadline_at = CASE WHEN ?3 THEN NULL ELSE deadline_at END
WHERE id = ?1 AND state = 'running' AND sends = ?2;
-- name: job_cancel_unsent
-- The same in a batch that was canceled meanwhile.
UPDATE jobs SET state = 'canceled', sends = sends - 1, claimed_at = NULL, finished_at = ?3
WHERE id = ?1 AND state = 'running' AND sends = ?2;
-- name: job_ready_again
-- Sent, without an answer that counts (an account refused, a stop): ready at once, the attempt stays on record.
UPDATE jobs SET state = 'ready' WHERE id = ?1 AND state = 'running' AND sends = ?2;
-- name: job_cancel_running
UPDATE jobs SET state = 'canceled', finished_at = ?3 WHERE id = ?1 AND state = 'running' AND sends = ?2;
-- name: attempt_insert
INSERT OR ROLLBACK INTO attempts (job_id, number, outcome, status_code, error_code, message, request_id, model, started_at,
    latency_ms, wait_ms, retry_after_ms, prompt_tokens, completion_tokens, cached_tokens, cost_nanousd, generation, endpoint,
    reasoning_tokens, cache_write_tokens)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20);
-- name: result_insert
INSERT OR ROLLBACK INTO results (job_id, batch_id, seq, status_code, request_id, model, finish_reason, prompt_tokens,
    completion_tokens, cached_tokens, reasoning_tokens, cost_nanousd, latency_ms, finished_at, body, cache_write_tokens)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16);
-- name: dead_letter_insert
INSERT INTO dead_letters (job_id, batch_id, seq, reason, error_class, error_code, message, status_code, request_id,
    attempts, died_at, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);

-- ---- what was used ----

-- name: usage_add
-- Once for each touched cell of a drain. ?2: the day, counted from 1970-01-01.
INSERT INTO usage VALUES (?1, date(?2 * 86400, 'unixepoch'), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
    ?19, ?20, ?21, ?22)
ON CONFLICT (batch_id, day, model) DO UPDATE SET
    attempts = attempts + excluded.attempts, failed = failed + excluded.failed, unpriced = unpriced + excluded.unpriced,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens, cached_tokens = cached_tokens + excluded.cached_tokens,
    cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens,
    reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
    cost_nanousd = min(cost_nanousd + excluded.cost_nanousd, 9223372036854775807),
    told_prompts = told_prompts + excluded.told_prompts, told_tokens = told_tokens + excluded.told_tokens,
    counted_tokens = counted_tokens + excluded.counted_tokens, counted_error = counted_error + excluded.counted_error,
    prompt_share_max = max(prompt_share_max, excluded.prompt_share_max), answers = answers + excluded.answers,
    answer_tokens = answer_tokens + excluded.answer_tokens, answer_squares = answer_squares + excluded.answer_squares,
    answer_max = max(answer_max, excluded.answer_max), latency_ms = latency_ms + excluded.latency_ms;
-- name: usage_of_models
-- By batch and model, summed over the days. ?1: a batch, or NULL. Sums of money end at the largest number, here and below: SUM would fail
-- there, and so would a drain whose sum becomes REAL. A wrong price or a provider's lie must not stop a run.
SELECT batch_id, model, SUM(attempts), SUM(failed), SUM(unpriced), SUM(prompt_tokens), SUM(cached_tokens), SUM(cache_write_tokens),
    SUM(completion_tokens), SUM(reasoning_tokens),
    min(SUM(cost_nanousd / 1000000000) * 1000000000 + SUM(cost_nanousd % 1000000000), 9223372036854775807),
    SUM(told_prompts), SUM(told_tokens), SUM(counted_tokens),
    SUM(counted_error), max(prompt_share_max), SUM(answers), SUM(answer_tokens), SUM(answer_squares), max(answer_max),
    SUM(latency_ms)
FROM usage WHERE ?1 IS NULL OR batch_id = ?1 GROUP BY batch_id, model ORDER BY batch_id, model;
-- name: usage_by
-- ?1: a batch, or NULL. ?2: 0 by model, 1 by batch, 2 by tenant, 3 by day (lh_usage_by).
SELECT CASE ?2 WHEN 0 THEN u.model WHEN 1 THEN b.name WHEN 2 THEN b.tenant ELSE u.day END, SUM(u.attempts), SUM(u.failed),
    SUM(u.unpriced), SUM(u.prompt_tokens), SUM(u.cached_tokens), SUM(u.cache_write_tokens), SUM(u.completion_tokens),
    SUM(u.reasoning_tokens),
    min(SUM(u.cost_nanousd / 1000000000) * 1000000000 + SUM(u.cost_nanousd % 1000000000), 9223372036854775807),
    SUM(u.told_prompts), SUM(u.told_tokens), SUM(u.counted_tokens),
    SUM(u.counted_error), max(u.prompt_share_max), SUM(u.answers), SUM(u.answer_tokens), SUM(u.answer_squares),
    max(u.answer_max), SUM(u.latency_ms)
FROM usage u JOIN batches b ON b.id = u.batch_id WHERE ?1 IS NULL OR u.batch_id = ?1 GROUP BY 1 ORDER BY 1;

-- ---- budgets ----

-- name: spent_committed
SELECT SUM(prompt_tokens + completion_tokens),
    min(SUM(cost_nanousd / 1000000000) * 1000000000 + SUM(cost_nanousd % 1000000000), 9223372036854775807)
FROM batches WHERE ?1 IS NULL OR id = ?1;
-- name: spent_unpriced
-- Of attempts without a cost, by model and endpoint: the usage they told, and what those may have used at most that told none, or but half of it,
-- and may have been paid for all the same. Nothing was used by what was refused (a rate, an account, a bad request) or never reached the provider; What
-- is `free` stands in src/store/outcome.c too. The body is looked into only for the model of a job without a
-- route of its own, for how many answers nothing bounds, and (?2) for its service tier, which the answer tells too; src/provider/request.c has the rules of both.
SELECT model, endpoint, SUM(told), SUM(told * COALESCE(prompt, 0)), SUM(told * COALESCE(completion, 0)),
    SUM(told * COALESCE(cached, 0)), SUM(told * COALESCE(cache_write, 0)),
    SUM(silent), SUM((silent OR told AND prompt IS NULL) * counted),
    SUM((silent OR told AND completion IS NULL) * COALESCE(bound, 0)),
    SUM((silent OR told AND completion IS NULL) * (bound IS NULL) * answers), other_tier
FROM (SELECT *, NOT told AND NOT free AS silent
    FROM (SELECT a.prompt_tokens AS prompt, a.completion_tokens AS completion, a.cached_tokens AS cached,
            a.cache_write_tokens AS cache_write, a.endpoint AS endpoint, j.prompt_tokens AS counted, j.max_output_tokens AS bound,
            a.prompt_tokens IS NOT NULL OR a.completion_tokens IS NOT NULL AS told,
            a.outcome IN ('throttled', 'account') OR (a.outcome = 'permanent' AND a.error_code IS NOT 'response_too_large')
                OR (a.outcome = 'transient' AND COALESCE(a.error_code, '') IN ('resolve', 'connect', 'tls')) AS free,
            COALESCE(r.model, (SELECT json_extract(q.body, '$.model') FROM requests q WHERE q.job_id = j.id AND json_valid(q.body)), '') AS model,
            COALESCE((SELECT MIN(MAX(1, COALESCE(CAST(json_extract(q.body, '$.n') AS INTEGER), 1),
                    COALESCE(CAST(json_extract(q.body, '$.best_of') AS INTEGER), 1)), 1000000)
                    * CASE WHEN json_type(q.body, '$.prompt[0]') IN ('text', 'array') THEN json_array_length(q.body, '$.prompt') ELSE 1 END
                FROM requests q WHERE j.max_output_tokens IS NULL AND a.completion_tokens IS NULL AND q.job_id = j.id AND json_valid(q.body)), 1) AS answers,
            COALESCE((SELECT json_extract(q.body, '$.service_tier') NOT IN ('auto', 'default', 'standard', 'standard_only', 'flex', 'batch')
                FROM requests q WHERE ?2 AND q.job_id = j.id AND json_valid(q.body)), 0)
            OR COALESCE((SELECT lower(COALESCE(json_extract(x.body, '$.service_tier'), json_extract(x.body, '$.usage.service_tier')))
                    NOT IN ('auto', 'default', 'standard', 'on_demand', 'flex', 'batch', '')
                FROM results x WHERE ?2 AND x.job_id = j.id AND json_valid(x.body)), 0) AS other_tier
        FROM attempts a JOIN jobs j ON j.id = a.job_id LEFT JOIN routes r ON r.id = j.route
        WHERE a.cost_nanousd IS NULL AND (?1 IS NULL OR j.batch_id = ?1)
            AND a.job_id BETWEEN (SELECT min(first_job_id) FROM batches WHERE ?1 IS NULL OR id = ?1)
                AND (SELECT max(last_job_id) FROM batches WHERE ?1 IS NULL OR id = ?1)))
WHERE told OR silent
GROUP BY model, endpoint, other_tier;
-- name: open_routes
-- CROSS JOIN keeps the planner on one look into jobs_ready for each batch and route: else it reads all of the index for each route.
SELECT r.dialect, r.model, r.origin FROM routes r
WHERE EXISTS (SELECT 1 FROM batches b CROSS JOIN jobs j ON j.batch_id = b.id AND j.route = r.id AND j.state = 'ready'
    WHERE b.state = 'active' AND (?1 IS NULL OR b.id = ?1));

-- ---- deadlines ----

-- The + keeps the planner on the partial index of deadlines, which holds only what was claimed once and is not finished.

-- name: next_deadline
SELECT min(deadline_at) FROM jobs
WHERE deadline_at IS NOT NULL AND (state = 'ready' OR state = 'waiting') AND (?1 IS NULL OR +batch_id = ?1);
-- name: late_jobs
SELECT id, batch_id, state = 'waiting', sends FROM jobs
WHERE deadline_at IS NOT NULL AND (state = 'ready' OR state = 'waiting') AND deadline_at <= ?2 AND (?1 IS NULL OR +batch_id = ?1)
ORDER BY deadline_at LIMIT ?3;
-- name: late_letter
-- Since when it was tried, not counting what was before a requeue (which begins a generation, as each invalid answer does), and the
-- last attempt.
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', (SELECT min(f.started_at) FROM attempts f
        WHERE f.job_id = j.id AND f.generation >= j.generation - j.invalids) / 1000, 'unixepoch'),
    a.outcome, a.error_code, a.message, a.status_code, a.request_id
FROM jobs j LEFT JOIN attempts a ON a.job_id = j.id AND a.number = j.sends
WHERE j.id = ?1;
-- name: late_job_dead
UPDATE jobs SET state = 'dead', next_retry_at = NULL, finished_at = ?2 WHERE id = ?1;
-- name: batches_with_deadlines
SELECT DISTINCT +batch_id FROM jobs
WHERE deadline_at IS NOT NULL AND (state = 'ready' OR state = 'waiting') AND (?1 IS NULL OR +batch_id = ?1);
-- name: deadline_piece
-- The least of the ?3 latest deadlines of a batch that are below ?2.
SELECT deadline_at FROM jobs
WHERE deadline_at IS NOT NULL AND (state = 'ready' OR state = 'waiting') AND deadline_at < ?2 AND +batch_id = ?1
ORDER BY deadline_at DESC LIMIT 1 OFFSET ?3 - 1;
-- name: deadlines_move
UPDATE jobs SET deadline_at = deadline_at + ?4
WHERE deadline_at IS NOT NULL AND (state = 'ready' OR state = 'waiting') AND deadline_at >= ?2 AND deadline_at < ?3 AND +batch_id = ?1;
-- name: worker_last_served
SELECT max(COALESCE(stopped_at, heartbeat_at)) FROM workers WHERE id <> ?1;

-- ---- recovery ----

-- name: orphans
SELECT id, batch_id, sends, attempts, throttles, losses, generation, claimed_at FROM jobs
WHERE state = 'running' AND batch_id = ?1 ORDER BY id;
-- name: orphan_ready
UPDATE jobs SET state = 'ready', losses = ?2, attempts = ?3 WHERE id = ?1 AND state = 'running';
-- name: orphan_dead
UPDATE jobs SET state = 'dead', losses = ?2, attempts = ?3, finished_at = ?4 WHERE id = ?1 AND state = 'running';

-- ---- steering ----

-- name: cancel_ready_ids
SELECT id FROM jobs WHERE batch_id = ?1 AND state = 'ready' ORDER BY route, priority, id LIMIT ?2;
-- name: cancel_waiting_ids
SELECT id FROM jobs WHERE batch_id = ?1 AND state = 'waiting' ORDER BY retry_is_counted, next_retry_at LIMIT ?2;
-- name: cancel_job
UPDATE jobs SET state = 'canceled', next_retry_at = NULL, finished_at = ?2 WHERE id = ?1;
-- name: canceled_ids
SELECT id FROM jobs WHERE batch_id = ?1 AND state = 'canceled' ORDER BY id LIMIT ?2;
-- name: revive_job
-- A fresh set of attempts and a new idempotency key; the history stays.
UPDATE jobs SET state = 'ready', attempts = 0, throttles = 0, losses = 0, invalids = 0, generation = generation + 1,
    finished_at = NULL, wait_ms = NULL, deadline_at = NULL, retry_is_counted = 0
WHERE id = ?1;

-- ---- dead letters ----

-- name: dead_list
-- ?1 batch, ?2 reason, ?3 error class, ?4 error code, ?5 job id, ?6 custom_id (each NULL: any), ?7 after this job id, ?8 limit.
-- The text of --where, checked by a read-only connection, takes the place of the mark.
SELECT d.job_id, b.name, j.custom_id, d.reason, d.error_class, d.error_code, d.message, d.status_code, d.attempts,
    d.died_at, d.batch_id
FROM dead_letters d JOIN jobs j ON j.id = d.job_id JOIN batches b ON b.id = d.batch_id
WHERE d.job_id > ?7
    AND (?1 IS NULL OR b.name = ?1) AND (?2 IS NULL OR d.reason = ?2) AND (?3 IS NULL OR d.error_class = ?3)
    AND (?4 IS NULL OR d.error_code = ?4) AND (?5 IS NULL OR d.job_id = ?5 OR j.custom_id = ?6)
    AND (/*where*/ 1)
ORDER BY d.job_id LIMIT ?8;
-- name: dead_where_alone
-- The condition by itself, to see that it is one.
SELECT /*where*/ 1 FROM dead_letters d JOIN jobs j ON j.id = d.job_id JOIN batches b ON b.id = d.batch_id;
-- name: dead_letter_exists
SELECT 1 FROM dead_letters WHERE job_id = ?1;
-- name: dead_letter_delete
DELETE FROM dead_letters WHERE job_id = ?1;
-- name: dead_ids_of_batch
SELECT job_id FROM dead_letters WHERE batch_id = ?1 AND reason <> 'bad_line' ORDER BY seq LIMIT ?2;

-- ---- export ----

-- name: export_input_order
-- The jobs of a batch stand between two ids, in input order; the + keeps the planner on them instead of on custom_ids.
SELECT j.id, j.custom_id, j.state, r.status_code, r.request_id, r.body, d.status_code, d.request_id, d.body,
    d.error_code, d.message, d.reason, r.model, r.finish_reason, r.prompt_tokens, r.completion_tokens, r.latency_ms,
    j.sends, r.cached_tokens, r.cost_nanousd
FROM jobs j LEFT JOIN results r ON r.job_id = j.id LEFT JOIN dead_letters d ON d.job_id = j.id
WHERE j.id BETWEEN ?2 AND ?3 AND +j.batch_id = ?1
ORDER BY j.id;
-- name: export_results_after
SELECT r.seq, j.id, j.custom_id, r.status_code, r.request_id, r.body, r.model, r.finish_reason, r.prompt_tokens,
    r.completion_tokens, r.latency_ms, j.sends, r.cached_tokens, r.cost_nanousd
FROM results r JOIN jobs j ON j.id = r.job_id
WHERE r.batch_id = ?1 AND r.seq > ?2 ORDER BY r.seq LIMIT ?3;
-- name: export_dead_after
SELECT d.seq, j.id, j.custom_id, d.status_code, d.request_id, d.body, d.error_code, d.message, d.reason, j.sends
FROM dead_letters d JOIN jobs j ON j.id = d.job_id
WHERE d.batch_id = ?1 AND d.seq > ?2 ORDER BY d.seq LIMIT ?3;

-- ---- one job ----

-- name: job_show
SELECT j.id, b.name, j.custom_id, j.state, j.line, j.priority, j.sends, j.attempts, j.throttles, j.losses,
    j.generation, j.created_at, j.claimed_at, j.next_retry_at, j.finished_at, q.method, q.url, q.body,
    COALESCE(r.body, d.body), COALESCE(r.status_code, d.status_code), d.reason, d.error_code, d.message
FROM jobs j JOIN batches b ON b.id = j.batch_id JOIN requests q ON q.job_id = j.id
LEFT JOIN results r ON r.job_id = j.id LEFT JOIN dead_letters d ON d.job_id = j.id
WHERE j.id = ?1;
-- name: job_id_exists
SELECT id FROM jobs WHERE id = ?1;
-- name: job_id_of
SELECT j.id FROM jobs j JOIN batches b ON b.id = j.batch_id WHERE b.name = ?1 AND j.custom_id = ?2;
-- name: job_ids_of
-- In any batch, by the unique index of each.
SELECT j.id FROM batches b JOIN jobs j ON j.batch_id = b.id AND j.custom_id = ?1;
-- name: job_attempts
SELECT number, outcome, status_code, error_code, message, request_id, model, started_at, latency_ms, wait_ms,
    retry_after_ms, prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost_nanousd
FROM attempts WHERE job_id = ?1 ORDER BY number;

-- ---- upkeep ----

-- name: job_count
SELECT COALESCE(SUM(jobs_ready + jobs_waiting + jobs_running + jobs_done + jobs_dead + jobs_canceled), 0) FROM batches;
-- name: batch_total
SELECT count(*) FROM batches;
-- name: check_counters
-- Batches whose counters are not what their rows say.
SELECT b.name, b.jobs_ready + b.jobs_waiting + b.jobs_running + b.jobs_done + b.jobs_dead + b.jobs_canceled,
    c.ready + c.waiting + c.running + c.done + c.dead + c.canceled
FROM batches b JOIN (SELECT bb.id AS batch_id, COALESCE(SUM(j.state = 'ready'), 0) AS ready,
        COALESCE(SUM(j.state = 'waiting'), 0) AS waiting, COALESCE(SUM(j.state = 'running'), 0) AS running,
        COALESCE(SUM(j.state = 'done'), 0) AS done, COALESCE(SUM(j.state = 'dead'), 0) AS dead,
        COALESCE(SUM(j.state = 'canceled'), 0) AS canceled
    FROM batches bb LEFT JOIN jobs j ON j.batch_id = bb.id GROUP BY bb.id) c ON c.batch_id = b.id
WHERE b.jobs_ready <> c.ready OR b.jobs_waiting <> c.waiting OR b.jobs_running <> c.running
    OR b.jobs_done <> c.done OR b.jobs_dead <> c.dead OR b.jobs_canceled <> c.canceled;
-- name: check_done_without_result
SELECT count(*) FROM jobs j WHERE (j.state = 'done') <> EXISTS (SELECT 1 FROM results r WHERE r.job_id = j.id);
-- name: check_dead_without_letter
SELECT count(*) FROM jobs j WHERE (j.state = 'dead') <> EXISTS (SELECT 1 FROM dead_letters d WHERE d.job_id = j.id);
-- name: check_missing_requests
SELECT count(*) FROM jobs j WHERE NOT EXISTS (SELECT 1 FROM requests q WHERE q.job_id = j.id);
-- name: check_success_attempts
-- A job has one successful attempt when it is done, and none otherwise: an answer was had and lost.
SELECT count(*) FROM jobs j
WHERE (SELECT count(*) FROM attempts a WHERE a.job_id = j.id AND a.outcome = 'success') <> (j.state = 'done');
-- name: check_sends
-- Each send has its attempt, numbered from 1 without gaps; the one that is under way has none yet.
SELECT count(*) FROM jobs j
WHERE j.sends - (j.state = 'running') <> (SELECT count(*) FROM attempts a WHERE a.job_id = j.id)
    OR j.sends < (SELECT COALESCE(max(a.number), 0) FROM attempts a WHERE a.job_id = j.id);
-- name: check_other_batch
SELECT count(*) FROM jobs j LEFT JOIN results r ON r.job_id = j.id LEFT JOIN dead_letters d ON d.job_id = j.id
WHERE COALESCE(r.batch_id, d.batch_id, j.batch_id) <> j.batch_id;
-- name: check_sequence
-- A worker would number the next one like one that is there.
SELECT count(*) FROM batches b
WHERE b.next_seq <= (SELECT COALESCE(max(r.seq), 0) FROM results r WHERE r.batch_id = b.id)
    OR b.next_seq <= (SELECT COALESCE(max(d.seq), 0) FROM dead_letters d WHERE d.batch_id = b.id);
-- name: check_batch_states
SELECT count(*) FROM batches WHERE state = 'finished' AND jobs_ready + jobs_waiting + jobs_running > 0;
-- name: check_totals
-- Batches that count attempts or tokens other than their attempts say.
SELECT count(*) FROM batches b LEFT JOIN (SELECT j.batch_id, count(*) AS attempts, SUM(a.outcome <> 'success') AS failed,
        SUM(COALESCE(a.prompt_tokens, 0)) AS prompt, SUM(COALESCE(a.completion_tokens, 0)) AS completion,
        SUM(COALESCE(a.cached_tokens, 0)) AS cached,
        COALESCE(min(SUM(a.cost_nanousd / 1000000000) * 1000000000 + SUM(a.cost_nanousd % 1000000000), 9223372036854775807), 0) AS cost,
        SUM(COALESCE(a.cache_write_tokens, 0)) AS cache_write, SUM(COALESCE(a.reasoning_tokens, 0)) AS reasoning,
        SUM(a.cost_nanousd IS NULL AND COALESCE(a.prompt_tokens, a.completion_tokens, a.cached_tokens, a.reasoning_tokens,
            a.cache_write_tokens) IS NOT NULL) AS unpriced,
        SUM(a.prompt_tokens IS NULL AND a.completion_tokens IS NULL AND NOT (a.outcome IN ('throttled', 'account')
            OR (a.outcome = 'permanent' AND a.error_code IS NOT 'response_too_large')
            OR (a.outcome = 'transient' AND COALESCE(a.error_code, '') IN ('resolve', 'connect', 'tls')))) AS silent
    FROM attempts a JOIN jobs j ON j.id = a.job_id GROUP BY j.batch_id) t ON t.batch_id = b.id
WHERE b.attempts <> COALESCE(t.attempts, 0) OR b.failed_attempts <> COALESCE(t.failed, 0)
    OR b.prompt_tokens <> COALESCE(t.prompt, 0) OR b.completion_tokens <> COALESCE(t.completion, 0)
    OR b.cached_tokens <> COALESCE(t.cached, 0) OR b.cost_nanousd <> COALESCE(t.cost, 0)
    OR b.cache_write_tokens <> COALESCE(t.cache_write, 0) OR b.reasoning_tokens <> COALESCE(t.reasoning, 0)
    OR b.unpriced <> COALESCE(t.unpriced, 0) OR b.silent <> COALESCE(t.silent, 0);
-- name: check_usage
-- Days of batches whose usage is not what their attempts say: each must stand once on both sides, with the same sums. Not by model, as
-- attempts hold the one that answered. With check_totals, the batches count what the usage does.
SELECT count(DISTINCT batch_id || day) FROM (SELECT batch_id, day FROM (
    SELECT j.batch_id, date(a.started_at / 1000, 'unixepoch') AS day, count(*) AS attempts, SUM(a.outcome <> 'success') AS failed,
        SUM(a.cost_nanousd IS NULL) AS unpriced, SUM(COALESCE(a.prompt_tokens, 0)) AS prompt,
        SUM(COALESCE(a.cached_tokens, 0)) AS cached, SUM(COALESCE(a.cache_write_tokens, 0)) AS cache_write,
        SUM(COALESCE(a.completion_tokens, 0)) AS completion, SUM(COALESCE(a.reasoning_tokens, 0)) AS reasoning,
        COALESCE(min(SUM(a.cost_nanousd / 1000000000) * 1000000000 + SUM(a.cost_nanousd % 1000000000), 9223372036854775807), 0) AS cost,
        SUM(a.prompt_tokens IS NOT NULL AND j.prompt_tokens > 0 AND b.is_counted) AS told_prompts,
        SUM(CASE WHEN j.prompt_tokens > 0 AND b.is_counted THEN COALESCE(a.prompt_tokens, 0) ELSE 0 END) AS told,
        SUM(CASE WHEN a.prompt_tokens IS NOT NULL AND b.is_counted THEN max(j.prompt_tokens, 0) ELSE 0 END) AS counted,
        SUM(CASE WHEN j.prompt_tokens > 0 AND b.is_counted THEN COALESCE(abs(a.prompt_tokens - j.prompt_tokens), 0) ELSE 0 END) AS error,
        SUM(a.outcome = 'success' AND a.completion_tokens IS NOT NULL) AS answers,
        SUM(CASE WHEN a.outcome = 'success' THEN COALESCE(a.completion_tokens, 0) ELSE 0 END) AS answer_tokens,
        max(CASE WHEN a.outcome = 'success' THEN COALESCE(a.completion_tokens, 0) ELSE 0 END) AS answer_max,
        SUM(CASE WHEN a.outcome = 'success' AND a.completion_tokens IS NOT NULL THEN a.latency_ms ELSE 0 END) AS latency
    FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN batches b ON b.id = j.batch_id
    WHERE COALESCE(a.prompt_tokens, a.completion_tokens, a.cached_tokens, a.reasoning_tokens, a.cache_write_tokens, a.cost_nanousd)
        IS NOT NULL
    GROUP BY 1, 2
    UNION ALL
    SELECT batch_id, day, SUM(attempts), SUM(failed), SUM(unpriced), SUM(prompt_tokens), SUM(cached_tokens), SUM(cache_write_tokens),
        SUM(completion_tokens), SUM(reasoning_tokens),
    min(SUM(cost_nanousd / 1000000000) * 1000000000 + SUM(cost_nanousd % 1000000000), 9223372036854775807),
    SUM(told_prompts), SUM(told_tokens), SUM(counted_tokens),
        SUM(counted_error), SUM(answers), SUM(answer_tokens), max(answer_max), SUM(latency_ms)
    FROM usage GROUP BY batch_id, day)
    GROUP BY 1, 2, attempts, failed, unpriced, prompt, cached, cache_write, completion, reasoning, cost, told_prompts, told, counted,
        error, answers, answer_tokens, answer_max, latency HAVING count(*) <> 2);

-- ---- the worker's view of batches ----

-- name: lanes
-- Batches that can still change: what the worker keeps in memory, a line each.
SELECT id, name, state, pause_reason, priority, next_seq, jobs_ready, jobs_waiting, jobs_running, jobs_done, jobs_dead,
    jobs_canceled, tenant, weight, is_counted
FROM batches
WHERE (?1 IS NULL AND state IN ('active', 'paused', 'canceled') AND jobs_ready + jobs_waiting + jobs_running > 0) OR id = ?1
ORDER BY priority, id;
-- name: attempts_ever
-- How many ended, how many of them with an answer, and the tokens of all: what a run that begins reckons from.
SELECT COALESCE(SUM(attempts), 0), COALESCE(SUM(attempts - failed_attempts), 0),
    COALESCE(SUM(prompt_tokens + completion_tokens), 0)
FROM batches;
-- name: batches_with_running
SELECT id FROM batches WHERE jobs_running > 0 ORDER BY id;

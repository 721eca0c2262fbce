-- Views for people: names instead of ids, times and money to be read. Rebuilt by every migration, so they may change freely.

-- Every finished or unfinished job with its answer, if it has one.
CREATE VIEW job_results AS
SELECT
    j.id AS job_id,
    b.name AS batch,
    j.custom_id,
    j.state,
    COALESCE(
        json_extract(r.body, '$.choices[0].message.content'),
        json_extract(r.body, '$.content[0].text'),
        json_extract(r.body, '$.choices[0].text'),
        json_extract(r.body, '$.output[0].content[0].text'),
        json_extract(r.body, '$.output[1].content[0].text')) AS answer,
    r.finish_reason,
    r.model,
    r.prompt_tokens,
    r.completion_tokens,
    r.cost_nanousd / 1e9 AS cost_usd,
    r.latency_ms / 1e3 AS latency_s,
    j.sends AS attempts,
    strftime('%Y-%m-%dT%H:%M:%fZ', j.finished_at / 1e3, 'unixepoch') AS finished,
    q.body AS request,
    r.body AS response
FROM jobs j
JOIN batches b ON b.id = j.batch_id
JOIN requests q ON q.job_id = j.id
LEFT JOIN results r ON r.job_id = j.id;

-- Every attempt that brought no answer, and what became of its job.
CREATE VIEW failures AS
SELECT
    a.job_id,
    b.name AS batch,
    j.custom_id,
    j.state,
    a.number AS attempt,
    a.outcome,
    a.status_code,
    a.error_code,
    a.message,
    a.latency_ms / 1e3 AS latency_s,
    a.wait_ms / 1e3 AS waited_s,
    strftime('%Y-%m-%dT%H:%M:%fZ', a.started_at / 1e3, 'unixepoch') AS started,
    d.reason AS dead_reason
FROM attempts a
JOIN jobs j ON j.id = a.job_id
JOIN batches b ON b.id = j.batch_id
LEFT JOIN dead_letters d ON d.job_id = a.job_id
WHERE a.outcome <> 'success';

-- One line a batch. cost_usd is NULL when the cost of nothing is known, and without the `unpriced` and `silent` attempts otherwise; `cost` says so
-- in words.
CREATE VIEW batch_summary AS
SELECT
    b.id AS batch_id,
    b.name AS batch,
    b.state,
    b.tenant,
    b.priority,
    b.jobs_ready + b.jobs_waiting + b.jobs_running + b.jobs_done + b.jobs_dead + b.jobs_canceled AS jobs,
    b.jobs_ready AS ready,
    b.jobs_waiting AS waiting,
    b.jobs_running AS running,
    b.jobs_done AS done,
    b.jobs_dead AS dead,
    b.jobs_canceled AS canceled,
    b.attempts,
    b.failed_attempts,
    b.prompt_tokens,
    b.completion_tokens,
    CASE WHEN b.unpriced + b.silent = 0 OR b.cost_nanousd > 0 THEN b.cost_nanousd / 1e9 END AS cost_usd,
    strftime('%Y-%m-%dT%H:%M:%fZ', b.created_at / 1e3, 'unixepoch') AS created,
    strftime('%Y-%m-%dT%H:%M:%fZ', b.started_at / 1e3, 'unixepoch') AS started,
    strftime('%Y-%m-%dT%H:%M:%fZ', b.finished_at / 1e3, 'unixepoch') AS finished,
    b.pause_reason,
    b.cached_tokens,
    b.cache_write_tokens,
    b.reasoning_tokens,
    b.unpriced,
    b.silent,
    CASE WHEN b.unpriced + b.silent > 0 AND b.cost_nanousd = 0 THEN 'unknown'
        ELSE iif(b.unpriced + b.silent > 0, 'at least ', '') || format('%.6f USD', (b.cost_nanousd + 999) / 1000 / 1e6) END AS cost
FROM batches b;

-- What was used and what it cost, by kind: "model" (as it was asked for), "batch", "tenant", "day" (UTC). attempts: those that told what they used.
-- count_off_by: by which share of it the count before sending missed what the provider told.
CREATE VIEW usage_sums AS
SELECT
    u.kind,
    u.name,
    u.tenant,
    SUM(u.attempts) AS attempts,
    SUM(u.failed) AS failed,
    SUM(u.prompt_tokens) AS prompt_tokens,
    SUM(u.cached_tokens) AS cached_tokens,
    SUM(u.cache_write_tokens) AS cache_write_tokens,
    SUM(u.completion_tokens) AS completion_tokens,
    SUM(u.reasoning_tokens) AS reasoning_tokens,
    SUM(u.unpriced) AS unpriced,
    CASE WHEN SUM(u.unpriced) = 0 OR max(u.cost_nanousd) > 0 THEN total(u.cost_nanousd) / 1e9 END AS cost_usd,
    CASE WHEN SUM(u.unpriced) > 0 AND max(u.cost_nanousd) = 0 THEN 'unknown'
        ELSE iif(SUM(u.unpriced) > 0, 'at least ', '') || format('%.6f USD', CAST(total(u.cost_nanousd) + 999 AS INTEGER) / 1000 / 1e6) END AS cost,
    SUM(u.counted_error) * 1.0 / SUM(u.counted_tokens) AS count_off_by,
    SUM(u.answer_tokens) * 1.0 / SUM(u.answers) AS mean_answer_tokens,
    SUM(u.latency_ms) / 1e3 / SUM(u.answers) AS mean_latency_s
FROM (SELECT 'model' AS kind, model AS name, NULL AS tenant, * FROM usage
    UNION ALL SELECT 'day', day, NULL, * FROM usage
    UNION ALL SELECT 'batch', b.name, b.tenant, v.* FROM usage v JOIN batches b ON b.id = v.batch_id
    UNION ALL SELECT 'tenant', b.tenant, b.tenant, v.* FROM usage v JOIN batches b ON b.id = v.batch_id) u
GROUP BY u.kind, u.name;

CREATE VIEW usage_by_model AS
SELECT name AS model, attempts, failed, prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens,
    reasoning_tokens, unpriced, cost_usd, cost, count_off_by, mean_answer_tokens, mean_latency_s
FROM usage_sums WHERE kind = 'model';

CREATE VIEW usage_by_batch AS
SELECT name AS batch, tenant, attempts, failed, prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens,
    reasoning_tokens, unpriced, cost_usd, cost, count_off_by, mean_answer_tokens, mean_latency_s
FROM usage_sums WHERE kind = 'batch';

CREATE VIEW usage_by_tenant AS
SELECT name AS tenant, attempts, failed, prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens,
    reasoning_tokens, unpriced, cost_usd, cost, count_off_by, mean_answer_tokens, mean_latency_s
FROM usage_sums WHERE kind = 'tenant';

CREATE VIEW usage_by_day AS
SELECT name AS day, attempts, failed, prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens,
    reasoning_tokens, unpriced, cost_usd, cost, count_off_by, mean_answer_tokens, mean_latency_s
FROM usage_sums WHERE kind = 'day';

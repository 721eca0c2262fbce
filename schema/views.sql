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

-- One line a batch.
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
    b.cost_nanousd / 1e9 AS cost_usd,
    strftime('%Y-%m-%dT%H:%M:%fZ', b.created_at / 1e3, 'unixepoch') AS created,
    strftime('%Y-%m-%dT%H:%M:%fZ', b.started_at / 1e3, 'unixepoch') AS started,
    strftime('%Y-%m-%dT%H:%M:%fZ', b.finished_at / 1e3, 'unixepoch') AS finished,
    b.pause_reason
FROM batches b;

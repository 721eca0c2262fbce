-- What was used and what it cost, by model, batch and day. schema/schema.sql says what each column is for.
ALTER TABLE attempts ADD COLUMN reasoning_tokens INTEGER;
ALTER TABLE attempts ADD COLUMN cache_write_tokens INTEGER;
ALTER TABLE results ADD COLUMN cache_write_tokens INTEGER;
ALTER TABLE batches ADD COLUMN cache_write_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN reasoning_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN silent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN is_counted INTEGER NOT NULL DEFAULT 1;

-- The prompts of what is there were guessed by their bytes: what answers tell of them says nothing of the count.
UPDATE batches SET is_counted = 0;

CREATE TABLE usage (
    batch_id INTEGER NOT NULL REFERENCES batches (id) DEFERRABLE INITIALLY DEFERRED,
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    cost_nanousd INTEGER NOT NULL,
    told_prompts INTEGER NOT NULL,
    told_tokens INTEGER NOT NULL,
    counted_tokens INTEGER NOT NULL,
    counted_error INTEGER NOT NULL,
    prompt_share_max REAL NOT NULL,
    answers INTEGER NOT NULL,
    answer_tokens INTEGER NOT NULL,
    answer_squares REAL NOT NULL,
    answer_max INTEGER NOT NULL,
    latency_ms INTEGER NOT NULL,
    PRIMARY KEY (batch_id, day, model)
) STRICT, WITHOUT ROWID;

-- Only results had it so far.
UPDATE attempts SET reasoning_tokens = r.reasoning_tokens
FROM results r WHERE r.job_id = attempts.job_id AND attempts.outcome = 'success' AND r.reasoning_tokens IS NOT NULL;

INSERT INTO usage
SELECT j.batch_id, date(a.started_at / 1000, 'unixepoch'), COALESCE(r.model, a.model, ''),
    count(*), SUM(a.outcome <> 'success'), SUM(a.cost_nanousd IS NULL),
    SUM(COALESCE(a.prompt_tokens, 0)), SUM(COALESCE(a.cached_tokens, 0)), 0,
    SUM(COALESCE(a.completion_tokens, 0)), SUM(COALESCE(a.reasoning_tokens, 0)), SUM(COALESCE(a.cost_nanousd, 0)),
    0, 0, 0, 0, 0.0,
    count(*) FILTER (WHERE a.outcome = 'success' AND a.completion_tokens IS NOT NULL),
    COALESCE(SUM(a.completion_tokens) FILTER (WHERE a.outcome = 'success'), 0),
    COALESCE(SUM(CAST(a.completion_tokens AS REAL) * a.completion_tokens) FILTER (WHERE a.outcome = 'success'), 0.0),
    COALESCE(max(a.completion_tokens) FILTER (WHERE a.outcome = 'success'), 0),
    COALESCE(SUM(a.latency_ms) FILTER (WHERE a.outcome = 'success' AND a.completion_tokens IS NOT NULL), 0)
FROM attempts a JOIN jobs j ON j.id = a.job_id LEFT JOIN routes r ON r.id = j.route
WHERE COALESCE(a.prompt_tokens, a.completion_tokens, a.cached_tokens, a.reasoning_tokens, a.cost_nanousd) IS NOT NULL
GROUP BY 1, 2, 3;

UPDATE batches SET reasoning_tokens = u.reasoning_tokens, unpriced = u.unpriced
FROM (SELECT batch_id, SUM(reasoning_tokens) AS reasoning_tokens, SUM(unpriced) AS unpriced FROM usage GROUP BY batch_id) u
WHERE u.batch_id = batches.id;

UPDATE batches SET silent = t.silent
FROM (SELECT j.batch_id, count(*) AS silent FROM attempts a JOIN jobs j ON j.id = a.job_id
    WHERE a.prompt_tokens IS NULL AND a.completion_tokens IS NULL AND a.outcome NOT IN ('throttled', 'account')
        AND NOT (a.outcome = 'permanent' AND a.error_code IS NOT 'response_too_large')
        AND NOT (a.outcome = 'transient' AND COALESCE(a.error_code, '') IN ('resolve', 'connect', 'tls'))
    GROUP BY j.batch_id) t
WHERE t.batch_id = batches.id;

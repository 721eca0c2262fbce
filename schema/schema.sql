-- The whole schema as it stands: what all of migrations/ together make. Read this one; a test holds them equal.
-- Times are milliseconds since 1970 UTC, money is nano-dollars (1e-9 USD), token counts are tokens. A column that is
-- NULL was not known. Columns only ever get added. The CHECKs of tables that are written for each request are chains of OR: a list
-- after IN would be built as a temporary b-tree at each write. Foreign keys hold at each commit.
-- A batch: what one `run` or `submit` made of its input, and how far it is. `input_hash`, `input_bytes` and `params`
-- say what it was made from, so that another input never passes for it. The jobs_* counters are kept by the
-- transactions that move jobs; `db check` recounts them. next_seq numbers what is finished (results and dead letters alike).
-- first_job_id, last_job_id bound its jobs, which stand in input order. requeues counts how often finished lines were taken back, so that a file written in completion order knows it is stale.
-- cached_tokens and cache_write_tokens are parts of prompt_tokens, reasoning_tokens of completion_tokens. unpriced: attempts that told what
-- they used without a price being known; cost_nanousd is the sum of all others. silent: attempts that told nothing and may have been paid for
-- all the same (lost, cut off, 5xx, …). is_counted: 0 of batches whose prompts an older version guessed by their bytes.
CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (length(name) > 0),
    state TEXT NOT NULL DEFAULT 'loading' CHECK (state = 'active' OR state = 'loading' OR state = 'paused'
        OR state = 'finished' OR state = 'canceled'),
    pause_reason TEXT,
    tenant TEXT NOT NULL DEFAULT 'default',
    weight INTEGER NOT NULL DEFAULT 1 CHECK (weight > 0),
    priority INTEGER NOT NULL DEFAULT 500 CHECK (priority BETWEEN 0 AND 1000),
    input TEXT NOT NULL,
    input_hash TEXT,
    input_bytes INTEGER,
    input_lines INTEGER,
    params TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(params)),
    jobs_ready INTEGER NOT NULL DEFAULT 0,
    jobs_waiting INTEGER NOT NULL DEFAULT 0,
    jobs_running INTEGER NOT NULL DEFAULT 0,
    jobs_done INTEGER NOT NULL DEFAULT 0,
    jobs_dead INTEGER NOT NULL DEFAULT 0,
    jobs_canceled INTEGER NOT NULL DEFAULT 0,
    prompt_tokens INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    cost_nanousd INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    failed_attempts INTEGER NOT NULL DEFAULT 0,
    first_job_id INTEGER,
    last_job_id INTEGER,
    next_seq INTEGER NOT NULL DEFAULT 1,
    requeues INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens INTEGER NOT NULL DEFAULT 0,
    unpriced INTEGER NOT NULL DEFAULT 0,
    silent INTEGER NOT NULL DEFAULT 0,
    is_counted INTEGER NOT NULL DEFAULT 1
) STRICT;

-- A job: one line of input. Narrow, as every claim and every outcome writes here; texts stand in `requests` and `results`.
-- sends: attempts begun, which numbers them. attempts: those that count against --max-attempts (throttles do not, nor
-- the first three losses). generation: part of the idempotency key, raised when a new answer is wanted.
-- prompt_tokens, max_output_tokens: estimated before sending. wait_ms: the last backoff. route: of `routes`, 0 when not told apart.
-- retry_is_counted: it waits after a fault, and comes back only as the retry budget allows. deadline_at: given up then, without an answer.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    batch_id INTEGER NOT NULL REFERENCES batches (id) DEFERRABLE INITIALLY DEFERRED,
    custom_id TEXT NOT NULL CHECK (length(custom_id) > 0),
    line INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'ready'
        CHECK (state = 'running' OR state = 'done' OR state = 'ready' OR state = 'waiting' OR state = 'dead' OR state = 'canceled'),
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 1000),
    sends INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    throttles INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    invalids INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL DEFAULT 0,
    prompt_tokens INTEGER NOT NULL DEFAULT 0,
    max_output_tokens INTEGER,
    next_retry_at INTEGER,
    wait_ms INTEGER,
    claimed_at INTEGER,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    route INTEGER NOT NULL DEFAULT 0,
    retry_is_counted INTEGER NOT NULL DEFAULT 0,
    deadline_at INTEGER,
    UNIQUE (batch_id, custom_id),
    CHECK ((state = 'waiting') = (next_retry_at IS NOT NULL))
) STRICT;

-- Partial indexes hold just the rows that are claimable, waiting, in flight: they stay small in a table of ten million.
CREATE INDEX jobs_ready ON jobs (batch_id, route, priority) WHERE state = 'ready';
CREATE INDEX jobs_waiting ON jobs (retry_is_counted, next_retry_at) WHERE state = 'waiting';
CREATE INDEX jobs_waiting_of_batch ON jobs (batch_id, retry_is_counted, next_retry_at) WHERE state = 'waiting';
CREATE INDEX jobs_deadline ON jobs (deadline_at) WHERE deadline_at IS NOT NULL AND (state = 'ready' OR state = 'waiting');
CREATE INDEX jobs_running ON jobs (batch_id) WHERE state = 'running';
CREATE INDEX jobs_canceled ON jobs (batch_id) WHERE state = 'canceled';

-- The legal moves of a job, as in src/store/states.c; a test holds one against the other.
CREATE TRIGGER jobs_legal_first_state BEFORE INSERT ON jobs
WHEN NEW.state NOT IN ('ready', 'dead')
BEGIN
    SELECT RAISE(ROLLBACK, 'a job begins ready, or dead when its line was bad');
END;

CREATE TRIGGER jobs_legal_transition BEFORE UPDATE OF state ON jobs
WHEN NOT (CASE OLD.state
    WHEN 'ready' THEN NEW.state = 'running' OR NEW.state = 'dead' OR NEW.state = 'canceled'
    WHEN 'running' THEN NEW.state = 'done' OR NEW.state = 'waiting' OR NEW.state = 'ready' OR NEW.state = 'dead'
        OR NEW.state = 'canceled'
    WHEN 'waiting' THEN NEW.state = 'ready' OR NEW.state = 'dead' OR NEW.state = 'canceled'
    WHEN 'dead' THEN NEW.state IN ('ready', 'canceled')
    WHEN 'canceled' THEN NEW.state = 'ready'
    ELSE 0 END)
BEGIN
    SELECT RAISE(ROLLBACK, 'illegal job transition');
END;

-- Jobs that the same endpoints can serve: dialect, model, and the origin of an absolute url ('' of all others).
CREATE TABLE routes (
    id INTEGER PRIMARY KEY,
    dialect TEXT NOT NULL,
    model TEXT NOT NULL,
    origin TEXT NOT NULL,
    UNIQUE (dialect, model, origin)
) STRICT;

-- What is sent: the body byte for byte as the input had it.
CREATE TABLE requests (
    job_id INTEGER PRIMARY KEY REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
    method TEXT NOT NULL DEFAULT 'POST',
    url TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- Every send that ended, or was found without an end after a crash (lost). `message` holds no key. endpoint: the name of where it went.
CREATE TABLE attempts (
    job_id INTEGER NOT NULL REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    outcome TEXT NOT NULL CHECK (outcome = 'success' OR outcome = 'throttled' OR outcome = 'transient' OR outcome = 'invalid'
        OR outcome = 'permanent' OR outcome = 'account' OR outcome = 'lost' OR outcome = 'canceled'),
    status_code INTEGER,
    error_code TEXT,
    message TEXT,
    request_id TEXT,
    model TEXT,
    started_at INTEGER NOT NULL,
    latency_ms INTEGER,
    wait_ms INTEGER,
    retry_after_ms INTEGER,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cached_tokens INTEGER,
    cost_nanousd INTEGER,
    generation INTEGER NOT NULL DEFAULT 0,
    endpoint TEXT,
    reasoning_tokens INTEGER,
    cache_write_tokens INTEGER,
    PRIMARY KEY (job_id, number)
) STRICT, WITHOUT ROWID;

-- The answer of a job that is done. seq: order of completion in its batch.
CREATE TABLE results (
    job_id INTEGER PRIMARY KEY REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
    batch_id INTEGER NOT NULL REFERENCES batches (id) DEFERRABLE INITIALLY DEFERRED,
    seq INTEGER NOT NULL,
    status_code INTEGER NOT NULL,
    request_id TEXT,
    model TEXT,
    finish_reason TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cached_tokens INTEGER,
    reasoning_tokens INTEGER,
    cost_nanousd INTEGER,
    latency_ms INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    cache_write_tokens INTEGER
) STRICT;

CREATE UNIQUE INDEX results_completed ON results (batch_id, seq);

-- A job that was given up, why, and the last answer if there was one. seq: as in results, one count for both.
CREATE TABLE dead_letters (
    job_id INTEGER PRIMARY KEY REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
    batch_id INTEGER NOT NULL REFERENCES batches (id) DEFERRABLE INITIALLY DEFERRED,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN
        ('permanent', 'attempts', 'throttles', 'invalid', 'lost', 'bad_line', 'deadline')),
    error_class TEXT NOT NULL,
    error_code TEXT NOT NULL,
    message TEXT NOT NULL,
    status_code INTEGER,
    request_id TEXT,
    attempts INTEGER NOT NULL,
    died_at INTEGER NOT NULL,
    body TEXT
) STRICT;

CREATE UNIQUE INDEX dead_letters_completed ON dead_letters (batch_id, seq);

-- What was used and what it cost, summed over the attempts that told it: a row for each batch, day (UTC, of started_at) and model as it was
-- asked for. Written with the attempts, in their transaction. failed: attempts without an answer; unpriced: those whose cost is not known.
-- How good the count before sending is, over attempts that told their prompt and whose job was counted: told_prompts of them, which told
-- told_tokens where counted_tokens had been counted; counted_error is the sum of |told - counted|, prompt_share_max the largest told / counted.
-- How long answers get, over successes that told it: answers of them, with answer_tokens; answer_squares is the sum of squares, answer_max
-- the longest, latency_ms the sum of what they took.
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

-- Where a part of the program goes on after a stop: ingest, export, statistics, by scope (batch/NAME, store, …) and kind.
CREATE TABLE checkpoints (
    scope TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL CHECK (json_valid(value)),
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (scope, kind)
) STRICT, WITHOUT ROWID;

-- Who worked on this store, and since when; the lock itself is the operating system's.
CREATE TABLE workers (
    id INTEGER PRIMARY KEY,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL,
    stopped_at INTEGER,
    stop_reason TEXT
) STRICT;

-- Which migrations made this file.
CREATE TABLE schema_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

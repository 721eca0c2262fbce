-- Where a request may go and where it went, retries that are counted, deadlines. schema/schema.sql says what each is for.
CREATE TABLE routes (
    id INTEGER PRIMARY KEY,
    dialect TEXT NOT NULL,
    model TEXT NOT NULL,
    origin TEXT NOT NULL,
    UNIQUE (dialect, model, origin)
) STRICT;

ALTER TABLE jobs ADD COLUMN route INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN retry_is_counted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN deadline_at INTEGER;
ALTER TABLE attempts ADD COLUMN endpoint TEXT;

DROP INDEX jobs_ready;
CREATE INDEX jobs_ready ON jobs (batch_id, route, priority) WHERE state = 'ready';
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (retry_is_counted, next_retry_at) WHERE state = 'waiting';
DROP INDEX jobs_waiting_of_batch;
CREATE INDEX jobs_waiting_of_batch ON jobs (batch_id, retry_is_counted, next_retry_at) WHERE state = 'waiting';
CREATE INDEX jobs_deadline ON jobs (deadline_at) WHERE deadline_at IS NOT NULL AND (state = 'ready' OR state = 'waiting');

DROP TRIGGER jobs_legal_transition;
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

-- A CHECK cannot be changed in place.
DROP INDEX dead_letters_completed;
ALTER TABLE dead_letters RENAME TO dead_letters_before;
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
INSERT INTO dead_letters SELECT * FROM dead_letters_before;
DROP TABLE dead_letters_before;
CREATE UNIQUE INDEX dead_letters_completed ON dead_letters (batch_id, seq);

-- The outbox of webhooks: ends of jobs that are still to be told. A trigger fills it, so that whatever ends a job that
-- has a webhook does it in the same transaction.
CREATE TABLE webhooks (
    job   BLOB PRIMARY KEY NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    tries INTEGER NOT NULL,
    due   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX webhooks_by_due ON webhooks (due);

CREATE TRIGGER jobs_tell_their_end AFTER UPDATE OF state ON jobs
WHEN NEW.webhook IS NOT NULL
    AND NEW.state IN ('completed', 'failed', 'cancelled')
    AND OLD.state NOT IN ('completed', 'failed', 'cancelled')
BEGIN
    INSERT INTO webhooks (job, tries, due) VALUES (NEW.id, 0, NEW.finished_at);
END;

-- What an agent announced and what never came, so that no collection counts as whole that is not.

-- Row numbers below agent_next that have not come: JSON, pairs of first and one past the last.
ALTER TABLE result_sets ADD COLUMN gaps TEXT NOT NULL DEFAULT '';

-- The end as the agent reported it; state and status say more when something is missing. NULL: not reported.
ALTER TABLE flows ADD COLUMN reported_state INTEGER;
ALTER TABLE flows ADD COLUMN reported_status TEXT;

-- Files of which the first piece came, but not yet the end.
CREATE TABLE open_uploads (
    client_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    object TEXT NOT NULL,
    vfs_path TEXT NOT NULL,
    PRIMARY KEY (client_id, flow_id, object)
) WITHOUT ROWID;

-- What was sent and could not be kept, in words.
CREATE TABLE losses (
    client_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    what TEXT NOT NULL,
    PRIMARY KEY (client_id, flow_id, what)
) WITHOUT ROWID;

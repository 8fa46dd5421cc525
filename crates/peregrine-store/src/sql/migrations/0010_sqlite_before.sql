-- The number of a set that was deleted is not given again, as in PostgreSQL: whoever reads on in a set by its number must not
-- come upon the rows of another one.
ALTER TABLE result_sets RENAME TO old_result_sets;
CREATE TABLE result_sets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    kind INTEGER NOT NULL, -- 0 rows, 1 logs, 2 events, 3 event logs
    name TEXT NOT NULL,
    first_row INTEGER NOT NULL DEFAULT 0,
    end_row INTEGER NOT NULL DEFAULT 0,
    agent_next INTEGER NOT NULL DEFAULT 0,
    gaps TEXT NOT NULL DEFAULT '',
    first_received INTEGER,
    last_received INTEGER,
    UNIQUE (org_id, client_id, flow_id, kind, name)
);
INSERT INTO result_sets (id, org_id, client_id, flow_id, kind, name, first_row, end_row, agent_next, gaps, first_received, last_received)
    SELECT id, org_id, client_id, flow_id, kind, name, first_row, end_row, agent_next, gaps, first_received, last_received
    FROM old_result_sets ORDER BY id;
DROP TABLE old_result_sets;

-- Several servers over one database: who they are, and which of them has which agent.

-- `beat` counts up while the server lives. One that is gone stays until its clients are let go.
CREATE TABLE servers (
    server_id {text} NOT NULL PRIMARY KEY,
    host {text} NOT NULL,
    started {int} NOT NULL,
    beat {int} NOT NULL,
    is_local {bool} NOT NULL, -- it keeps files or the bus to itself
    is_gone {bool} NOT NULL
) {keyed};

-- The server that an agent is connected to, and the packet with which the agent began to wait there: its session and time.
ALTER TABLE clients ADD COLUMN server_id {text};
ALTER TABLE clients ADD COLUMN held_session {int};
ALTER TABLE clients ADD COLUMN held_since {int};
CREATE INDEX clients_by_server ON clients (server_id) WHERE server_id IS NOT NULL;

-- The state of the monitoring table and of the labels that the table last sent was made from (ns). It only grows by what was
-- stored, so clocks of several servers do not matter.
ALTER TABLE clients ADD COLUMN event_table_basis {int} NOT NULL DEFAULT 0;
UPDATE clients SET event_table_basis = event_table_version;

-- When a task was last handed over (it stays until the agent answers), and how often.
ALTER TABLE tasks ADD COLUMN taken {int};
ALTER TABLE tasks ADD COLUMN tries {int} NOT NULL DEFAULT 0;

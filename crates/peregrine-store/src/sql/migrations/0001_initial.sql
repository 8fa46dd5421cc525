-- Times are microseconds since the epoch unless the name says otherwise.
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE client_keys (client_id TEXT PRIMARY KEY, pem TEXT NOT NULL, enrolled INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE clients (
    client_id TEXT PRIMARY KEY,
    hostname TEXT NOT NULL DEFAULT '',
    fqdn TEXT NOT NULL DEFAULT '',
    os TEXT NOT NULL DEFAULT '',
    facts TEXT NOT NULL DEFAULT '{}',
    last_ip TEXT NOT NULL DEFAULT '',
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    last_interrogate_flow_id TEXT,
    event_table_version INTEGER NOT NULL DEFAULT 0,
    labels_changed INTEGER NOT NULL DEFAULT 0,
    metadata TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX clients_by_hostname ON clients (hostname COLLATE NOCASE, client_id);
CREATE INDEX clients_by_last_seen ON clients (last_seen);

CREATE TABLE client_labels (
    client_id TEXT NOT NULL,
    folded TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (client_id, folded)
) WITHOUT ROWID;
CREATE INDEX clients_by_label ON client_labels (folded, client_id);

CREATE TABLE flows (
    id INTEGER PRIMARY KEY,
    client_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    state INTEGER NOT NULL, -- 1 running, 2 finished, 3 error, as on the wire
    status TEXT,
    creator TEXT NOT NULL,
    created INTEGER NOT NULL,
    delivered INTEGER,
    started INTEGER,
    last_active INTEGER,
    heard INTEGER,
    checked INTEGER,
    finished INTEGER,
    duration_ns INTEGER NOT NULL DEFAULT 0,
    row_count INTEGER NOT NULL DEFAULT 0,
    log_count INTEGER NOT NULL DEFAULT 0,
    uploaded_files INTEGER NOT NULL DEFAULT 0,
    uploaded_bytes INTEGER NOT NULL DEFAULT 0,
    artifacts TEXT NOT NULL,
    urgent INTEGER NOT NULL,
    request TEXT NOT NULL,
    query_stats TEXT NOT NULL DEFAULT '[]',
    UNIQUE (client_id, flow_id)
);
CREATE INDEX flows_running ON flows (client_id) WHERE state = 1;
CREATE INDEX flows_by_created ON flows (created);

CREATE TABLE tasks (
    task_id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    is_flow_request INTEGER NOT NULL,
    urgent INTEGER NOT NULL,
    message BLOB NOT NULL
);
CREATE INDEX tasks_by_client ON tasks (client_id, task_id);

-- A numbered sequence of rows. agent_next is the number the agent will give its next row: what lies below is known.
CREATE TABLE result_sets (
    id INTEGER PRIMARY KEY,
    client_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    kind INTEGER NOT NULL, -- 0 rows, 1 logs, 2 events, 3 event logs
    name TEXT NOT NULL,
    first_row INTEGER NOT NULL DEFAULT 0,
    end_row INTEGER NOT NULL DEFAULT 0,
    agent_next INTEGER NOT NULL DEFAULT 0,
    first_received INTEGER,
    last_received INTEGER,
    UNIQUE (client_id, flow_id, kind, name)
);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    set_id INTEGER NOT NULL,
    first_row INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    received INTEGER, -- event chunks only
    digest BLOB,      -- event chunks only
    data BLOB NOT NULL
);
CREATE UNIQUE INDEX chunks_by_row ON chunks (set_id, first_row);
CREATE INDEX chunks_by_time ON chunks (set_id, received) WHERE received IS NOT NULL;
CREATE UNIQUE INDEX chunks_by_digest ON chunks (set_id, digest) WHERE digest IS NOT NULL;

CREATE TABLE uploads (
    client_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    object TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (client_id, flow_id, object)
) WITHOUT ROWID;

CREATE TABLE users (
    folded TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    roles TEXT NOT NULL,
    created INTEGER NOT NULL,
    locked INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    folded TEXT NOT NULL,
    user TEXT NOT NULL,
    csrf_token TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (folded);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    principal TEXT NOT NULL,
    operation TEXT NOT NULL,
    detail TEXT NOT NULL,
    ip TEXT NOT NULL
);

-- An organisation in every key; what lists are searched and sorted by, folded. For PostgreSQL the beginning.
-- Times are microseconds since the epoch unless the name says otherwise.
CREATE TABLE settings (
    org_id {text} NOT NULL,
    name {text} NOT NULL,
    value {text} NOT NULL,
    PRIMARY KEY (org_id, name)
) {keyed};

CREATE TABLE client_keys (
    org_id {text} NOT NULL,
    client_id {text} NOT NULL,
    pem {text} NOT NULL,
    enrolled {int} NOT NULL,
    PRIMARY KEY (org_id, client_id)
) {keyed};

CREATE TABLE clients (
    org_id {text} NOT NULL,
    client_id {text} NOT NULL,
    hostname_folded {text} NOT NULL DEFAULT '',
    os {text} NOT NULL DEFAULT '',
    facts {text} NOT NULL DEFAULT '{}',
    labels {text} NOT NULL DEFAULT '[]',
    metadata {text} NOT NULL DEFAULT '{}',
    last_ip {text} NOT NULL DEFAULT '',
    first_seen {int} NOT NULL,
    last_seen {int} NOT NULL,
    last_interrogate_flow_id {text},
    event_table_version {int} NOT NULL DEFAULT 0,
    labels_changed {int} NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, client_id)
);
CREATE INDEX clients_by_hostname ON clients (org_id, hostname_folded, client_id);
CREATE INDEX clients_by_last_seen ON clients (org_id, last_seen);

-- What a client is found by. Kinds: 0 host name and FQDN, 1 address, 2 hardware address, 3 label, 4 note. All are folded.
CREATE TABLE client_terms (
    org_id {text} NOT NULL,
    kind {int} NOT NULL,
    term {text} NOT NULL,
    client_id {text} NOT NULL,
    PRIMARY KEY (org_id, kind, term, client_id)
) {keyed};
CREATE INDEX client_terms_by_client ON client_terms (org_id, client_id, kind);

CREATE TABLE flows (
    id {id},
    org_id {text} NOT NULL,
    client_id {text} NOT NULL,
    flow_id {text} NOT NULL,
    state {int} NOT NULL, -- 1 running, 2 finished, 3 error, as on the wire; 7 cancelled
    status {text},
    creator {text} NOT NULL,
    created {int} NOT NULL,
    delivered {int},
    started {int},
    last_active {int},
    heard {int},
    checked {int},
    finished {int},
    duration_ns {int} NOT NULL DEFAULT 0,
    row_count {int} NOT NULL DEFAULT 0,
    log_count {int} NOT NULL DEFAULT 0,
    uploaded_files {int} NOT NULL DEFAULT 0,
    uploaded_bytes {int} NOT NULL DEFAULT 0,
    artifacts {text} NOT NULL,
    urgent {bool} NOT NULL,
    request {text} NOT NULL,
    query_stats {text} NOT NULL DEFAULT '[]',
    -- The end as the agent reported it; state and status say more when something is missing. NULL: not reported.
    reported_state {int},
    reported_status {text},
    creator_folded {text} NOT NULL DEFAULT '',
    search_folded {text} NOT NULL DEFAULT '',
    UNIQUE (org_id, client_id, flow_id)
);
CREATE INDEX flows_running ON flows (org_id, client_id) WHERE state = 1;
CREATE INDEX flows_by_created ON flows (org_id, created);

CREATE TABLE tasks (
    task_id {id},
    org_id {text} NOT NULL,
    client_id {text} NOT NULL,
    flow_id {text} NOT NULL,
    is_flow_request {bool} NOT NULL,
    urgent {bool} NOT NULL,
    message {bytes} NOT NULL
);
CREATE INDEX tasks_by_client ON tasks (org_id, client_id, task_id);

-- A numbered sequence of rows. agent_next is the number the agent will give its next row: what lies below is known, but for
-- the gaps (JSON, pairs of first and one past the last).
CREATE TABLE result_sets (
    id {id},
    org_id {text} NOT NULL,
    client_id {text} NOT NULL,
    flow_id {text} NOT NULL,
    kind {int} NOT NULL, -- 0 rows, 1 logs, 2 events, 3 event logs
    name {text} NOT NULL,
    first_row {int} NOT NULL DEFAULT 0,
    end_row {int} NOT NULL DEFAULT 0,
    agent_next {int} NOT NULL DEFAULT 0,
    gaps {text} NOT NULL DEFAULT '',
    first_received {int},
    last_received {int},
    UNIQUE (org_id, client_id, flow_id, kind, name)
);

-- In SQLite it is there already, and may be large: it stays as it is. Its key is the set's, which belongs to an organisation.
CREATE TABLE IF NOT EXISTS chunks (
    id {id},
    set_id {int} NOT NULL,
    first_row {int} NOT NULL,
    row_count {int} NOT NULL,
    received {int}, -- event chunks only
    digest {bytes}, -- event chunks only
    data {bytes} NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS chunks_by_row ON chunks (set_id, first_row);
CREATE INDEX IF NOT EXISTS chunks_by_time ON chunks (set_id, received) WHERE received IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS chunks_by_digest ON chunks (set_id, digest) WHERE digest IS NOT NULL;

-- `number` is the file's address: files of a flow count in the order in which they were stored.
CREATE TABLE uploads (
    org_id {text} NOT NULL,
    client_id {text} NOT NULL,
    flow_id {text} NOT NULL,
    object {text} NOT NULL,
    number {int} NOT NULL,
    record {text} NOT NULL,
    PRIMARY KEY (org_id, client_id, flow_id, object)
) {keyed};

-- Files of which the first piece came, but not yet the end.
CREATE TABLE open_uploads (
    org_id {text} NOT NULL,
    client_id {text} NOT NULL,
    flow_id {text} NOT NULL,
    object {text} NOT NULL,
    vfs_path {text} NOT NULL,
    PRIMARY KEY (org_id, client_id, flow_id, object)
) {keyed};

-- What was sent and could not be kept, in words.
CREATE TABLE losses (
    org_id {text} NOT NULL,
    client_id {text} NOT NULL,
    flow_id {text} NOT NULL,
    what {text} NOT NULL,
    PRIMARY KEY (org_id, client_id, flow_id, what)
) {keyed};

-- People are the same in every organisation.
CREATE TABLE users (
    folded {text} PRIMARY KEY,
    name {text} NOT NULL,
    password_hash {text} NOT NULL,
    roles {text} NOT NULL,
    created {int} NOT NULL,
    locked {bool} NOT NULL
) {keyed};

CREATE TABLE sessions (
    token_hash {bytes} PRIMARY KEY,
    folded {text} NOT NULL,
    name {text} NOT NULL,
    csrf_token {text} NOT NULL,
    created {int} NOT NULL,
    expires {int} NOT NULL
) {keyed};
CREATE INDEX sessions_by_user ON sessions (folded);

-- Numbers count from 1 in each organisation, without holes.
CREATE TABLE audit (
    org_id {text} NOT NULL,
    id {int} NOT NULL,
    time {int} NOT NULL,
    principal {text} NOT NULL,
    operation {text} NOT NULL,
    detail {text} NOT NULL,
    ip {text} NOT NULL,
    PRIMARY KEY (org_id, id)
) {keyed};

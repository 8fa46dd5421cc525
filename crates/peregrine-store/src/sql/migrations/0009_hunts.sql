-- Collections from many clients.
CREATE TABLE hunts (
    org_id {text} NOT NULL,
    hunt_id {text} NOT NULL,
    state {int} NOT NULL, -- 1 paused, 2 running, 3 stopped, 4 archived
    stop_reason {text},
    description {text} NOT NULL,
    creator {text} NOT NULL,
    tags {text} NOT NULL,
    created {int} NOT NULL,
    started {int},
    expires {int} NOT NULL,
    condition {text} NOT NULL,
    client_limit {int} NOT NULL, -- 0: none
    request {text} NOT NULL,
    artifacts {text} NOT NULL,
    sources {text} NOT NULL,
    urgent {bool} NOT NULL,
    version {int} NOT NULL, -- ns
    joined {int} NOT NULL DEFAULT 0,
    totals {text} NOT NULL DEFAULT '{}',
    -- Counts the times that `totals` was written: of two servers that counted at the same time, the later one counts again.
    totals_version {int} NOT NULL DEFAULT 0,
    search_folded {text} NOT NULL,
    PRIMARY KEY (org_id, hunt_id)
);
CREATE INDEX hunts_running ON hunts (org_id, hunt_id) WHERE state = 2;

-- What a hunt sends to its clients, and the request with its secrets, sealed. A table of its own, because it may be large and
-- never changes.
CREATE TABLE hunt_payloads (
    org_id {text} NOT NULL,
    hunt_id {text} NOT NULL,
    task {bytes} NOT NULL,
    sealed {bytes},
    PRIMARY KEY (org_id, hunt_id)
);

-- The clients of a hunt, each with its collection. A collection that was deleted leaves its line, so that the client does not
-- join again.
CREATE TABLE hunt_clients (
    org_id {text} NOT NULL,
    hunt_id {text} NOT NULL,
    client_id {text} NOT NULL,
    flow_id {text} NOT NULL,
    joined {int} NOT NULL,
    PRIMARY KEY (org_id, hunt_id, client_id)
) {keyed};
CREATE INDEX hunt_clients_by_flow ON hunt_clients (org_id, client_id, flow_id);

-- The hunt that started a collection. Such a flow has an empty request and such a task an empty message: they are the hunt's.
ALTER TABLE flows ADD COLUMN hunt_id {text};

-- Hunts page through the clients of a server.
DROP INDEX clients_by_server;
CREATE INDEX clients_by_server ON clients (server_id, org_id, client_id) WHERE server_id IS NOT NULL;

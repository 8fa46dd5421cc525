-- What runs on one of several servers at a time, and on which. A server that is gone from the list has no duties.
CREATE TABLE duties (
    org_id {text} NOT NULL,
    name {text} NOT NULL,
    server_id {text} NOT NULL,
    PRIMARY KEY (org_id, name)
) {keyed};

-- Collections that have ended, until that was told to those who watch for it.
CREATE TABLE completions (
    org_id {text} NOT NULL,
    client_id {text} NOT NULL,
    flow_id {text} NOT NULL,
    ended {int} NOT NULL,
    PRIMARY KEY (org_id, client_id, flow_id)
) {keyed};

-- The event rows of an artifact, of all clients.
CREATE INDEX result_sets_of_events ON result_sets (org_id, name) WHERE kind = 2;

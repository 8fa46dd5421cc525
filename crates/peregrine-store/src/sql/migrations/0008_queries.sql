-- Queries that run on servers, so that users of every server see and can stop them. Short ones are never listed.
CREATE TABLE queries (
    org_id {text} NOT NULL,
    query_id {text} NOT NULL,
    server_id {text} NOT NULL,
    principal {text} NOT NULL,
    vql {text} NOT NULL,
    started {int} NOT NULL,
    PRIMARY KEY (org_id, query_id)
) {keyed};
CREATE INDEX queries_by_server ON queries (server_id);

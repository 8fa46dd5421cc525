-- Searches among many clients.

-- Each term with the one before it among the terms of the same kind of its client ('' for the first): a client that matches a
-- range with several terms is counted once, with the one whose predecessor lies before the range. And with the client's host
-- name, by which lists are sorted.
-- Kinds: 0 host name and FQDN, 1 address, also that of the last request, 2 hardware address, 3 label, 4 note, 5 no label.
CREATE TABLE client_terms_new (
    org_id {text} NOT NULL,
    kind {int} NOT NULL,
    term {text} NOT NULL,
    client_id {text} NOT NULL,
    previous {text} NOT NULL,
    hostname_folded {text} NOT NULL,
    PRIMARY KEY (org_id, kind, term, client_id)
) {keyed};
INSERT INTO client_terms_new (org_id, kind, term, client_id, previous, hostname_folded)
SELECT t.org_id, t.kind, t.term, t.client_id,
    coalesce(lag(t.term) OVER (PARTITION BY t.org_id, t.client_id, t.kind ORDER BY t.term), ''), c.hostname_folded
FROM (
    SELECT org_id, kind, term, client_id FROM client_terms
    UNION SELECT org_id, 1, lower(last_ip), client_id FROM clients WHERE last_ip <> ''
    UNION SELECT org_id, 5, '', client_id FROM clients WHERE labels = '[]'
) t
JOIN clients c ON c.org_id = t.org_id AND c.client_id = t.client_id;
DROP TABLE client_terms;
ALTER TABLE client_terms_new RENAME TO client_terms;
CREATE INDEX client_terms_by_client ON client_terms (org_id, client_id, kind, term);

-- The terms of a client in one row, for patterns that begin with anything: each term between two line breaks.
CREATE TABLE client_texts (
    org_id {text} NOT NULL,
    client_id {text} NOT NULL,
    hostname_folded {text} NOT NULL,
    names {text} NOT NULL,
    addresses {text} NOT NULL,
    mac_addresses {text} NOT NULL,
    labels {text} NOT NULL,
    PRIMARY KEY (org_id, client_id)
) {keyed};
INSERT INTO client_texts (org_id, client_id, hostname_folded, names, addresses, mac_addresses, labels)
SELECT org_id, client_id, hostname_folded,
    coalesce('
' || string_agg(CASE WHEN kind = 0 THEN term END, '
' ORDER BY term) || '
', ''),
    coalesce('
' || string_agg(CASE WHEN kind = 1 THEN term END, '
' ORDER BY term) || '
', ''),
    coalesce('
' || string_agg(CASE WHEN kind = 2 THEN term END, '
' ORDER BY term) || '
', ''),
    coalesce('
' || string_agg(CASE WHEN kind = 3 THEN term END, '
' ORDER BY term) || '
', '')
FROM client_terms GROUP BY org_id, client_id, hostname_folded;

-- Whether the address of the last request is among the terms yet.
ALTER TABLE clients ADD COLUMN ip_indexed {bool} NOT NULL DEFAULT TRUE;

-- For each order of the list, with all that decides whether a client is on it: skipping one must not read its record.
DROP INDEX clients_by_hostname;
DROP INDEX clients_by_last_seen;
CREATE INDEX clients_by_hostname ON clients (org_id, hostname_folded, client_id, server_id);
CREATE INDEX clients_by_last_seen ON clients (org_id, last_seen, client_id, server_id);
CREATE INDEX clients_by_first_seen ON clients (org_id, first_seen, client_id, server_id);
CREATE INDEX clients_by_os ON clients (org_id, os, client_id, server_id);

-- The clients that a user opened last.
CREATE TABLE recent_clients (
    org_id {text} NOT NULL,
    user_folded {text} NOT NULL,
    client_id {text} NOT NULL,
    opened {int} NOT NULL,
    PRIMARY KEY (org_id, user_folded, client_id)
) {keyed};

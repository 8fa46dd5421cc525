-- The count of transactions belongs to no organisation.
INSERT INTO settings (org_id, name, value)
    SELECT CASE name WHEN 'transactions' THEN '' ELSE 'root' END, name, value FROM old_settings;
INSERT INTO client_keys (org_id, client_id, pem, enrolled) SELECT 'root', client_id, pem, enrolled FROM old_client_keys;
INSERT INTO clients (org_id, client_id, os, facts, labels, metadata, last_ip, first_seen, last_seen, last_interrogate_flow_id,
    event_table_version, labels_changed)
    SELECT 'root', client_id, os, facts,
    (SELECT json_group_array(label) FROM (SELECT label FROM old_client_labels l WHERE l.client_id = c.client_id ORDER BY folded)),
    metadata, last_ip, first_seen, last_seen, last_interrogate_flow_id, event_table_version, labels_changed FROM old_clients c;
INSERT INTO flows (id, org_id, client_id, flow_id, state, status, creator, created, delivered, started, last_active, heard, checked,
    finished, duration_ns, row_count, log_count, uploaded_files, uploaded_bytes, artifacts, urgent, request, query_stats,
    reported_state, reported_status)
    SELECT id, 'root', client_id, flow_id, state, status, creator, created, delivered, started, last_active, heard, checked, finished,
    duration_ns, row_count, log_count, uploaded_files, uploaded_bytes, artifacts, urgent, request, query_stats, reported_state,
    reported_status FROM old_flows ORDER BY id;
INSERT INTO tasks (task_id, org_id, client_id, flow_id, is_flow_request, urgent, message)
    SELECT task_id, 'root', client_id, flow_id, is_flow_request, urgent, message FROM old_tasks ORDER BY task_id;
INSERT INTO result_sets (id, org_id, client_id, flow_id, kind, name, first_row, end_row, agent_next, gaps, first_received, last_received)
    SELECT id, 'root', client_id, flow_id, kind, name, first_row, end_row, agent_next, gaps, first_received, last_received
    FROM old_result_sets ORDER BY id;
-- Until now a file's number was its place in the order of this key.
INSERT INTO uploads (org_id, client_id, flow_id, object, number, record)
    SELECT 'root', client_id, flow_id, object, row_number() OVER (PARTITION BY client_id, flow_id ORDER BY object) - 1, record
    FROM old_uploads;
INSERT INTO open_uploads (org_id, client_id, flow_id, object, vfs_path)
    SELECT 'root', client_id, flow_id, object, vfs_path FROM old_open_uploads;
INSERT INTO losses (org_id, client_id, flow_id, what) SELECT 'root', client_id, flow_id, what FROM old_losses;
INSERT INTO users (folded, name, password_hash, roles, created, locked)
    SELECT folded, name, password_hash, roles, created, locked FROM old_users;
INSERT INTO sessions (token_hash, folded, name, csrf_token, created, expires)
    SELECT token_hash, folded, user, csrf_token, created, expires FROM old_sessions;
INSERT INTO audit (org_id, id, time, principal, operation, detail, ip)
    SELECT 'root', id, time, principal, operation, detail, ip FROM old_audit;
DROP TABLE old_settings;
DROP TABLE old_client_keys;
DROP TABLE old_clients;
DROP TABLE old_client_labels;
DROP TABLE old_flows;
DROP TABLE old_tasks;
DROP TABLE old_result_sets;
DROP TABLE old_uploads;
DROP TABLE old_open_uploads;
DROP TABLE old_losses;
DROP TABLE old_users;
DROP TABLE old_sessions;
DROP TABLE old_audit;

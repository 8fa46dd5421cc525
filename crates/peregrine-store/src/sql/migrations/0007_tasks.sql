-- Every task belongs to a collection, and its id is read as one. No released server has made others.
DELETE FROM tasks WHERE flow_id = '';

-- What somebody cancelled is no error. Until now only the words said so; the agent never reported an end of it.
UPDATE flows SET state = 7 WHERE state = 3 AND reported_state IS NULL AND substr(status, 1, 13) = 'Cancelled by ';

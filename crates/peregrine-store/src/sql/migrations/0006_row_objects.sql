-- Objects that hold rows. Each is here from before it is written until after it is removed: it belongs to a chunk, whose own data
-- is empty then, or it may be removed from the time `due` on.
CREATE TABLE row_objects (
    org_id {text} NOT NULL,
    object {text} NOT NULL,
    bytes {int} NOT NULL,
    chunk_id {int},
    due {int},
    PRIMARY KEY (org_id, object)
) {keyed};
CREATE UNIQUE INDEX row_objects_by_chunk ON row_objects (chunk_id);
CREATE INDEX row_objects_by_due ON row_objects (org_id, due) WHERE due IS NOT NULL;

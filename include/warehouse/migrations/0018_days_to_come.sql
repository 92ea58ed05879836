-- A row dated in the future, loaded before landing rejected such rows, would stop the build of every workspace for good:
-- its day covers nothing until it has come.
CREATE OR REPLACE VIEW ops.file_coverage AS
SELECT c.*
FROM ops.load_coverage AS c
WHERE c.load_id IN (SELECT load_id FROM ops.current_loads) AND c.date <= toDate(now('UTC')) + 1;

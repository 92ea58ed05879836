-- A file that was taken back: its line again, with status 'removed'. What it loaded, and how often it was typed again since,
-- no longer counts; dropped again it is another attempt, with an export_id (a repair: a repair_turn) of its own.
ALTER TABLE ops.file_ledger
    ADD COLUMN IF NOT EXISTS removed_by String COMMENT 'who took the file back (status removed), else empty';

-- A repair that was taken back keeps its turn, so that those judged after it still count.
CREATE OR REPLACE VIEW ops.current_loads AS
SELECT *
FROM ops.file_ledger
WHERE status = 'loaded'
    AND (file_id, export_id, repair_turn) NOT IN (
        SELECT file_id, export_id, repair_turn FROM ops.file_ledger WHERE status = 'removed')
    AND (repairs = '' OR (repairs, repair_turn, file_id) IN (
        SELECT repairs, repair_turn, argMin(file_id, (committed_at, file_id))
        FROM ops.file_ledger
        WHERE status = 'loaded' AND repairs != ''
        GROUP BY repairs, repair_turn))
ORDER BY typing_version DESC, loaded_at
LIMIT 1 BY file_id;

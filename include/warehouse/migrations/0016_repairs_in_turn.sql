-- Two loaders that repair lines of one file at the same moment. Each says how many repairs of the file it found (its turn);
-- of those that found the same, the first to commit counts, as the first load of a file does. The other looks again.
-- Repairs of before have turns of their own. The server says when a row was committed.
ALTER TABLE ops.file_ledger
    ADD COLUMN IF NOT EXISTS repair_turn UInt64 DEFAULT if(repairs = '', 0, load_id) COMMENT 'of a repair: how many repairs of the file counted when it was judged',
    ADD COLUMN IF NOT EXISTS committed_at DateTime64(6, 'UTC') DEFAULT if(repairs = '', loaded_at, now64(6)) COMMENT 'of a repair: when the server took the row';

CREATE OR REPLACE VIEW ops.current_loads AS
SELECT *
FROM ops.file_ledger
WHERE status = 'loaded' AND (repairs = '' OR (repairs, repair_turn, file_id) IN (
    SELECT repairs, repair_turn, argMin(file_id, (committed_at, file_id))
    FROM ops.file_ledger
    WHERE status = 'loaded' AND repairs != ''
    GROUP BY repairs, repair_turn))
ORDER BY typing_version DESC, loaded_at
LIMIT 1 BY file_id;

-- Rows that were kept apart, repaired and dropped again: part of the export that they came from.
ALTER TABLE ops.file_ledger
    ADD COLUMN IF NOT EXISTS repairs String COMMENT 'file_id whose rejected rows this file repairs, else empty';

-- A view has the columns that its table had when it was made.
CREATE OR REPLACE VIEW ops.current_loads AS
SELECT *
FROM ops.file_ledger
WHERE status = 'loaded'
ORDER BY typing_version DESC, loaded_at
LIMIT 1 BY file_id;

-- Which rejected rows (file and line) have come repaired since, and by which file.
CREATE OR REPLACE VIEW ops.repaired_rows AS
SELECT
    r.workspace AS workspace,
    l.repairs AS file_id,
    toUInt64OrZero(r.extra['repair_line']) AS row_number,
    CAST(r.file_id AS String) AS repaired_by
FROM raw.ad_performance_rows AS r
INNER JOIN (SELECT load_id, repairs FROM ops.current_loads WHERE repairs != '') AS l ON r.load_id = l.load_id
WHERE r.disposition = 'loaded' AND r.load_id IN (SELECT load_id FROM ops.current_loads WHERE repairs != '');

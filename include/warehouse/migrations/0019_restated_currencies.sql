-- A newer export may say the same amount in another currency: that is another number.
ALTER TABLE ops.restatement_log
    ADD COLUMN IF NOT EXISTS currency_before LowCardinality(Nullable(String)) COMMENT 'of `before`; NULL before this column was, and where the older export did not list the entity' AFTER currency;

CREATE OR REPLACE VIEW ops.restatements AS SELECT * FROM ops.restatement_log FINAL;

-- 1.2E+17, or 120211000000000000.0: what spreadsheets and floats leave of a long id; its digits are lost. From 2^53 on a
-- float no longer tells a whole number from the next, so that 2^53 itself may have been another.
CREATE OR REPLACE FUNCTION insightflow_is_damaged_id AS (x) ->
    match(x, '^[0-9]([.,][0-9]+)?[eE][+]?[0-9]+$') OR (match(x, '^[0-9]{16,}[.]0+$')
        AND (match(x, '^[0-9]{17}') OR toUInt64OrZero(extract(x, '^[0-9]+')) >= 9007199254740992));

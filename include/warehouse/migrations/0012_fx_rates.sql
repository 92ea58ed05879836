-- Exchange rates of files, one row a workspace, currency, base and day: the newest file's. Derived from raw, of committed
-- loads only, so that a build finds the rates of a day without reading every file of rates that ever came.
CREATE TABLE IF NOT EXISTS ops.fx_rates
(
    workspace  LowCardinality(String),
    currency   LowCardinality(String),
    base       LowCardinality(String),
    date       Date,
    rate       Decimal(38, 12) COMMENT 'units of the currency for one unit of the base',
    file_id    String COMMENT 'file that it came from',
    row_number UInt64,
    version    UInt128 COMMENT 'order of the export, then of its load'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, currency, base, date);

-- Loads of rates whose rates are in ops.fx_rates.
CREATE TABLE IF NOT EXISTS ops.fx_loads
(
    load_id    UInt64,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY load_id;

CREATE OR REPLACE FUNCTION insightflow_is_no_rate AS (x) -> insightflow_is_null(x) OR lower(trimBoth(x)) IN ('nan', '.');

-- A rate, NULL where the cell is no number above 0. 1,234 alone is ambiguous and no rate.
CREATE OR REPLACE FUNCTION insightflow_rate AS (x) ->
    nullIf(multiIf(
        match(x, '^\\s*[0-9]{1,12}([.][0-9]+)?([eE][+-]?[0-9]{1,2})?\\s*$'), toDecimal128OrNull(trimBoth(x), 12),
        match(x, '^\\s*[1-9][0-9]{0,2}(,[0-9]{3})+[.][0-9]+\\s*$'), toDecimal128OrNull(replaceAll(trimBoth(x), ',', ''), 12),
        match(x, '^\\s*[0-9]{1,12},[0-9]+\\s*$') AND NOT match(x, '^\\s*[1-9][0-9]{0,2},[0-9]{3}\\s*$'),
            toDecimal128OrNull(replaceOne(trimBoth(x), ',', '.'), 12),
        NULL), 0);

-- Each rate on the days that it may stand for: its own and the 31 after.
CREATE VIEW IF NOT EXISTS ops.fx_rates_in_effect AS
SELECT workspace, currency, base, date + age AS on_date, toUInt8(age) AS age, date AS rate_date, rate
FROM ops.fx_rates FINAL
ARRAY JOIN range(32) AS age;

-- Rows with their values beside them: what a cell became when it was landed, and its text only where the value would
-- not give it back (`--`, `1,234.50`, micros). Staging reads values; raw.ad_performance shows text (next migration).
-- Names are '' where the cell says nothing: they cost no map of NULLs.
ALTER TABLE ops.file_ledger
    ADD COLUMN IF NOT EXISTS typing_version UInt16 DEFAULT 1 COMMENT 'of the rules by which the values of its rows were made';

-- The loads that count: one a file, the first that committed; of a file that was typed again, the newest typing.
CREATE OR REPLACE VIEW ops.current_loads AS
SELECT *
FROM ops.file_ledger
WHERE status = 'loaded'
ORDER BY typing_version DESC, loaded_at
LIMIT 1 BY file_id;

DROP TABLE IF EXISTS raw.ad_performance_rows SYNC;

CREATE TABLE raw.ad_performance_rows
(
    workspace        LowCardinality(String),
    source           LowCardinality(String),
    file_id          LowCardinality(String),
    load_id          UInt64,
    row_number       UInt64 CODEC(Delta, LZ4) COMMENT 'line of the file (CSV: of the record), counted from 1',
    date             Date   COMMENT '1970-01-01 where the cell is no date',
    disposition      LowCardinality(String) COMMENT 'loaded, a reason of rejection, or a reason of skipping',
    row_hash         UInt64 COMMENT 'hash of all cells: finds exact repeats',
    account_id       String,
    account_name     String,
    campaign_id      String,
    campaign_name    String,
    ad_group_id      String,
    ad_group_name    String,
    ad_id            String,
    ad_name          String,
    impressions      Nullable(Int64),
    clicks           Nullable(Int64),
    cost             Nullable(Decimal(18, 6)) COMMENT 'in units of the account currency',
    conversions      Nullable(Decimal(18, 6)) COMMENT 'of purchases',
    conversion_value Nullable(Decimal(18, 6)),
    currency         LowCardinality(String) COMMENT 'of the row, its money or its file; empty where none tells',
    text_date             String COMMENT 'text_*: as sent, where the value above does not give it back; currency always',
    text_date_end         String,
    text_account_id       String,
    text_account_name     String,
    text_campaign_id      String,
    text_campaign_name    String,
    text_ad_group_id      String,
    text_ad_group_name    String,
    text_ad_id            String,
    text_ad_name          String,
    text_impressions      String,
    text_clicks           String,
    text_cost             String,
    text_conversions      String,
    text_conversion_value String,
    text_currency         LowCardinality(String),
    segments         Map(String, String),
    extra            Map(String, String),
    -- Loads that lie side by side cover days that lie side by side: a day is found without a look at all loads.
    INDEX days date TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
ORDER BY (load_id, date, row_number);

-- Rows of an older installation, typed as staging typed them.
INSERT INTO raw.ad_performance_rows
SELECT
    r.workspace AS workspace, r.source AS source, r.file_id AS file_id, r.load_id AS load_id, r.row_number AS row_number,
    r.event_date, r.disposition AS disposition, r.row_hash AS row_hash,
    ifNull(insightflow_id(r.account_id, l.id_formats['account_id']), '') AS v_account_id,
    if(insightflow_is_null(r.account_name) OR has(l.null_tokens, trimBoth(r.account_name)), '', trimBoth(r.account_name)) AS v_account_name,
    if(insightflow_is_null(r.campaign_id) OR has(l.null_tokens, trimBoth(r.campaign_id)), '', trimBoth(r.campaign_id)) AS v_campaign_id,
    if(insightflow_is_null(r.campaign_name) OR has(l.null_tokens, trimBoth(r.campaign_name)), '', trimBoth(r.campaign_name)) AS v_campaign_name,
    if(insightflow_is_null(r.ad_group_id) OR has(l.null_tokens, trimBoth(r.ad_group_id)), '', trimBoth(r.ad_group_id)) AS v_ad_group_id,
    if(insightflow_is_null(r.ad_group_name) OR has(l.null_tokens, trimBoth(r.ad_group_name)), '', trimBoth(r.ad_group_name)) AS v_ad_group_name,
    if(insightflow_is_null(r.ad_id) OR has(l.null_tokens, trimBoth(r.ad_id)), '', trimBoth(r.ad_id)) AS v_ad_id,
    if(insightflow_is_null(r.ad_name) OR has(l.null_tokens, trimBoth(r.ad_name)), '', trimBoth(r.ad_name)) AS v_ad_name,
    toInt64OrNull(toString(insightflow_number(r.impressions, l.decimal_marks['impressions']))) AS v_impressions,
    toInt64OrNull(toString(insightflow_number(r.clicks, l.decimal_marks['clicks']))) AS v_clicks,
    CAST(toDecimal64OrNull(toString(insightflow_number(r.cost, l.decimal_marks['cost'])), 6)
        / greatest(l.unit_divisor['cost'], 1), 'Nullable(Decimal(18, 6))') AS v_cost,
    toDecimal64OrNull(toString(if(startsWith(r.conversions, '['), insightflow_tier_sum(r.conversions, l.conversion_tiers),
        insightflow_number(r.conversions, l.decimal_marks['conversions']))), 6) AS v_conversions,
    CAST(toDecimal64OrNull(toString(if(startsWith(r.conversion_value, '['), insightflow_tier_sum(r.conversion_value, l.conversion_tiers),
        insightflow_number(r.conversion_value, l.decimal_marks['conversion_value']))), 6)
        / greatest(l.unit_divisor['conversion_value'], 1), 'Nullable(Decimal(18, 6))') AS v_conversion_value,
    ifNull(upper(insightflow_text(r.currency)), ifNull(insightflow_currency_of(r.cost), l.currency_default)) AS v_currency,
    if(r.date = toString(r.event_date) AND r.event_date != toDate(0), '', r.date) AS text_date,
    r.date_end AS text_date_end,
    if(r.account_id = v_account_id, '', r.account_id) AS text_account_id,
    if(r.account_name = v_account_name, '', r.account_name) AS text_account_name,
    if(r.campaign_id = v_campaign_id, '', r.campaign_id) AS text_campaign_id,
    if(r.campaign_name = v_campaign_name, '', r.campaign_name) AS text_campaign_name,
    if(r.ad_group_id = v_ad_group_id, '', r.ad_group_id) AS text_ad_group_id,
    if(r.ad_group_name = v_ad_group_name, '', r.ad_group_name) AS text_ad_group_name,
    if(r.ad_id = v_ad_id, '', r.ad_id) AS text_ad_id,
    if(r.ad_name = v_ad_name, '', r.ad_name) AS text_ad_name,
    if(r.impressions = ifNull(toString(v_impressions), ''), '', r.impressions) AS text_impressions,
    if(r.clicks = ifNull(toString(v_clicks), ''), '', r.clicks) AS text_clicks,
    if(r.cost = ifNull(toString(v_cost), ''), '', r.cost) AS text_cost,
    if(r.conversions = ifNull(toString(v_conversions), ''), '', r.conversions) AS text_conversions,
    if(r.conversion_value = ifNull(toString(v_conversion_value), ''), '', r.conversion_value) AS text_conversion_value,
    r.currency AS text_currency, r.segments AS segments, r.extra AS extra
FROM raw.ad_performance AS r
LEFT JOIN (SELECT load_id, id_formats, null_tokens, decimal_marks, unit_divisor, conversion_tiers, currency_default
    FROM ops.file_ledger WHERE status = 'loaded') AS l ON r.load_id = l.load_id;

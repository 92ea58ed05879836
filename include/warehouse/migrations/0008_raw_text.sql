-- raw.ad_performance shows what it always did: every row of every file as it was sent, all text.
DROP TABLE IF EXISTS raw.ad_performance SYNC;

CREATE VIEW raw.ad_performance AS
SELECT
    workspace, source, file_id, load_id, row_number, r.date AS event_date, disposition, row_hash,
    if(text_date = '' AND r.date != toDate(0), toString(r.date), text_date) AS date,
    text_date_end AS date_end,
    if(text_account_id = '', r.account_id, text_account_id) AS account_id,
    if(text_account_name = '', r.account_name, text_account_name) AS account_name,
    if(text_campaign_id = '', r.campaign_id, text_campaign_id) AS campaign_id,
    if(text_campaign_name = '', r.campaign_name, text_campaign_name) AS campaign_name,
    if(text_ad_group_id = '', r.ad_group_id, text_ad_group_id) AS ad_group_id,
    if(text_ad_group_name = '', r.ad_group_name, text_ad_group_name) AS ad_group_name,
    if(text_ad_id = '', r.ad_id, text_ad_id) AS ad_id,
    if(text_ad_name = '', r.ad_name, text_ad_name) AS ad_name,
    if(text_impressions = '', ifNull(toString(r.impressions), ''), text_impressions) AS impressions,
    if(text_clicks = '', ifNull(toString(r.clicks), ''), text_clicks) AS clicks,
    if(text_cost = '', ifNull(toString(r.cost), ''), text_cost) AS cost,
    if(text_conversions = '', ifNull(toString(r.conversions), ''), text_conversions) AS conversions,
    if(text_conversion_value = '', ifNull(toString(r.conversion_value), ''), text_conversion_value) AS conversion_value,
    CAST(text_currency AS String) AS currency,
    segments, extra
FROM raw.ad_performance_rows AS r;

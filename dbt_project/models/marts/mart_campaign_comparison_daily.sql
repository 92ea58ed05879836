{{ config(
    order_by=['comparison', 'workspace', 'platform', 'account_id', 'campaign_id'],
    meta={'looks_back': comparison_days()}
) }}

{{ comparison_mart(ref('mart_campaign_daily'), ['account', 'campaign']) }}

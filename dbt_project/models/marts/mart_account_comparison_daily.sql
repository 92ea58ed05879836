{{ config(
    order_by=['comparison', 'workspace', 'platform', 'account_id'],
    meta={'looks_back': comparison_days()}
) }}

{{ comparison_mart(ref('mart_account_daily'), ['account']) }}

{{ config(partition_by='month_start', order_by=['workspace', 'platform', 'account_id', 'campaign_id']) }}

{{ period_mart(ref('mart_campaign_daily'), ['account', 'campaign'], 'month') }}

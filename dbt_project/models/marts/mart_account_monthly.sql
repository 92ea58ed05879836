{{ config(partition_by='month_start', order_by=['workspace', 'platform', 'account_id']) }}

{{ period_mart(ref('mart_account_daily'), ['account'], 'month') }}

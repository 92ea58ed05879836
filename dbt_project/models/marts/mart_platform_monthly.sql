{{ config(partition_by='month_start', order_by=['workspace', 'platform']) }}

{{ period_mart(ref('mart_account_daily'), [], 'month') }}

{{ config(partition_by='week_start', order_by=['workspace', 'platform']) }}

{{ period_mart(ref('mart_account_daily'), [], 'week') }}

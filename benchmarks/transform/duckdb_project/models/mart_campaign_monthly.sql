{{ config(unique_key='month_start') }}

{{ mart(['account', 'campaign'], 'month') }}

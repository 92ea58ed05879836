{{ config(unique_key='month_start') }}

{{ mart([], 'month') }}

{{ config(unique_key='week_start') }}

{{ mart(['account'], 'week') }}

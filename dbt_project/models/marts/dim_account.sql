{{ config(
    materialized='table', partition_by=none,
    order_by=['workspace', 'platform', 'account_id']
) }}

{{ entity_dimension('account') }}

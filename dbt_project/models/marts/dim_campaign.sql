{{ config(
    materialized='table', partition_by=none,
    order_by=['workspace', 'platform', 'account_id', 'campaign_id']
) }}

{{ entity_dimension('campaign', parsed=true) }}

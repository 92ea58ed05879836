{{ config(
    materialized='table', partition_by=none,
    order_by=['workspace', 'platform', 'account_id', 'campaign_id', 'ad_group_id', 'ad_id']
) }}

{{ entity_dimension('ad') }}

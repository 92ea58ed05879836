{{ config(
    materialized='table', partition_by=none,
    order_by=['workspace', 'platform', 'entity_type', 'account_id', 'entity_id']
) }}

{% set new_for_days = 7 %}

with entities as (
    select
        y.workspace as workspace,
        y.platform as platform,
        y.entity_type as entity_type,
        {{ entity_path_columns('y') }},
        argMax(
            y.name, (y.last_date, y.last_exported_at, coalesce(y.name, ''))
        ) as entity_name,
        min(y.first_date) as first_seen,
        max(y.last_date) as last_seen,
        max(y.last_active_date) as last_active
    from {{ ref('int_entity_years') }} as y
    group by y.workspace, y.platform, y.entity_type, {{ entity_path('y') }}
),

-- The newest day of which the account's files list entities of this kind: they say what is gone. Days that
-- were never loaded say nothing. An account is new where the workspace is not.
accounts as (
    select
        e.*,
        max(e.last_seen) over (partition by e.workspace, e.platform, e.entity_type, e.account_key) as as_of,
        if(
            e.entity_type = 'account',
            min(e.first_seen) over (partition by e.workspace),
            min(e.first_seen) over (partition by e.workspace, e.platform, e.entity_type, e.account_key)
        ) as known_since
    from entities as e
),

states as (
    select
        a.*,
        a.first_seen > greatest(a.as_of - {{ new_for_days }}, a.known_since) as is_new,
        multiIf(
            a.last_seen < a.as_of, 'disappeared',
            a.last_active = a.as_of, if(is_new, 'new', 'active'),
            a.last_active is null and is_new, 'new',
            'paused'
        ) as state
    from accounts as a
)

select
    s.workspace as workspace,
    s.platform as platform,
    s.entity_type as entity_type,
    entity_path[-1] as entity_id,
    s.entity_name as entity_name,
    s.account_id as account_id,
    s.campaign_id as campaign_id,
    s.ad_group_id as ad_group_id,
    s.ad_id as ad_id,
    arraySlice(
        [s.account_key, s.campaign_key, s.ad_group_key, s.ad_key], 1,
        indexOf({{ entity_levels() }}, s.entity_type)
    ) as entity_path,
    s.first_seen as first_seen,
    s.last_seen as last_seen,
    s.last_active as last_active,
    s.as_of as as_of,
    cast(s.state as LowCardinality(String)) as state
from states as s

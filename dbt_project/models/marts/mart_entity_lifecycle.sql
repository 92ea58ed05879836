{{ config(
    materialized='table', partition_by=none,
    order_by=['workspace', 'platform', 'entity_type', 'account_id', 'entity_id']
) }}

{% set new_for_days = 7 %}

with listings as (
    select
        y.*,
        indexOf({{ entity_levels() }}, y.grain) as grain_rank,
        max(y.last_date) over (
            partition by y.workspace, y.platform, y.entity_type, y.account_key, y.grain
        ) as newest_of_grain,
        max(y.last_date) over (
            partition by y.workspace, y.platform, y.entity_type, y.account_key
        ) as newest_of_all
    from {{ ref('int_entity_years') }} as y
    -- An export of keywords or search terms lists what had any, not what there is.
    where y.grain in {{ entity_levels() }}
),

-- An account's campaign export lists all campaigns, one of ads those that have ads. The coarsest export that
-- still comes (it is not a week behind the others) says what is gone.
ranked as (
    select
        l.*,
        minIf(l.grain_rank, l.newest_of_grain > l.newest_of_all - 7) over (
            partition by l.workspace, l.platform, l.entity_type, l.account_key
        ) as standing_rank
    from listings as l
),

entities as (
    select
        r.workspace as workspace,
        r.platform as platform,
        r.entity_type as entity_type,
        {{ entity_path_columns('r') }},
        argMax(r.name, (r.last_date, r.last_exported_at, coalesce(r.name, ''))) as entity_name,
        min(r.first_date) as first_seen,
        max(r.last_date) as last_seen,
        maxOrNullIf(r.last_date, r.grain_rank = r.standing_rank) as last_listed,
        maxIf(r.last_active_date, r.grain_rank = r.standing_rank) as last_active_listed,
        max(r.last_active_date) as last_active
    from ranked as r
    group by r.workspace, r.platform, r.entity_type, {{ entity_path('r') }}
),

-- The newest day of which that export lists entities of this kind; days that were never loaded say nothing.
-- An account is new where the workspace is not.
accounts as (
    select
        e.*,
        max(e.last_listed) over (partition by e.workspace, e.platform, e.entity_type, e.account_key) as as_of,
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
            a.last_listed is null or a.last_listed < a.as_of, 'disappeared',
            a.last_active_listed = a.as_of, if(is_new, 'new', 'active'),
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
    assumeNotNull(s.as_of) as as_of,
    cast(s.state as LowCardinality(String)) as state
from states as s

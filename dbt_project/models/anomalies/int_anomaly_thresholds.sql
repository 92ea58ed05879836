{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace'],
    contract={'enforced': false}
) }}

-- The thresholds of each workspace of the run: its own row of the seed, else the row of all (`*`). Scratch.
with workspaces as (
    select distinct s.workspace as workspace
    from {{ ref('int_anomaly_series') }} as s
    where s.entity_type = 'account' and {{ with_history('s.date') }}
),

common as (
    select t.*
    from {{ ref('anomaly_thresholds') }} as t
    where t.workspace = '*'
)

select
    {% for column in [
        'z_threshold', 'level_z_threshold', 'min_volume_factor', 'min_level_factor', 'min_ratio_factor',
        'min_expected_conversions', 'min_insight_amount', 'min_waste_cost', 'min_performer_cost', 'max_insights_a_day'
    ] -%}
    if(own.workspace = '', common.{{ column }}, own.{{ column }}) as {{ column }},
    {% endfor -%}
    w.workspace as workspace
from workspaces as w
left join {{ ref('anomaly_thresholds') }} as own on w.workspace = own.workspace
cross join common

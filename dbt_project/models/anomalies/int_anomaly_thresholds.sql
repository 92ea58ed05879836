{{ config(materialized='view', schema='staging', contract={'enforced': false}, settings={}) }}

-- The thresholds of each workspace: its own row of the seed, else the row of all (`*`).
with workspaces as (
    select distinct s.workspace as workspace
    from {{ ref('int_anomaly_series') }} as s
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

{{ config(materialized='view', schema='staging', contract={'enforced': false}, settings={}) }}

-- The settings of each workspace: its own row of the seed, else the row of all (`*`).
with common as (
    select s.*
    from {{ ref('insight_settings') }} as s
    where s.workspace = '*'
)

select
    {% for column in [
        'spend_elasticity', 'shift_share', 'max_shifts_a_day', 'receiver_exclude', 'concentration_share',
        'fatigue_drop'
    ] -%}
    if(own.workspace = '', common.{{ column }}, own.{{ column }}) as {{ column }},
    {% endfor -%}
    t.min_performer_cost as min_performer_cost,
    t.min_insight_amount as min_insight_amount,
    t.workspace as workspace
from {{ ref('int_anomaly_thresholds') }} as t
left join {{ ref('insight_settings') }} as own on t.workspace = own.workspace
cross join common

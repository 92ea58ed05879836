{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace', 'date_end', 'insight_key'],
    contract={'enforced': false}
) }}

-- All that could be told of the days to judge. Scratch: the feed ranks it.
{% set spoken = {'int_insight_budget_shift': 'i.campaigns', 'int_insight_fatigue': 'i.ads'} -%}
{% for source in [
    'int_insight_anomalies', 'int_insight_performance', 'int_insight_budget_shift', 'int_insight_fatigue',
    'int_insight_concentration', 'int_insight_data'
] -%}
select
    {{ insight_columns('i') }},
    {{ spoken.get(source, insight_no_entities()) }} as spoken_for
from {{ ref(source) }} as i
{{ 'union all' if not loop.last }}
{% endfor %}

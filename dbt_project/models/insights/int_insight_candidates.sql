{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace', 'date_end', 'insight_key'],
    contract={'enforced': false}
) }}

-- All that could be told of the days to judge. Scratch: the feed ranks it.
{% for source in [
    'int_insight_anomalies', 'int_insight_performance', 'int_insight_budget_shift', 'int_insight_fatigue',
    'int_insight_concentration', 'int_insight_data'
] -%}
select
    {{ insight_columns('i') }},
    {{ 'i.campaigns' if source == 'int_insight_budget_shift' else insight_no_campaigns() }}
        as moved_campaigns
from {{ ref(source) }} as i
{{ 'union all' if not loop.last }}
{% endfor %}

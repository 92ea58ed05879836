{# A comparison's own day is the daily mart's: the same entities, the same sums. Entities that only the period before
   has stand at 0 or NULL, and add nothing. #}
{% test compared_day_agrees(model, compare_model, keys) %}
{% set sums = ['impressions', 'clicks', 'conversions', 'cost', 'conversion_value', 'cost_reporting'] %}
with both_sides as (
    select 'model' as side, date, {{ (keys + sums) | join(', ') }}
    from {{ model }}
    where comparison = 'previous_day'
    union all
    select 'compared' as side, date, {{ (keys + sums) | join(', ') }}
    from {{ compare_model }}
    where {{ only_tested_dates('date') }}
)

select date, {{ keys | join(', ') }}
from both_sides
group by date, {{ keys | join(', ') }}
having
    countIf(side = 'model') = 0
    {% for column in sums %}
    or ifNull(sumIf({{ column }}, side = 'model'), 0) != ifNull(sumIf({{ column }}, side = 'compared'), 0)
    {% endfor %}
{% endtest %}

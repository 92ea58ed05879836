{#
  The model and `compare_model` have the same keys and, key by key, the same sums. NULL-aware: a sum of nothing
  but NULL equals only the same. `if_given` are columns of money that the model withholds (NULL) where it is of
  several currencies or has no rate. They agree, unless there is such money and some row of the model is NULL: a
  key may have several rows, and then what remains is but a part. The one row of a key is NULL where a row of
  `compare_model`, a mart, is withheld itself: of several currencies (without currency and money), one of them
  without a rate (without cost in reporting currency). `flags` agree by their maximum.
  With period='week' or 'month' the model holds weeks or months, and `compare_model` their days.
  `compare_where` is a condition on the rows of `compare_model`.
  Shared by all: rule 1 (conservation), rule 2 (nothing that the newest exports do not list).
#}
{% test sums_agree(model, compare_model, keys, columns, if_given=[], flags=[], period='day', compare_where='1') %}
{% set date = {'week': 'toMonday(date)', 'month': 'toStartOfMonth(date)'}.get(period, 'date') %}
{% set model_date = {'week': 'week_start', 'month': 'month_start'}.get(period, 'date') %}
{# As the marts withhold it: both amounts of an account, where rows with either have several currencies. #}
{% set money = (if_given | reject('in', ['cost_reporting', 'conversion_value_reporting']) | join(' is not null or ')) ~ ' is not null' %}
{% set values = columns + if_given + flags + (['currency'] if if_given else []) %}
with both_sides as (
    select 'model' as side, {{ model_date }} as key_date, {{ (keys + values) | join(', ') }}
    from {{ model }}
    union all
    select 'compared' as side, {{ date }} as key_date, {{ (keys + values) | join(', ') }}
    from {{ compare_model }}
    where {{ only_tested_days_of(period) }} and {{ compare_where }}
)

select key_date, {{ keys | join(', ') }}
from both_sides
group by key_date, {{ keys | join(', ') }}
having
    countIf(side = 'model') = 0 or countIf(side = 'compared') = 0
    {% for column in columns %}
    or not (sumIf({{ column }}, side = 'model') <=> sumIf({{ column }}, side = 'compared'))
    {% endfor %}
    {% for column in if_given %}
    or ifNull(sumIf({{ column }}, side = 'model') != sumIf({{ column }}, side = 'compared'),
        sumIf({{ column }}, side = 'model') is not null)
    {%- set amount = column | replace('_reporting', '') %}
    {%- set withheld = 'currency is null and cost is null and conversion_value is null'
        ~ (' and cost_reporting is null' if amount != column else '') %}
    and not (
        countIf(side = 'model' and {{ column }} is null) > 0
        {%- if amount != column %}
        and countIf(side = 'compared' and ({{ amount }} is not null or {{ withheld }}) and {{ column }} is null) > 0
        {%- else %}
        and (
            uniqExactIf(ifNull(currency, ''), side = 'compared' and ({{ money }})) > 1
            or countIf(side = 'compared' and {{ withheld }}) > 0
        )
        {%- endif %}
    )
    or countIf(side = 'model') = 1
    and countIf(side = 'model' and {{ column }} is not null) = 1
    and countIf(side = 'compared' and {{ withheld }} and {{ column }} is null) > 0
    {% endfor %}
    {% for column in flags %}
    or maxIf({{ column }}, side = 'model') != maxIf({{ column }}, side = 'compared')
    {% endfor %}
{% endtest %}

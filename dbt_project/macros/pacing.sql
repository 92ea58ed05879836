{# What mart_budget_pacing is made of. #}

{# Days before a month's newest day that tell how much is spent on a weekday; meta.looks_back says the same. #}
{% macro pacing_days() %}{{ return(28) }}{% endmacro %}

{# The days of the months to rebuild, and those before them that the projection looks back on. #}
{% macro only_pacing_days(column) -%}
    {%- set months = build_periods('month', pacing_days()) if rebuilds_dates() else none -%}
    {%- if months is none -%}
        1
    {%- elif months | length == 0 -%}
        0
    {%- else -%}
        (
        {%- for month in months %}
        {{ column }} between toDate('{{ month }}') - {{ pacing_days() }} and toLastDayOfMonth(toDate('{{ month }}'))
        {{- ' or' if not loop.last }}
        {%- endfor %}
        )
    {%- endif -%}
{%- endmacro %}

{# Sum of a float over the accounts of a budget, in one order, so that every run adds it to the same bits. #}
{% macro ordered_sum(column) -%}
    arraySum(arrayMap(pair -> pair.2, arraySort(groupArray((account_key, {{ column }})))))
{%- endmacro %}

{# Rows of the dates asked for; all of them in a full build. #}
{% macro only_dates(column='date', period=none) -%}
    {%- if is_incremental() -%}
        {%- if period -%}
    date_trunc('{{ period }}', {{ column }}) in (select date_trunc('{{ period }}', d::date) from unnest(string_split('{{ env_var("BENCH_DATES", "") }}', ',')) as t(d))
        {%- else -%}
    {{ column }} in (select d::date from unnest(string_split('{{ env_var("BENCH_DATES", "") }}', ',')) as t(d))
        {%- endif -%}
    {%- else -%} true {%- endif -%}
{%- endmacro %}

{% macro sums() -%}
    sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks, sum(cost) as cost,
    sum(conversions) as conversions, sum(conversion_value) as conversion_value
{%- endmacro %}

{% macro ratios() -%}
    clicks / nullif(impressions, 0) as ctr, cost::double / nullif(clicks, 0) as cpc,
    1000 * cost::double / nullif(impressions, 0) as cpm, cost::double / nullif(conversions, 0) as cpa,
    conversions::double / nullif(clicks, 0) as cvr, conversion_value::double / nullif(cost, 0) as roas,
    (conversion_value - cost)::double / nullif(cost, 0) as roi, conversion_value::double / nullif(conversions, 0) as aov
{%- endmacro %}

{# A mart of an entity and its parents, by day or by the first day of a week or month. #}
{% macro mart(levels, period=none) -%}
with sums as (
    select
        workspace, platform,
        {% for level in levels %}{{ level }}_id, arg_max({{ level }}_name, date) as {{ level }}_name,{% endfor %}
        {{ "date_trunc('" ~ period ~ "', date)::date as " ~ period ~ "_start" if period else 'date' }},
        {{ sums() }}
    from {{ ref('fct_ad_performance_daily') }}
    where {{ only_dates('date', period) }}
    group by
        workspace, platform, {% for level in levels %}{{ level }}_id,{% endfor %}
        {{ "date_trunc('" ~ period ~ "', date)" if period else 'date' }}
)
select *, {{ ratios() }} from sums
{%- endmacro %}

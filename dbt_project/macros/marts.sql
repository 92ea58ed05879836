{# What the marts share: which rows make a total, how they are summed, how days become weeks and months. #}

{# Grouping columns of an entity and its parents, qualified. An export without ids names its entities: then the
   name is the key (with the id in the key too, the coalesce cannot mix an id with a name). #}
{% macro entity_key(source, levels) -%}
    {%- for level in levels -%}
    {{ source }}.{{ level }}_id,
    coalesce({{ source }}.{{ level }}_id, {{ source }}.{{ level }}_name)
    {%- if not loop.last %},
    {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{# Ids, and of the names the newest by `recency`. #}
{% macro entity_columns(source, levels, recency) -%}
    {%- for level in levels -%}
    {{ source }}.{{ level }}_id as {{ level }}_id,
    argMax({{ source }}.{{ level }}_name, ({{ source }}.{{ recency }}, {{ source }}.{{ level }}_name))
        as {{ level }}_name
    {%- if not loop.last %},
    {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{# Facts of the first of `grains` that an account has on a day: grains repeat the same money and never add.
   `facts` is another fact of the same columns, `only` a condition on its rows. #}
{% macro rows_of_first_grain(grains, facts=none, only='1') -%}
    select *
    from {{ facts or ref('fct_ad_performance_daily') }}
    where
        {{ only_build_dates('date') }}
        and grain in ('{{ grains | join("', '") }}')
        and {{ only }}
    qualify
        indexOf(['{{ grains | join("', '") }}'], grain)
        = min(indexOf(['{{ grains | join("', '") }}'], grain))
            over (partition by workspace, platform, account_id, coalesce(account_id, account_name), date)
{%- endmacro %}

{# The sums of a mart row. A sum ignores what is unknown (NULL) and is NULL only if all of it is.
   Account money is NULL where the rows have several currencies; reporting money is NULL where a part of the
   money has no rate, for a sum without that part would be too small and look complete. #}
{% macro metric_sums(source) -%}
    {%- set has_money = source ~ '.cost is not null or ' ~ source ~ '.conversion_value is not null' -%}
    {%- set currencies = 'uniqExactIf(ifNull(' ~ source ~ ".currency, ''), " ~ has_money ~ ')' -%}
    sum({{ source }}.impressions) as impressions,
    sum({{ source }}.clicks) as clicks,
    sum({{ source }}.conversions) as conversions,
    if({{ currencies }} > 1, null, sum({{ source }}.cost)) as cost,
    if({{ currencies }} > 1, null, sum({{ source }}.conversion_value)) as conversion_value,
    cast(
        multiIf(
            {{ currencies }} > 1, null,
            {{ currencies }} = 1, minIf({{ source }}.currency, {{ has_money }}),
            min({{ source }}.currency)
        ) as LowCardinality(Nullable(String))
    ) as currency,
    {% for money in ['cost', 'conversion_value'] -%}
    if(
        countIf({{ source }}.{{ money }} is not null and {{ source }}.{{ money }}_reporting is null) > 0,
        null, sum({{ source }}.{{ money }}_reporting)
    ) as {{ money }}_reporting,
    {% endfor -%}
    cast(any({{ source }}.reporting_currency) as LowCardinality(String)) as reporting_currency,
    max({{ source }}.is_provisional) as is_provisional
{%- endmacro %}

{# A weekly or monthly mart of a daily one: sums again, then ratios of those sums. `levels` are the entity and
   its parents, outermost first; period is 'week' or 'month'. #}
{% macro period_mart(daily, levels, period) -%}
    {%- set first_day = 'toMonday(d.date)' if period == 'week' else 'toStartOfMonth(d.date)' -%}
with sums as (
    select
        d.workspace as workspace,
        d.platform as platform,
        {% if levels %}{{ entity_columns('d', levels, 'date') }},{% endif %}
        {{ first_day }} as {{ period }}_start,
        toUInt8(uniqExact(d.date)) as days_with_data,
        {{ metric_sums('d') }}
    from {{ daily }} as d
    where {{ only_build_dates('d.date', period) }}
    group by
        d.workspace,
        d.platform,
        {% if levels %}{{ entity_key('d', levels) }},{% endif %}
        {{ first_day }}
)

select
    *,
    {{ ratio_columns() }},
    {{ ratio_columns('reporting') }}
from sums
{%- endmacro %}

{# A dimension from the facts: the latest name of an entity, and every name it was seen under. #}
{% macro entity_dimension(levels) -%}
    {%- set entity = levels[-1] -%}
with names as (
    select
        f.workspace as workspace,
        f.platform as platform,
        {% for level in levels -%}
        f.{{ level }}_id as {{ level }}_id,
        coalesce(f.{{ level }}_id, f.{{ level }}_name) as {{ level }}_key,
        {% endfor -%}
        f.{{ entity }}_name as name,
        min(f.date) as name_from,
        max(f.date) as name_to,
        max((f.date, f.last_exported_at)) as seen,
        argMax(f.currency, (f.date, f.last_exported_at)) as last_currency
    from {{ ref('fct_ad_performance_daily') }} as f
    where coalesce(f.{{ entity }}_id, f.{{ entity }}_name) is not null
    group by f.workspace, f.platform, {{ entity_key('f', levels) }}, f.{{ entity }}_name
)

select
    n.workspace as workspace,
    n.platform as platform,
    {% for level in levels -%}
    n.{{ level }}_id as {{ level }}_id,
    {% endfor -%}
    argMax(n.name, (n.seen, n.name)) as {{ entity }}_name,
    {% if entity == 'account' -%}
    cast(argMax(n.last_currency, n.seen) as LowCardinality(Nullable(String))) as currency,
    {% endif -%}
    min(n.name_from) as first_date,
    max(n.name_to) as last_date,
    cast(
        arraySort(
            seen_name -> (seen_name.2, seen_name.1),
            groupArrayIf((assumeNotNull(n.name), n.name_from, n.name_to), n.name is not null)
        ) as Array(Tuple(String, Date, Date))
    ) as names_seen
from names as n
group by
    n.workspace,
    n.platform
    {%- for level in levels %},
    n.{{ level }}_id,
    n.{{ level }}_key
    {%- endfor %}
{%- endmacro %}

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
   money has no rate, for a sum without that part would be too small and look complete.
   Sums of such rows (`of='marts'`) know them: without any currency and money they are of several, and without a
   reporting cost beside it a part has no rate. A row without money and currency of its own has the reporting one. #}
{% macro metric_sums(source, of='facts') -%}
    {%- set money_columns = [source ~ '.cost', source ~ '.conversion_value'] -%}
    {%- set has_money = money_columns | join(' is not null or ') ~ ' is not null' -%}
    {%- set is_of_several = ([source ~ '.currency'] + money_columns) | join(' is null and ') ~ ' is null'
        if of == 'marts' else '0' -%}
    {#- Smallest and largest hash in place of uniqExact: its sets were most of what a mart holds. -#}
    {%- set hashed = 'cityHash64(ifNull(' ~ source ~ ".currency, '')), " ~ has_money -%}
    {%- set many_currencies = '(minIf(' ~ hashed ~ ') != maxIf(' ~ hashed ~ ') or countIf(' ~ is_of_several ~ ') > 0)' -%}
    sum({{ source }}.impressions) as impressions,
    sum({{ source }}.clicks) as clicks,
    sum({{ source }}.conversions) as conversions,
    if({{ many_currencies }}, null, sum({{ source }}.cost)) as cost,
    if({{ many_currencies }}, null, sum({{ source }}.conversion_value)) as conversion_value,
    cast(
        multiIf(
            {{ many_currencies }}, null,
            countIf({{ has_money }}) > 0, minIf({{ source }}.currency, {{ has_money }}),
            coalesce(min({{ source }}.currency), any({{ source }}.reporting_currency))
        ) as LowCardinality(Nullable(String))
    ) as currency,
    {% for money in ['cost', 'conversion_value'] -%}
    if(
        countIf(
            {{ source }}.{{ money }}_reporting is null
            and ({{ source }}.{{ money }} is not null or {{ is_of_several }} and {{ source }}.cost_reporting is null)
        ) > 0,
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
        {{ metric_sums('d', of='marts') }}
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

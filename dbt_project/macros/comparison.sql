{# What the comparison marts share: a day or the days up to it beside the period before. #}

{# Comparisons in the order of their codes, each with the ages in days (first, last) of its period and of the one
   before: a code is twice the position, plus 1 for the period before. #}
{% macro comparisons() %}
    {{ return({
        'previous_day': [[0, 0], [1, 1]],
        'same_weekday': [[0, 0], [7, 7]],
        'previous_7_days': [[0, 6], [7, 13]],
        'previous_28_days': [[0, 27], [28, 55]],
    }) }}
{% endmacro %}

{# Days before a date that its comparisons read; models say the same in meta.looks_back. #}
{% macro comparison_days() %}{{ return(55) }}{% endmacro %}

{# The dates that a daily row of `date` takes part in, as an array: of the dates to rebuild, or in a full refresh
   all for which the days of the row may count (the join with coverage keeps those that have data). #}
{% macro compared_dates(date) -%}
    {%- set rebuilt = dates_and_following(comparison_days()) -%}
    {%- if rebuilt is none -%}
        arrayMap(age -> {{ date }} + age, range({{ comparison_days() + 1 }}))
    {%- elif rebuilt | length == 0 -%}
        cast([] as Array(Date))
    {%- else -%}
        arrayFilter(
            day -> day between {{ date }} and {{ date }} + {{ comparison_days() }},
            cast(['{{ rebuilt | join("', '") }}'] as Array(Date))
        )
    {%- endif -%}
{%- endmacro %}

{# The daily rows that the dates to rebuild look back on. #}
{% macro only_compared_days(column) -%}
    {%- set rebuilt = dates_and_following(comparison_days()) -%}
    {%- if rebuilt is none -%}
        1
    {%- elif rebuilt | length == 0 -%}
        0
    {%- else -%}
        {{ column }} between toDate('{{ rebuilt | first }}') - {{ comparison_days() }} and toDate('{{ rebuilt | last }}')
    {%- endif -%}
{%- endmacro %}

{# Codes of the periods that a row of this age belongs to, as an array. #}
{% macro period_codes(age) -%}
    {%- set firsts, lasts = [], [] -%}
    {%- for ages in comparisons().values() -%}
        {%- for span in ages -%}
            {%- do firsts.append(span[0]) -%}
            {%- do lasts.append(span[1]) -%}
        {%- endfor -%}
    {%- endfor -%}
    arrayFilter(
        (code, first, last) -> {{ age }} between first and last,
        range({{ firsts | length }}), {{ firsts }}, {{ lasts }}
    )
{%- endmacro %}

{# A comparison mart of a daily one. `levels` are the entity and its parents, outermost first.
   A row is there where the entity has data in the period or in the one before, on dates on which its account has
   data. Where the entity has no data in one of the two although its account has, nothing is 0 (the export does not
   list it), unless the metric is unknown in the other period too. #}
{% macro comparison_mart(daily, levels) -%}
    {%- set counts = ['impressions', 'clicks', 'conversions'] -%}
    {%- set account_money = ['cost', 'conversion_value'] -%}
    {%- set reporting_money = ['cost_reporting', 'conversion_value_reporting'] -%}
    {%- set sums = counts + account_money + reporting_money -%}
    {%- set keys = ['workspace', 'platform'] -%}
    {%- set scope = ['workspace', 'platform'] + (['account_key'] if levels else []) -%}
with daily as (
    select
        d.*,
        {% for level in levels -%}
        coalesce(d.{{ level }}_id, d.{{ level }}_name, '') as {{ level }}_key,
        {% endfor -%}
        d.date as day
    from {{ daily }} as d
    where {{ only_compared_days('d.date') }}
),

-- Days on which the account (or platform) has data: a day that was never loaded is no 0.
covered as (
    select distinct
        {{ scope | join(', ') }},
        day
    from daily
),

coverage as (
    select
        {{ scope | join(', ') }},
        compared,
        intDiv(code, 2) as comparison_code,
        countIf(code % 2 = 0) as days_covered,
        countIf(code % 2 = 1) as previous_days_covered
    from covered
    array join {{ compared_dates('day') }} as compared
    array join {{ period_codes('compared - day') }} as code
    where ({{ scope | join(', ') }}, compared) in (select {{ scope | join(', ') }}, day from covered)
    group by {{ scope | join(', ') }}, compared, comparison_code
),

compared_rows as (
    select
        daily.*,
        compared,
        code
    from daily
    array join {{ compared_dates('day') }} as compared
    array join {{ period_codes('compared - day') }} as code
    where ({{ scope | join(', ') }}, compared) in (select {{ scope | join(', ') }}, day from covered)
),

sides as (
    select
        c.workspace as workspace,
        c.platform as platform,
        {% if levels %}{{ entity_columns('c', levels, 'day') }},{% endif %}
        {% if levels %}c.account_key as account_key,{% endif %}
        {% if levels | length > 1 %}c.{{ levels[-1] }}_key as {{ levels[-1] }}_key,{% endif %}
        max(c.day) as newest_day,
        c.compared as compared,
        intDiv(c.code, 2) as comparison_code,
        c.code % 2 as is_previous,
        {{ metric_sums('c') }}
    from compared_rows as c
    group by
        c.workspace,
        c.platform,
        {% for level in levels %}c.{{ level }}_id, c.{{ level }}_key, {% endfor %}
        c.compared,
        c.code
),

pairs as (
    select
        workspace,
        platform,
        {% for level in levels -%}
        {{ level }}_id,
        argMax({{ level }}_name, (newest_day, {{ level }}_name)) as {{ level }}_name,
        {% endfor -%}
        {% if levels %}account_key,{% endif %}
        {% if levels | length > 1 %}{{ levels[-1] }}_key,{% endif %}
        compared,
        comparison_code,
        countIf(not is_previous) > 0 as is_listed,
        countIf(is_previous) > 0 as was_listed,
        {% for sum in sums -%}
        minIf({{ sum }}, not is_previous) as {{ sum }}_now,
        minIf({{ sum }}, is_previous) as {{ sum }}_then,
        {% endfor -%}
        uniqExact(currency) > 1 as currencies_differ,
        if(currencies_differ, null, min(currency)) as one_currency,
        any(reporting_currency) as reported_in,
        max(is_provisional) as provisional
    from sides
    group by
        workspace,
        platform,
        {% for level in levels %}{{ level }}_id, {{ level }}_key, {% endfor %}
        compared,
        comparison_code
),

filled as (
    select
        p.workspace as workspace,
        p.platform as platform,
        {% for level in levels -%}
        p.{{ level }}_id as {{ level }}_id,
        p.{{ level }}_name as {{ level }}_name,
        {% endfor -%}
        p.compared as date,
        {{ comparisons().keys() | list }}[p.comparison_code + 1] as comparison,
        toUInt8(c.days_covered) as days_covered,
        toUInt8(c.previous_days_covered) as previous_days_covered,
        {% for sum in sums -%}
        if(
            p.is_listed or c.days_covered = 0 or p.{{ sum }}_then is null,
            p.{{ sum }}_now, p.{{ sum }}_then - p.{{ sum }}_then
        ) as {{ sum }},
        if(
            p.was_listed or c.previous_days_covered = 0 or p.{{ sum }}_now is null,
            p.{{ sum }}_then, p.{{ sum }}_now - p.{{ sum }}_now
        ) as {{ sum }}_previous,
        {% endfor -%}
        p.currencies_differ as currencies_differ,
        p.one_currency as currency,
        p.reported_in as reporting_currency,
        p.provisional as is_provisional
    from pairs as p
    inner join coverage as c
        on
            {% for key in scope %}p.{{ key }} = c.{{ key }} and {% endfor %}
            p.compared = c.compared
            and p.comparison_code = c.comparison_code
),

rated as (
    select
        *,
        {{ ratio_columns() }},
        {{ ratio_columns('reporting') }},
        {{ ratio_columns('account', '_previous') }},
        {{ ratio_columns('reporting', '_previous') }}
    from filled
)

select
    workspace,
    platform,
    {% for level in levels -%}
    {{ level }}_id,
    {{ level }}_name,
    {% endfor -%}
    date,
    cast(comparison as LowCardinality(String)) as comparison,
    days_covered,
    previous_days_covered,
    {% for metric in comparison_metrics() -%}
    {{ metric }},
    {{ metric }}_previous,
    if(
        days_covered != previous_days_covered
        {%- if metric in account_money + ['cpc', 'cpm', 'cpa', 'aov'] %} or currencies_differ{% endif %},
        null, {{ relative_change(metric, metric ~ '_previous') }}
    ) as {{ metric }}_change,
    {% endfor -%}
    cast(currency as LowCardinality(Nullable(String))) as currency,
    cast(reporting_currency as LowCardinality(String)) as reporting_currency,
    is_provisional
from rated
{%- endmacro %}

{# What is compared, in the order of the columns. #}
{% macro comparison_metrics() %}
    {{ return([
        'impressions', 'clicks', 'conversions', 'cost', 'conversion_value',
        'ctr', 'cvr', 'cpc', 'cpm', 'cpa', 'roas', 'roi', 'aov',
        'cost_reporting', 'conversion_value_reporting',
        'cpc_reporting', 'cpm_reporting', 'cpa_reporting', 'roas_reporting', 'roi_reporting', 'aov_reporting',
    ]) }}
{% endmacro %}

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
    {{ days_among(date, comparison_days() + 1, dates_and_following(comparison_days())) }}
{%- endmacro %}

{# `date` and the days after it, `width` in all, as an array: those of the slice or up to `before` days older, among `dates`,
   or all for None. The shorter list is the one that is looked through, for every row carries it. #}
{% macro days_among(date, width, dates, before=0) -%}
    {%- set first, last = slice_start() ~ ' - ' ~ before ~ ' - ' ~ date, slice_end() ~ ' - ' ~ date ~ ' + 1' -%}
    {%- set all = 'arrayMap(n -> ' ~ date ~ ' + n, range(greatest(' ~ first ~ ', 0), least(' ~ last ~ ', ' ~ width ~ ')))' -%}
    {%- if dates is none -%}
        {{ all }}
    {%- elif dates | length == 0 -%}
        cast([] as Array(Date))
    {%- elif dates | length < width -%}
        arrayFilter(
            among -> among between {{ date }} and {{ date }} + {{ width - 1 }}
            and among between {{ slice_start() }} - {{ before }} and {{ slice_end() }},
            cast(['{{ dates | join("', '") }}'] as Array(Date))
        )
    {%- else -%}
        arrayFilter(among -> {{ in_dates('among', dates) }}, {{ all }})
    {%- endif -%}
{%- endmacro %}

{# Days of each code's period, and how many days it ends before the date that is compared. #}
{% macro period_widths() %}
    {% set widths = [] %}
    {% for first, last in comparisons().values() | sum(start=[]) %}
        {% do widths.append(last - first + 1) %}
    {% endfor %}
    {{ return(widths) }}
{% endmacro %}
{% macro period_ends() %}
    {{ return(comparisons().values() | sum(start=[]) | map(attribute=0) | list) }}
{% endmacro %}

{# The periods that a daily row of `date` is summed in, as an array of (last day, number of days). Periods of one length
   and end are one, whatever they are compared with: 36 of a row in place of 74. #}
{% macro summed_periods(date) -%}
    {%- set rebuilt = dates_and_following(comparison_days()) -%}
    {%- set widths, before = period_widths(), period_ends() -%}
    arrayConcat(
        {%- for width in widths | unique %}
        {%- set ends = none if rebuilt is none else [] -%}
        {%- set ages = [] -%}
        {%- for code in range(widths | length) if widths[code] == width -%}
            {%- do ages.append(before[code]) -%}
            {%- for day in rebuilt or [] -%}
                {%- do ends.append((modules.datetime.date.fromisoformat(day)
                    - modules.datetime.timedelta(days=before[code])).isoformat()) -%}
            {%- endfor -%}
        {%- endfor %}
        arrayMap(
            period_end -> (period_end, toUInt8({{ width }})),
            {{ days_among(date, width, ends if ends is none else ends | unique | list, ages | max) }}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    )
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
    arrayFilter(
        (code, width, before) -> {{ age }} between before and before + width - 1,
        range({{ period_widths() | length }}), {{ period_widths() }}, {{ period_ends() }}
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
    where
        {{ only_compared_days('d.date') }}
        and d.date between {{ slice_start() }} - {{ comparison_days() }} and {{ slice_end() }}
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

-- An entity has one row a day, so a name has no rival that day: tuples to settle ties would take most memory.
summed as (
    select
        d.workspace as workspace,
        d.platform as platform,
        {% for level in levels -%}
        d.{{ level }}_id as {{ level }}_id,
        d.{{ level }}_key as {{ level }}_key,
        argMax(d.{{ level }}_name, d.day) as {{ level }}_name,
        {% endfor -%}
        max(d.day) as newest_day,
        period.1 as period_end,
        period.2 as period_days,
        {{ metric_sums('d', of='marts') }}
    from daily as d
    array join {{ summed_periods('d.day') }} as period
    group by
        d.workspace,
        d.platform,
        {% for level in levels %}d.{{ level }}_id, d.{{ level }}_key, {% endfor %}
        period_end,
        period_days
),

sides as (
    select
        s.*,
        s.period_end + {{ period_ends() }}[code + 1] as compared,
        intDiv(code, 2) as comparison_code,
        code % 2 as is_previous
    from summed as s
    array join arrayFilter(
        c -> {{ period_widths() }}[c + 1] = s.period_days, range({{ period_widths() | length }})
    ) as code
    where
        compared between {{ slice_start() }} and {{ slice_end() }}
        and {{ in_dates('compared', dates_and_following(comparison_days())) }}
        and ({{ scope | join(', ') }}, compared) in (select {{ scope | join(', ') }}, day from covered)
),

pairs as (
    select
        workspace,
        platform,
        {% for level in levels -%}
        {{ level }}_id,
        {{ level }}_key,
        argMax({{ level }}_name, newest_day) as {{ level }}_name,
        {% endfor -%}
        compared,
        comparison_code,
        countIf(not is_previous) > 0 as is_listed,
        countIf(is_previous) > 0 as was_listed,
        {% for sum in sums -%}
        minIf({{ sum }}, not is_previous) as {{ sum }}_now,
        minIf({{ sum }}, is_previous) as {{ sum }}_then,
        {% endfor -%}
        ifNull(min(currency) != max(currency), false) as currencies_differ,
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

{# A judged day and the 56 days before it, as arrays: element 57 is the day, 1 the same weekday eight weeks ago. #}

{# CTE `days`: the arrays of every judged day, nan where a day is unknown, and the units of money. Money is counted in
   event equivalents (cost in clicks, value in conversions), so that a count's variance applies; a campaign without
   clicks counts a hundred impressions as one. #}
{% macro judged_days() -%}
slices as (
    select
        h.series as series,
        h.first_day + position as day,
        h.is_part as is_part,
        {%- for metric in anomaly_volumes() + ['maturity'] %}
        arraySlice(h.{{ metric }}, position - 55, 57) as {{ metric }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_anomaly_histories') }} as h
    array join h.judged as position
    {{ window_settings() }}
),

days as (
    select
        c.*,
        arrayMap(m -> if(isNaN(m), 1., m), c.maturity) as seen,
        arrayWithConstant(57, 1.) as whole,
        {{ known_sum('c.cost') }} / if(
            {{ known_sum('c.clicks') }} > 0, {{ known_sum('c.clicks') }}, {{ known_sum('c.impressions') }} / 100
        ) as cost_unit,
        {{ known_sum('c.conversion_value') }} / {{ known_sum('c.conversions') }} as value_unit
    from slices as c
)
{%- endmacro %}

{# How many series are worked on at once: as many as hold some hundred days to judge. Each day takes its arrays along,
   and what the processor's cache holds is worked on in half the time. #}
{% macro window_settings() -%}
    {%- set dates = anomaly_dates() -%}
    settings max_block_size = {{ 16 if dates is none else [512 // ([dates | length, 1] | max), 16] | max }}
{%- endmacro %}

{# Sum over the 42 days before the day. #}
{% macro known_sum(array) -%}
    arraySum(v -> if(isNaN(v), 0., v), arraySlice({{ array }}, 15, 42))
{%- endmacro %}

{# Median of what is known in an array; `otherwise` where less than `least` is. Sorting puts nan last, and is twice as
   fast as an aggregate function over an array. #}
{% macro median_of(array, least=1, otherwise='nan') -%}
    {%- set known = 'arrayCount(v -> not isNaN(v), sorted)' -%}
    arrayMap(
        sorted -> if(
            {{ known }} >= {{ least }},
            (sorted[intDiv({{ known }} + 1, 2)] + sorted[intDiv({{ known }}, 2) + 1]) / 2,
            {{ otherwise }}
        ),
        [arraySort({{ array }})]
    )[1]
{%- endmacro %}

{# The point nearest to a count of the band that two expectations span. #}
{% macro nearest_of(one, other, events) -%}
    greatest(least({{ events }}, greatest({{ one }}, {{ other }})), least({{ one }}, {{ other }}))
{%- endmacro %}

{# Impressions tell of volume first, for they are most; clicks and spend where there are none. #}
{% macro leading_rank(metric) -%}
    indexOf(['impressions', 'clicks', 'cost'], {{ metric }})
{%- endmacro %}

{# The sums of six weeks that end before the last `span` days, the newest first, from running sums. #}
{% macro weekly_sums(until, span) -%}
    [
        {%- for week in range(6) %}
        {{ until }}[{{ 57 - span - 7 * week }}] - {{ until }}[{{ 50 - span - 7 * week }}]{{ ',' if not loop.last }}
        {%- endfor %}
    ]
{%- endmacro %}

{# The sum of six weeks of `k` without the best and the worst of them, where five are known. #}
{% macro steady_sum(sums, span) -%}
    (
        arraySum({{ sums }}_{{ span }})
        - if(
            k.weeks_{{ span }} >= 5,
            {{ sums }}_{{ span }}[k.ranks_{{ span }}[1]]
            + {{ sums }}_{{ span }}[k.ranks_{{ span }}[k.weeks_{{ span }}]],
            0.
        )
    )
{%- endmacro %}

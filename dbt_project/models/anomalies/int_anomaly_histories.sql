{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    contract={'enforced': false}
) }}

-- RF02 and RF03 take the arguments of lambdas, the parts of tuples and nan for columns; ST03 does not see
-- what only a run of one day uses.
-- noqa: disable=RF02,RF03,ST03
-- Every series of the run as arrays of days, nan where a day is unknown, and the positions to judge. A judged
-- day then is a slice: itself and the 56 days before it, whatever else the run reads. Scratch; but a run of
-- one day takes up the arrays of the run of the day before, and adds to them, unless a day has changed since.
{%- set values = anomaly_volumes() + ['maturity'] %}
{%- set day = day_that_carries_on(values) %}
{%- set judged = anomaly_dates() %}
with first_days as (
    select toInt32(min(i.day)) - 56 as first_day
    from {{ ref('int_anomaly_series') }} as i
    where {{ only_anomaly_dates('i.date') }}
),

{% if day -%}
carried as (
    select
        h.series as series,
        h.is_part as is_part,
        toInt32(toDate('{{ day }}')) - 56 as first_day,
        {%- for value in values %}
        arrayPushBack(arraySlice(h.{{ value }}, -56), toFloat64(coalesce(s.{{ value }}, nan))) as {{ value }},
        {%- endfor %}
        [toInt32(56)] as judged
    from {{ this }} as h
    inner join {{ ref('int_anomaly_series') }} as s on h.series = s.series
    where
        s.date = '{{ day }}'
        and not s.is_missing
        and h.first_day + length(h.maturity) = toInt32(toDate('{{ day }}'))
        and h.made_of = {{ days_content(day, 56, 1) }}
),

{% endif -%}
known as (
    select
        s.series as series,
        {{ is_part('any(s.entity_type)') }} as is_part,
        groupArray(s.day) as days,
        {%- for value in values %}
        groupArray(toFloat64(coalesce(s.{{ value }}, nan))) as known_{{ value }},
        {%- endfor %}
        groupArrayIf(s.day, {{ only_anomaly_dates('s.date') }}) as judged_days
    from {{ ref('int_anomaly_series') }} as s
    where
        not s.is_missing
        {%- if day %}
        and s.series not in (select c.series from carried as c)
        {%- endif %}
        and {{ with_history('s.date', 56) }}
    group by s.series
    having judged_days != []
),

placed as (
    select
        k.*,
        f.first_day as first_day,
        arrayMap(
            day -> indexOf(k.days, toInt32(day)),
            range(toUInt32(f.first_day), toUInt32(arrayMax(k.judged_days) + 1))
        ) as places
    from known as k
    cross join first_days as f
),

histories as (
    select
        p.series as series,
        p.is_part as is_part,
        p.first_day as first_day,
        {%- for value in values %}
        arrayMap(place -> if(place = 0, nan, p.known_{{ value }}[place]), p.places) as {{ value }},
        {%- endfor %}
        arrayMap(judged_day -> judged_day - p.first_day, p.judged_days) as judged
    from placed as p
    {%- if day %}
    union all
    select c.*
    from carried as c
    {%- endif %}
)

select
    h.*,
    {{ days_content(judged | last, 55, 0) if judged else 'toUInt64(0)' }} as made_of
from histories as h

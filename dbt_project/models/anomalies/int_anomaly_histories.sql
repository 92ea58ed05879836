{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['series'],
    contract={'enforced': false}
) }}

-- RF02 and RF03 take the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- Every series of the run as arrays of days, nan where a day is unknown, and the positions to judge. A judged
-- day then is a slice: itself and the 56 days before it, whatever else the run reads. Scratch.
with first_days as (
    select toInt32(min(i.day)) - 56 as first_day
    from {{ ref('int_anomaly_series') }} as i
    where {{ only_anomaly_dates('i.date') }}
),

known as (
    select
        s.series as series,
        {{ is_part('any(s.entity_type)') }} as is_part,
        groupArray(s.day) as days, -- noqa: RF02
        {%- for metric in anomaly_volumes() + ['maturity'] %}
        groupArray(toFloat64(coalesce(s.{{ metric }}, nan))) as known_{{ metric }},
        {%- endfor %}
        groupArrayIf(s.day, {{ only_anomaly_dates('s.date') }}) as judged_days -- noqa: RF02
    from {{ ref('int_anomaly_series') }} as s
    where not s.is_missing and {{ with_history('s.date', 56) }}
    group by s.series
    having judged_days != []
),

placed as (
    select
        k.*,
        f.first_day as first_day,
        arrayMap(
            day -> indexOf(k.days, toInt32(day)), -- noqa: RF02
            range(toUInt32(f.first_day), toUInt32(arrayMax(k.judged_days) + 1))
        ) as places
    from known as k
    cross join first_days as f
)

select
    p.series as series,
    p.is_part as is_part,
    p.first_day as first_day,
    {%- for metric in anomaly_volumes() + ['maturity'] %}
    arrayMap(place -> if(place = 0, nan, p.known_{{ metric }}[place]), p.places) as {{ metric }},
    {%- endfor %}
    arrayMap(judged_day -> judged_day - p.first_day, p.judged_days) as judged
from placed as p

{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['series'],
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- Every series of the run as arrays of days, nan where a day is unknown, and the positions to judge. A judged
-- day then is a slice: itself and the 56 days before it, whatever else the run reads. Scratch.
with first_days as (
    select toInt32(min(i.day)) - 56 as first_day
    from {{ ref('int_anomaly_series') }} as i
)

select
    s.series as series,
    any(f.first_day) as first_day,
    {%- for metric in anomaly_volumes() + ['maturity'] %}
    groupArrayInsertAt(nan)( -- noqa: LT01, RF02
        toFloat64(coalesce(s.{{ metric }}, nan)), -- noqa: RF02
        toUInt32(s.day - f.first_day)
    ) as {{ metric }},
    {%- endfor %}
    groupArrayIf(toInt32(s.day - f.first_day), {{ only_anomaly_dates('s.date') }}) as judged
from {{ ref('int_anomaly_series') }} as s
cross join first_days as f
where not s.is_missing
group by s.series
having judged != []

{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace', 'platform', 'date'],
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- Which share of a day's final conversions exports see at each age, learned for every platform and day to
-- judge from the 28 days before it; no row where they taught nothing. Scratch.
-- One grain of an account and day, the one that was exported most often.
with account_days as (
    select
        any(e.workspace) as workspace,
        any(e.platform) as platform,
        cityHash64(e.workspace, e.platform, e.account_id) as account,
        e.date as date,
        arraySort(
            groupArray((e.age, greatest(assumeNotNull(toFloat64(e.conversions)), 0), toFloat64(e.clicks)))
        ) as sights,
        max(e.age) as last_age
    from {{ ref('int_export_conversions') }} as e
    where {{ with_history('e.date', maturity_days()) }} and e.conversions is not null
    group by account, e.grain, e.date
    having count() > 1
    order by count() desc, e.grain asc
    limit 1 by account, e.date
),

-- A day is final when it is as old as the days of its account become: some are exported for three days, some
-- for thirty.
judged as (
    select
        d.*,
        d.date + days_after as judged_date,
        d.sights[-1] as newest,
        max(d.last_age) over (partition by d.account, judged_date) as final_age
    from account_days as d
    array join arrayFilter(
        days -> {{ only_anomaly_dates('(d.date + days)') }}, range(1, {{ maturity_days() + 1 }})
    ) as days_after
),

-- Conversions that were seen, and those that were due: of all that are there in the end, for as many clicks
-- as were seen. What comes with its clicks is a late row or a correction of everything, and not late itself.
settled as (
    select
        j.workspace as workspace,
        j.platform as platform,
        j.judged_date as judged_date,
        j.date as date,
        sight.1 as age,
        sum(sight.2) as seen,
        sum(
            j.newest.2
            * coalesce(sight.3 / nullIf(j.newest.3, 0), 1)
            / {{ default_maturity() }}[toUInt32(j.final_age) + 1]
        ) as due
    from judged as j
    array join arrayPopBack(j.sights) as sight
    where j.last_age = j.final_age
    group by j.workspace, j.platform, j.judged_date, j.date, age
    having due > 0
),

-- The median day says what is usual; days that are farther from it than chance allows count as if they were
-- at the edge of that.
middles as (
    select
        s.workspace as workspace,
        s.platform as platform,
        s.judged_date as judged_date,
        s.age as age,
        medianExactWeighted(least(s.seen / s.due, 1), toUInt64(ceil(s.due))) as middle,
        groupArray((s.seen, s.due)) as sums,
        sum(s.due) as all_due
    from settled as s
    group by s.workspace, s.platform, s.judged_date, s.age
    having count() >= {{ least_settled_days() }}
),

shares as (
    select
        m.workspace as workspace,
        m.platform as platform,
        m.judged_date as judged_date,
        m.age as age,
        m.all_due as all_due,
        length(m.sums) as settled_days,
        {%- set edge = '2 * sqrt(s.2 * m.middle * (1 - m.middle) + 1) + 0.05 * s.2' %}
        arraySum(
            s -> greatest(
                least(s.1, s.2, s.2 * m.middle + {{ edge }}),
                s.2 * m.middle - ({{ edge }})
            ),
            m.sums
        ) as usually_seen,
        (usually_seen + {{ default_conversions() }} * {{ default_maturity() }}[toUInt32(m.age) + 1])
        / (m.all_due + {{ default_conversions() }}) as share
    from middles as m
),

learned as (
    select
        a.workspace as workspace,
        a.platform as platform,
        a.judged_date as date,
        max(a.settled_days) as settled_days,
        max(a.all_due) as conversions,
        groupArray(a.age) as ages,
        groupArray(a.share) as age_shares,
        arrayMap(
            (usual, age) -> if(has(ages, age), age_shares[indexOf(ages, age)], usual),
            {{ default_maturity() }},
            range({{ final_age() + 1 }})
        ) as free_curve
    from shares as a
    group by a.workspace, a.platform, a.judged_date
)

-- An age that was not seen sees no more than the next that was.
select
    l.workspace as workspace,
    l.platform as platform,
    l.date as date,
    arrayMap(
        position -> round(greatest(arrayMin(arraySlice(l.free_curve, position)), 0.1), 4),
        range(1, {{ final_age() + 2 }})
    ) as curve,
    toUInt16(l.settled_days) as settled_days,
    round(l.conversions, 1) as conversions
from learned as l

{{ config(order_by=['workspace', 'currency']) }}

-- Parameters of lambdas look like unqualified columns to the linter.
-- noqa: disable=RF03

-- The rate by which each account currency of a workspace and day is turned into the reporting currency. A
-- rate stands on its day and, while no newer one comes, on the days after, up to the limit; of one day,
-- the workspace's own file comes before the seed. A pair is crossed over a base that has a rate for both
-- (EUR in the ECB's files).
with money as (
    select distinct
        s.workspace as workspace,
        s.date as date,
        assumeNotNull(toString(s.currency)) as currency
    from {{ ref('stg_ad_performance') }} as s
    where
        {{ only_build_dates('s.date') }}
        and s.currency is not null
        and (s.cost is not null or s.conversion_value is not null)
),

-- Budgets may be in a currency that no account has.
budgeted as (
    select
        b.workspace as workspace,
        groupUniqArray({{ currency_code('b.currency') }}) as currencies
    from {{ ref('budgets') }} as b
    where b.currency != ''
    group by b.workspace
),

needed as (
    select distinct
        m.workspace as workspace,
        m.date as date,
        arrayJoin(arrayConcat([m.currency], g.currencies)) as currency,
        {{ reporting_currency_of('w') }} as reporting_currency
    from money as m
    left join budgeted as g on m.workspace = g.workspace
    left join {{ ref('workspaces') }} as w on m.workspace = w.workspace
),

legs as (
    select
        n.*,
        arrayJoin([n.currency, n.reporting_currency]) as leg
    from needed as n
),

-- Everything below reads its input once: the engine computes what is named in `with` anew for every
-- reference, and a day of one currency took seconds by self-joins.
in_effect as (
    select
        toString(f.workspace) as workspace,
        toString(f.currency) as currency,
        f.on_date as on_date,
        toString(f.base) as base,
        toDecimal128(f.rate, 12) as rate,
        f.rate_date as rate_date,
        'file' as origin
    from {{ source('ops', 'fx_rates_in_effect') }} as f
    where f.age <= {{ var('fx_max_age_days') }} and {{ only_build_dates('f.on_date') }}
    union all
    select
        '' as workspace,
        s.currency as currency,
        s.on_date as on_date,
        'EUR' as base,
        s.rate as rate,
        s.rate_date as rate_date,
        'seed' as origin
    from (
        select
            {{ currency_code('f.currency') }} as currency,
            f.date + arrayJoin(range({{ var('fx_max_age_days') }} + 1)) as on_date,
            toDecimal128(f.units_per_eur, 12) as rate,
            f.date as rate_date
        from {{ ref('fx_rates') }} as f
        where f.units_per_eur > 0
    ) as s
    where {{ only_build_dates('s.on_date') }}
),

found as (
    select
        l.workspace as workspace,
        l.date as date,
        l.currency as currency,
        l.reporting_currency as reporting_currency,
        groupArrayIf(
            (
                l.leg, assumeNotNull(e.base), assumeNotNull(e.rate), assumeNotNull(e.rate_date),
                assumeNotNull(e.origin)
            ),
            -- no other workspace's file counts
            l.currency != l.reporting_currency and coalesce(e.workspace in ('', l.workspace), false)
        ) as rates
    from legs as l
    left join in_effect as e on l.date = e.on_date and l.leg = e.currency
    group by l.workspace, l.date, l.currency, l.reporting_currency
),

-- Of a leg and base the newest rate stands, of one day the file's: the first of each when they are sorted so.
standing as (
    select
        f.*,
        arraySort(r -> (r.1, r.2, -toInt32(r.4), r.5 = 'seed'), f.rates) as sorted,
        ('', '', toDecimal128(0, 12), toDate(0), '') as nobody,
        arrayFilter(
            (r, before) -> (r.1, r.2) != (before.1, before.2),
            sorted,
            arrayPopBack(arrayPushFront(sorted, nobody))
        ) as rates_that_stand
    from found as f
),

paired as (
    select
        s.*,
        -- a currency is one unit of itself
        arrayConcat(
            s.rates_that_stand,
            arrayMap(c -> (c, c, toDecimal128(1, 12), s.date, 'file'), [s.currency, s.reporting_currency])
        ) as known,
        arrayFlatten(
            arrayMap(
                a -> arrayMap(
                    r -> (
                        r.3, a.3, a.2, least(a.4, r.4), if(a.5 = 'seed' or r.5 = 'seed', 'seed', 'file')
                    ),
                    arrayFilter(r -> r.1 = s.reporting_currency and r.2 = a.2, known)
                ),
                arrayFilter(a -> a.1 = s.currency and s.currency != s.reporting_currency, known)
            )
        ) as pairs,
        arraySort(p -> (-toInt32(p.4), p.5 = 'seed', p.3 != 'EUR', p.3), pairs)[1] as pair,
        arrayFilter(r -> r.5 = 'file', s.rates_that_stand) as own
    from standing as s
)

select
    cast(n.workspace as LowCardinality(String)) as workspace,
    n.date as date,
    cast(n.currency as LowCardinality(String)) as currency,
    cast(n.reporting_currency as LowCardinality(String)) as reporting_currency,
    cast(
        multiIf(n.currency = n.reporting_currency, 1, n.pair.1 > 0, n.pair.1, null)
        as Nullable(Decimal(38, 12))
    ) as units,
    cast(
        multiIf(n.currency = n.reporting_currency, 1, n.pair.2 > 0, n.pair.2, null)
        as Nullable(Decimal(38, 12))
    ) as per,
    cast(
        multiIf(n.currency = n.reporting_currency, n.currency, n.pair.1 > 0, n.pair.3, null)
        as Nullable(String)
    ) as base,
    cast(multiIf(n.currency = n.reporting_currency, n.date, n.pair.1 > 0, n.pair.4, null) as Nullable(Date))
        as rate_date,
    cast(
        multiIf(n.currency = n.reporting_currency, 'same', n.pair.1 > 0, n.pair.5, 'none')
        as LowCardinality(String)
    ) as origin,
    toUInt8({{ var('fx_max_age_days') }}) as max_age_days,
    -- of the file's rates that stand; include/landing/rates.py compares it with what it would be now
    arrayReduce('groupBitXor', arrayMap(r -> cityHash64(r.1, r.2, toString(r.3), r.4), n.own)) as own_rates
from paired as n

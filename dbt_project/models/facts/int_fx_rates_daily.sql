{{ config(order_by=['workspace', 'currency']) }}

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
currencies as (
    select *
    from money
    union distinct
    select distinct
        m.workspace as workspace,
        m.date as date,
        toString(b.currency) as currency
    from money as m
    inner join {{ ref('budgets') }} as b on m.workspace = b.workspace
    where b.currency != ''
),

needed as (
    select
        c.*,
        coalesce(nullIf(toString(w.reporting_currency), ''), 'USD') as reporting_currency
    from currencies as c
    left join {{ ref('workspaces') }} as w on c.workspace = w.workspace
),

legs as (
    select
        n.*,
        arrayJoin([n.currency, n.reporting_currency]) as leg
    from needed as n
    where n.currency != n.reporting_currency
),

seed_in_effect as (
    select
        f.currency as currency,
        f.date + arrayJoin(range({{ var('fx_max_age_days') }} + 1)) as on_date,
        f.date as rate_date,
        toDecimal128(f.units_per_eur, 12) as rate
    from {{ ref('fx_rates') }} as f
    where f.units_per_eur > 0 and on_date in (select x.date from legs as x)
),

own_in_effect as (
    select *
    from {{ source('ops', 'fx_rates_in_effect') }}
    where
        (workspace, currency) in (
            select
                x.workspace,
                x.leg
            from legs as x
        )
        and on_date in (select x.date from legs as x)
        and age <= {{ var('fx_max_age_days') }}
),

own as (
    select
        l.workspace as workspace,
        l.date as date,
        l.currency as currency,
        l.leg as leg,
        toString(e.base) as base,
        argMin(e.rate, e.age) as rate,
        argMin(e.rate_date, e.age) as rate_date
    from legs as l
    inner join own_in_effect as e on l.workspace = e.workspace and l.leg = e.currency and l.date = e.on_date
    group by l.workspace, l.date, l.currency, l.leg, e.base
),

seeded as (
    select
        l.workspace as workspace,
        l.date as date,
        l.currency as currency,
        l.leg as leg,
        'EUR' as base,
        argMax(e.rate, e.rate_date) as rate,
        max(e.rate_date) as rate_date
    from legs as l
    inner join seed_in_effect as e on l.leg = e.currency and l.date = e.on_date
    group by l.workspace, l.date, l.currency, l.leg
),

-- Of the file's and the seed's rate of a currency the newer one stands.
own_standing as (
    select o.*
    from own as o
    left join seeded as s
        on
            o.workspace = s.workspace and o.date = s.date and o.currency = s.currency and o.leg = s.leg
            and o.base = s.base
    where s.rate_date <= o.rate_date
),

known as (
    select
        o.*,
        'file' as origin
    from own_standing as o
    union all
    select
        s.*,
        'seed' as origin
    from seeded as s
    where (s.workspace, s.date, s.currency, s.leg, s.base) not in (
        select
            o.workspace,
            o.date,
            o.currency,
            o.leg,
            o.base
        from own_standing as o
    )
    union all
    -- A currency is one unit of itself.
    select
        l.workspace as workspace,
        l.date as date,
        l.currency as currency,
        l.leg as leg,
        l.leg as base,
        toDecimal128(1, 12) as rate,
        l.date as rate_date,
        'file' as origin
    from legs as l
),

pairs as (
    select
        a.workspace as workspace,
        a.date as date,
        a.currency as currency,
        a.base as base,
        r.rate as units,
        a.rate as per,
        least(a.rate_date, r.rate_date) as rate_date,
        if(a.origin = 'seed' or r.origin = 'seed', 'seed', 'file') as origin
    from known as a
    inner join known as r
        on
            a.workspace = r.workspace and a.date = r.date and a.currency = r.currency and a.base = r.base
    where a.leg = a.currency and r.leg != r.currency
),

best as (
    select
        p.workspace as workspace,
        p.date as date,
        p.currency as currency,
        argMin(
            (p.units, p.per, p.base, p.rate_date, p.origin),
            (-toInt32(p.rate_date), p.origin = 'seed', p.base != 'EUR', p.base)
        ) as pair
    from pairs as p
    group by p.workspace, p.date, p.currency
),

fingerprints as (
    select
        o.workspace as workspace,
        o.date as date,
        o.currency as currency,
        groupBitXor(cityHash64(o.leg, o.base, toString(o.rate), o.rate_date)) as own_rates
    from own_standing as o
    group by o.workspace, o.date, o.currency
)

select
    cast(n.workspace as LowCardinality(String)) as workspace,
    n.date as date,
    cast(n.currency as LowCardinality(String)) as currency,
    cast(n.reporting_currency as LowCardinality(String)) as reporting_currency,
    cast(
        multiIf(n.currency = n.reporting_currency, 1, b.pair.1 > 0, b.pair.1, null)
        as Nullable(Decimal(38, 12))
    ) as units,
    cast(
        multiIf(n.currency = n.reporting_currency, 1, b.pair.2 > 0, b.pair.2, null)
        as Nullable(Decimal(38, 12))
    ) as per,
    cast(
        multiIf(n.currency = n.reporting_currency, n.currency, b.pair.1 > 0, b.pair.3, null)
        as Nullable(String)
    ) as base,
    cast(multiIf(n.currency = n.reporting_currency, n.date, b.pair.1 > 0, b.pair.4, null) as Nullable(Date))
        as rate_date,
    cast(
        multiIf(n.currency = n.reporting_currency, 'same', b.pair.1 > 0, b.pair.5, 'none')
        as LowCardinality(String)
    ) as origin,
    toUInt8({{ var('fx_max_age_days') }}) as max_age_days,
    f.own_rates as own_rates
from needed as n
left join best as b on n.workspace = b.workspace and n.date = b.date and n.currency = b.currency
left join fingerprints as f on n.workspace = f.workspace and n.date = f.date and n.currency = f.currency

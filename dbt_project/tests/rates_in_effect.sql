-- Rule 4: a rate is of its day or of one of the days before, up to the limit; none is missing that a file of the
-- workspace or the seed has; and no other workspace's file counts.
with rated as (
    select *
    from {{ ref('int_fx_rates_daily') }}
    where {{ only_tested_dates('date') }} and currency != reporting_currency
),

known as (
    select
        workspace,
        concat(toString(currency), toString(on_date)) as currency_day
    from {{ source('ops', 'fx_rates_in_effect') }}
    where base = 'EUR' and age <= {{ var('fx_max_age_days') }} and on_date in (select r.date from rated as r)
    union all
    select
        w.workspace as workspace,
        concat({{ currency_code('f.currency') }}, toString(f.date + f.age)) as currency_day
    from (
        select
            s.currency,
            s.date,
            arrayJoin(range({{ var('fx_max_age_days') }} + 1)) as age
        from {{ ref('fx_rates') }} as s
    ) as f
    cross join (select distinct r.workspace from rated as r) as w
    where f.date + f.age in (select r.date from rated as r)
)

select r.*
from rated as r
where
    r.rate_date > r.date
    or r.rate_date < r.date - {{ var('fx_max_age_days') }}
    or (r.units is null) != (r.per is null)
    or r.units <= 0
    or r.per <= 0
    or (
        r.units is null
        {% for leg in ('currency', 'reporting_currency') %}
        and (
            r.{{ leg }} = 'EUR'
            or (r.workspace, concat(toString(r.{{ leg }}), toString(r.date))) in (
                select k.workspace, k.currency_day from known as k
            )
        )
        {% endfor %}
    )
    or (
        r.origin = 'file' and r.base = 'EUR'
        and arrayExists(
            leg -> leg != 'EUR' and (r.workspace, concat(leg, toString(r.date))) not in (
                select
                    e.workspace,
                    concat(toString(e.currency), toString(e.on_date))
                from {{ source('ops', 'fx_rates_in_effect') }} as e
                where e.base = 'EUR' and e.on_date in (select x.date from rated as x)
            ),
            [toString(r.currency), toString(r.reporting_currency)]
        )
    )

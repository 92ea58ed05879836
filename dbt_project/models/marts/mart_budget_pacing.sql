{{ config(
    partition_by='month',
    order_by=['workspace', 'platform', 'account_id', 'campaign_id'],
    meta={'looks_back': pacing_days()}
) }}

{% set z = 1.2816 %} {# an interval that holds 8 of 10 months #}
{% set tolerance = 0.05 %}

with budgets as (
    select
        b.workspace as workspace,
        b.platform as platform,
        b.account_id as account_id,
        b.campaign_id as campaign_id,
        toStartOfMonth(b.month) as month,
        toLastDayOfMonth(b.month) as last_day,
        b.budget as budget,
        {{ currency_code('b.currency') }} as budget_currency
    from {{ ref('budgets') }} as b
    where {{ only_build_periods('toStartOfMonth(b.month)', 'month', pacing_days()) }}
),

account_days as (
    select
        b.*,
        coalesce(a.account_id, a.account_name, '') as account_key,
        a.account_name as name,
        a.date as date,
        a.cost as cost,
        a.currency as account_currency,
        a.is_provisional as provisional
    from budgets as b
    inner join {{ ref('mart_account_daily') }} as a on b.workspace = a.workspace
    where
        b.campaign_id = ''
        and b.platform in ('', a.platform)
        and b.account_id in ('', coalesce(a.account_id, a.account_name, ''))
        and a.date between b.month - {{ pacing_days() }} and b.last_day
        and {{ only_pacing_days('a.date') }}
),

-- An account's day without the campaign is a day on which it spent nothing.
campaign_days as (
    select
        b.workspace as workspace,
        b.platform as platform,
        b.account_id as account_id,
        b.campaign_id as campaign_id,
        b.month as month,
        b.last_day as last_day,
        b.budget as budget,
        b.budget_currency as budget_currency,
        coalesce(c.account_id, c.account_name, '') as account_key,
        maxIf(c.campaign_name, coalesce(c.campaign_id, c.campaign_name) = b.campaign_id) as name,
        c.date as date,
        if(
            countIf(coalesce(c.campaign_id, c.campaign_name) = b.campaign_id) = 0, toDecimal128(0, 6),
            sumIf(c.cost, coalesce(c.campaign_id, c.campaign_name) = b.campaign_id)
        ) as cost,
        coalesce(
            minIf(c.currency, coalesce(c.campaign_id, c.campaign_name) = b.campaign_id), min(c.currency)
        ) as account_currency,
        maxIf(c.is_provisional, coalesce(c.campaign_id, c.campaign_name) = b.campaign_id) as provisional,
        countIf(coalesce(c.campaign_id, c.campaign_name) = b.campaign_id) as campaign_rows
    from budgets as b
    inner join {{ ref('mart_campaign_daily') }} as c on b.workspace = c.workspace
    where
        b.campaign_id != ''
        and b.platform in ('', c.platform)
        and b.account_id in ('', coalesce(c.account_id, c.account_name, ''))
        and c.date between b.month - {{ pacing_days() }} and b.last_day
        and {{ only_pacing_days('c.date') }}
    group by
        b.workspace,
        b.platform,
        b.account_id,
        b.campaign_id,
        b.month,
        b.last_day,
        b.budget,
        b.budget_currency,
        c.platform,
        c.account_id,
        c.account_name,
        c.date
),

days as (
    select
        workspace,
        platform,
        account_id,
        campaign_id,
        month,
        last_day,
        budget,
        budget_currency,
        account_key,
        name,
        date,
        cost,
        account_currency,
        provisional
    from account_days
    union all
    select
        workspace,
        platform,
        account_id,
        campaign_id,
        month,
        last_day,
        budget,
        budget_currency,
        account_key,
        name,
        date,
        cost,
        account_currency,
        provisional
    from campaign_days
    where
        (workspace, platform, account_id, campaign_id, month, account_key) in (
            select
                with_campaign.workspace,
                with_campaign.platform,
                with_campaign.account_id,
                with_campaign.campaign_id,
                with_campaign.month,
                with_campaign.account_key
            from campaign_days as with_campaign
            where with_campaign.campaign_rows > 0
        )
),

in_budget_currency as (
    select
        s.workspace as workspace,
        s.platform as platform,
        s.account_id as account_id,
        s.campaign_id as campaign_id,
        s.month as month,
        s.last_day as last_day,
        s.budget as budget,
        s.budget_currency as budget_currency,
        s.account_key as account_key,
        s.name as name,
        s.date as date,
        s.cost as cost,
        s.provisional as provisional,
        -- Into the workspace's reporting currency and out of it again.
        if(
            s.account_currency = s.budget_currency,
            s.cost,
            cast(
                round(toDecimal256(s.cost, 6) * a.units / a.per * b.per / b.units, 6)
                as Nullable(Decimal(38, 6))
            )
        ) as spend
    from days as s
    left join {{ ref('int_fx_rates_daily') }} as a
        on s.workspace = a.workspace and s.account_currency = a.currency and s.date = a.date
    left join {{ ref('int_fx_rates_daily') }} as b
        on s.workspace = b.workspace and s.budget_currency = b.currency and s.date = b.date
),

newest_days as (
    select
        workspace,
        platform,
        account_id,
        campaign_id,
        month,
        max(date) as as_of
    from in_budget_currency
    where date >= month
    group by workspace, platform, account_id, campaign_id, month
),

-- Since when the workspace has data: an account that comes later spent nothing before.
workspaces as (
    select
        a.workspace as workspace,
        min(a.date) as first_day
    from {{ ref('mart_account_daily') }} as a
    where {{ only_pacing_days('a.date') }}
    group by a.workspace
),

-- One row an account of the budget, its days as arrays of (date, spend) in order of time.
accounts as (
    select
        d.workspace as workspace,
        d.platform as platform,
        d.account_id as account_id,
        d.campaign_id as campaign_id,
        d.month as month,
        d.account_key as account_key,
        any(d.last_day) as end_of_month,
        any(d.budget) as amount,
        any(d.budget_currency) as currency_of_budget,
        any(n.as_of) as newest_day,
        any(w.first_day) as first_day,
        min(d.date) as first_account_day,
        max(d.date) as last_account_day,
        argMax(d.name, (d.date, coalesce(d.name, ''))) as newest_name,
        sumIf(d.spend, d.date >= d.month) as spend_in_month,
        countIf(d.date >= d.month and d.cost is not null and d.spend is null) as days_without_rate,
        maxIf(d.provisional, d.date >= d.month) as is_provisional,
        arraySort(
            groupArrayIf((d.date, toFloat64(assumeNotNull(d.spend))), d.spend is not null)
        ) as known_days
    from in_budget_currency as d
    inner join newest_days as n
        on
            d.workspace = n.workspace
            and d.platform = n.platform
            and d.account_id = n.account_id
            and d.campaign_id = n.campaign_id
            and d.month = n.month
    inner join workspaces as w on d.workspace = w.workspace
    where d.date <= n.as_of
    group by d.workspace, d.platform, d.account_id, d.campaign_id, d.month, d.account_key
),

spans as (
    select
        *,
        arrayFilter(day -> day.1 > newest_day - {{ pacing_days() }}, known_days) as recent,
        arrayMap(age -> month + age, range(toUInt32(end_of_month - month + 1))) as month_days,
        arrayFilter(
            day -> not has(known_days.1, day) and (day < first_day or day > first_account_day), month_days
        ) as unknown_days
    from accounts
),

-- What a weekday costs: the mean of its days of the last four weeks, each week counting twice the one before;
-- of a weekday not seen, the mean of all. After seven days without spend, or seven for which only other
-- accounts of the budget have data: nothing.
weekdays as (
    select
        *,
        arrayMap(day -> exp2(-intDiv(newest_day - day.1, 7)), recent) as weights,
        arraySum(arrayMap((day, weight) -> day.2 * weight, recent, weights))
        / nullIf(arraySum(weights), 0) as mean_day,
        arrayMap(
            weekday -> arraySum(
                (day, weight) -> if(toDayOfWeek(day.1) = weekday, weight, 0), recent, weights
            ), range(1, 8)
        ) as weekday_weights,
        arrayMap(
            weekday -> arraySum(
                (day, weight) -> if(toDayOfWeek(day.1) = weekday, weight * weight, 0), recent, weights
            ), range(1, 8)
        ) as weekday_squares,
        newest_day - last_account_day >= 7
        or length(recent) >= 7 and arraySum(arrayMap(day -> day.2, arraySlice(recent, -7))) = 0 as is_idle,
        arrayMap(
            weekday -> if(
                is_idle, 0,
                coalesce(
                    arraySum(
                        (day, weight) -> if(toDayOfWeek(day.1) = weekday, day.2 * weight, 0), recent, weights
                    ) / nullIf(weekday_weights[weekday], 0),
                    coalesce(mean_day, 0)
                )
            ), range(1, 8)
        ) as weekday_spend
    from spans
),

projections as (
    select
        *,
        arraySum(day -> weekday_spend[toDayOfWeek(day)], unknown_days) as spend_to_come,
        arraySum(day -> weekday_spend[toDayOfWeek(day)], month_days) as month_weight,
        arraySum(
            day -> weekday_spend[toDayOfWeek(day)], arrayFilter(day -> day <= newest_day, month_days)
        ) as elapsed_weight,
        toInt64(length(recent)) - toInt64(arrayCount(weight -> weight > 0, weekday_weights)) as freedom,
        -- variance of a day about its weekday, then of the sum of the days to come: each day's own, and what
        -- the weekday's mean is uncertain by, which its days share
        arraySum(day -> pow(day.2 - weekday_spend[toDayOfWeek(day.1)], 2), recent)
        / if(freedom < 3, null, freedom) as day_variance,
        multiIf(
            unknown_days = [] or is_idle, 0.,
            day_variance * (
                length(unknown_days) + arraySum(
                    weekday -> pow(arrayCount(day -> toDayOfWeek(day) = weekday, unknown_days), 2)
                    * if(
                        weekday_weights[weekday] = 0, 1,
                        weekday_squares[weekday] / pow(weekday_weights[weekday], 2)
                    ), range(1, 8)
                )
            )
        ) as variance
    from weekdays
),

sums as (
    select
        workspace,
        platform,
        account_id,
        campaign_id,
        month,
        any(end_of_month) as last_day,
        any(amount) as budget,
        any(currency_of_budget) as budget_currency,
        any(newest_day) as as_of,
        argMax(newest_name, (coalesce(spend_in_month, 0), coalesce(newest_name, ''))) as name,
        if(sum(days_without_rate) > 0, null, sum(spend_in_month)) as spend,
        sum(length(recent)) as days_known,
        max(is_provisional) as provisional,
        {{ ordered_sum('spend_to_come') }} as to_come,
        {{ ordered_sum('month_weight') }} as whole_weight,
        {{ ordered_sum('elapsed_weight') }} as past_weight,
        if(countIf(variance is null) > 0, null, sqrt({{ ordered_sum('coalesce(variance, 0)') }})) as deviation
    from projections
    group by workspace, platform, account_id, campaign_id, month
),

projected as (
    select
        *,
        if(days_known = 0, null, {{ to_decimal('toFloat64(spend) + to_come', 6) }}) as month_end,
        if(days_known = 0, null, {{ z }} * deviation) as half_width,
        if(
            whole_weight = 0, (as_of - month + 1) / (last_day - month + 1), past_weight / whole_weight
        ) as share_elapsed,
        {{ safe_ratio('month_end', 'budget') }} as pace
    from sums
)

select
    cast(workspace as LowCardinality(String)) as workspace,
    cast(platform as LowCardinality(String)) as platform,
    account_id,
    campaign_id,
    multiIf(
        campaign_id != '', coalesce(name, campaign_id),
        account_id != '', coalesce(name, account_id),
        platform != '', platform,
        'all platforms'
    ) as scope_name,
    month,
    as_of,
    cast(budget as Nullable(Decimal(38, 6))) as budget,
    cast(budget_currency as LowCardinality(String)) as currency,
    cast(spend as Nullable(Decimal(38, 6))) as spend_to_date,
    {{ to_decimal('toFloat64(budget) * share_elapsed', 6) }} as expected_to_date,
    cast(month_end as Nullable(Decimal(38, 6))) as projected_spend,
    -- greatest() takes no notice of NULL
    cast(
        if(half_width is null, null, greatest(month_end - {{ to_decimal('half_width', 6) }}, spend))
        as Nullable(Decimal(38, 6))
    ) as projected_low,
    cast(month_end + {{ to_decimal('half_width', 6) }} as Nullable(Decimal(38, 6))) as projected_high,
    pace,
    cast(
        multiIf(
            month_end is null or budget is null, null,
            month_end > budget * {{ 1 + tolerance }}, 'over',
            month_end < budget * {{ 1 - tolerance }}, 'under',
            'on_track'
        ) as LowCardinality(Nullable(String))
    ) as status,
    provisional as is_provisional
from projected

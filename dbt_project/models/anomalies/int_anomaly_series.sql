{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['series', 'day'],
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- The daily series that this run scores, with the calendar of expected days. Scratch: made anew by every run,
-- for the days to judge and the history that their baselines need.
with ages as (
    select
        f.workspace as workspace,
        f.platform as platform,
        coalesce(f.account_id, f.account_name, '') as account_key,
        f.date as date,
        greatest(dateDiff('day', f.date, toDate(max(f.last_exported_at))), 0) as age
    from {{ ref('fct_ad_performance_daily') }} as f
    where {{ with_history('f.date') }}
    group by f.workspace, f.platform, account_key, f.date
),

account_rows as (
    select
        a.workspace as workspace,
        a.platform as platform,
        coalesce(a.account_id, a.account_name, '') as account_key,
        coalesce(a.account_name, a.account_id, '') as account_label,
        a.date as date,
        {{ anomaly_metrics('a') }}
    from {{ ref('mart_account_daily') }} as a
    where {{ with_history('a.date') }}
),

campaign_rows as (
    select
        c.workspace as workspace,
        c.platform as platform,
        coalesce(c.account_id, c.account_name, '') as account_key,
        coalesce(c.account_name, c.account_id, '') as account_label,
        coalesce(c.campaign_id, c.campaign_name, '') as campaign_key,
        coalesce(c.campaign_name, c.campaign_id, '') as campaign_label,
        c.date as date,
        {{ anomaly_metrics('c') }}
    from {{ ref('mart_campaign_daily') }} as c
    where {{ with_history('c.date') }}
),

-- Platforms omit rows without activity. On a day that the account's file covers, a campaign that was active
-- in the last 28 days and has no row had zero activity: what it used to report is 0, the rest stays unknown.
campaign_files as (
    select
        r.workspace as workspace,
        r.platform as platform,
        r.account_key as account_key,
        r.date as date,
        max(r.is_provisional) as file_is_provisional
    from campaign_rows as r
    group by r.workspace, r.platform, r.account_key, r.date
),

gaps as (
    select
        r.*,
        leadInFrame(r.date, 1, r.date + 29) over (
            partition by r.workspace, r.platform, r.account_key, r.campaign_key
            order by r.date asc
            rows between current row and unbounded following
        ) as next_date
    from campaign_rows as r
),

silent_days as (
    select
        g.*,
        g.date + days_after as silent_date
    from gaps as g
    array join range(1, least(toInt32(g.next_date) - toInt32(g.date), 29)) as days_after
),

campaigns as (
    select * from campaign_rows
    union all
    select
        s.workspace as workspace,
        s.platform as platform,
        s.account_key as account_key,
        s.account_label as account_label,
        s.campaign_key as campaign_key,
        s.campaign_label as campaign_label,
        s.silent_date as date,
        {%- for metric in anomaly_volumes() %}
        if(s.{{ metric }} is null, null, 0) as {{ metric }},
        {%- endfor %}
        false as is_even,
        s.rate as rate,
        s.account_currency as account_currency,
        s.reporting_currency as reporting_currency,
        f.file_is_provisional as is_provisional
    from silent_days as s
    inner join campaign_files as f
        on
            s.workspace = f.workspace
            and s.platform = f.platform
            and s.account_key = f.account_key
            and s.silent_date = f.date
),

-- A day on which the account has no data at all is missing, never zero. It is expected if the account has
-- data on 14 of the 28 days before, and the workspace went on: a later day is there, or half of its accounts
-- are.
expected_accounts as (
    select
        r.workspace as workspace,
        r.platform as platform,
        r.account_key as account_key,
        argMax(r.account_label, r.date) as account_label,
        argMax(r.account_currency, r.date) as account_currency,
        argMax(r.rate, r.date) as rate,
        any(r.reporting_currency) as reporting_currency,
        r.date + days_after as date
    from account_rows as r
    array join range(1, 29) as days_after
    group by r.workspace, r.platform, r.account_key, r.date + days_after
    having count() >= 14
),

last_days as (
    select
        r.workspace as workspace,
        max(r.date) as last_date
    from account_rows as r
    group by r.workspace
),

expectation as (
    select
        {% for column in [
            'workspace', 'platform', 'account_key', 'account_label', 'account_currency', 'rate', 'reporting_currency',
            'date'
        ] -%}
        e.{{ column }} as {{ column }},
        {% endfor -%}
        l.last_date as last_date,
        a.date > toDate(0) as is_there,
        avg(is_there) over (partition by e.workspace, e.date) as share_there
    from expected_accounts as e
    inner join last_days as l on e.workspace = l.workspace
    left join account_rows as a
        on
            e.workspace = a.workspace
            and e.platform = a.platform
            and e.account_key = a.account_key
            and e.date = a.date
    where e.date <= l.last_date
),

missing_days as (
    select x.*
    from expectation as x
    where not x.is_there and (x.date < x.last_date or x.share_there >= 0.5)
),

-- A platform's sum without one of its accounts says nothing of the platform.
platform_rows as (
    select
        p.workspace as workspace,
        p.platform as platform,
        p.date as date,
        {{ anomaly_metrics('p', money='reporting') }}
    from {{ ref('mart_platform_daily') }} as p
    where
        {{ with_history('p.date') }}
        and (p.workspace, p.platform, p.date) not in (
            select
                m.workspace,
                m.platform,
                m.date
            from missing_days as m
        )
),

series as (
    select
        c.workspace as workspace,
        c.platform as platform,
        c.account_key as account_id,
        c.account_label as account_name,
        'campaign' as entity_type,
        c.campaign_key as entity_id,
        c.campaign_label as entity_name,
        c.date as date,
        {{ anomaly_series_columns('c') }},
        false as is_missing
    from campaigns as c
    union all
    select
        a.workspace as workspace,
        a.platform as platform,
        a.account_key as account_id,
        a.account_label as account_name,
        'account' as entity_type,
        a.account_key as entity_id,
        a.account_label as entity_name,
        a.date as date,
        {{ anomaly_series_columns('a') }},
        false as is_missing
    from account_rows as a
    union all
    select
        m.workspace as workspace,
        m.platform as platform,
        m.account_key as account_id,
        m.account_label as account_name,
        'account' as entity_type,
        m.account_key as entity_id,
        m.account_label as entity_name,
        m.date as date,
        {%- for metric in anomaly_volumes() %}
        cast(null as Nullable(Float64)) as {{ metric }},
        {%- endfor %}
        false as is_even,
        m.rate as rate,
        m.account_currency as account_currency,
        m.reporting_currency as reporting_currency,
        false as is_provisional,
        true as is_missing
    from missing_days as m
    union all
    select
        p.workspace as workspace,
        p.platform as platform,
        '' as account_id,
        '' as account_name,
        'platform' as entity_type,
        p.platform as entity_id,
        p.platform as entity_name,
        p.date as date,
        {{ anomaly_series_columns('p') }},
        false as is_missing
    from platform_rows as p
),

platform_ages as (
    select
        g.workspace as workspace,
        g.platform as platform,
        g.date as date,
        avg({{ conversion_maturity('g.age') }}) as maturity
    from ages as g
    group by g.workspace, g.platform, g.date
)

select
    cityHash64(s.workspace, s.platform, s.account_id, s.entity_type, s.entity_id) as series,
    {% for column in [
        'workspace', 'platform', 'account_id', 'account_name', 'entity_type', 'entity_id', 'entity_name', 'date'
    ] + anomaly_volumes() + ['is_even', 'account_currency', 'reporting_currency', 'is_provisional', 'is_missing'] -%}
    s.{{ column }} as {{ column }},
    {% endfor -%}
    toInt32(s.date) as day,
    toDayOfWeek(s.date) as weekday,
    -- the rate of the day, or of the last day that had money
    anyLast(s.rate) over (
        partition by s.workspace, s.platform, s.account_id, s.entity_type, s.entity_id
        order by s.date asc
        rows between unbounded preceding and current row
    ) as rate,
    multiIf(
        s.entity_type = 'platform', p.maturity,
        a.date > toDate(0), {{ conversion_maturity('a.age') }},
        1
    ) as maturity
from series as s
left join ages as a
    on
        s.workspace = a.workspace
        and s.platform = a.platform
        and s.account_id = a.account_key
        and s.date = a.date
left join platform_ages as p
    on
        s.workspace = p.workspace
        and s.platform = p.platform
        and s.date = p.date

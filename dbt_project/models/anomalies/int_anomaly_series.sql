{{ config(
    schema='staging',
    order_by=['entity_type', 'series'],
    meta={'writes': 'anomaly_dates'},
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- The daily series that are scored, with the calendar of expected days. A run writes the days it judges; what
-- it wrote of the days before says whether an entity without a row was active.
with ages as (
    select
        f.workspace as workspace,
        f.platform as platform,
        coalesce(f.account_id, f.account_name, '') as account_key,
        f.date as date,
        greatest(dateDiff('day', f.date, toDate(max(f.last_exported_at))), 0) as age
    from {{ ref('fct_ad_performance_daily') }} as f
    where {{ only_anomaly_dates('f.date') }}
    group by f.workspace, f.platform, account_key, f.date
),

account_maturity as (
    select
        g.*,
        {{ conversion_maturity('g.age', 'c.curve') }} as maturity
    from ages as g
    left join {{ ref('int_conversion_maturity') }} as c
        on g.workspace = c.workspace and g.platform = c.platform and g.date = c.date
),

campaign_rows as (
    select
        c.workspace as workspace,
        c.platform as platform,
        {{ keyed_entity('c', 'account') }},
        {{ keyed_entity('c', 'campaign') }},
        {{ entity_kind('campaign') }} as entity_type,
        campaign_id as entity_id,
        campaign_name as entity_name,
        {{ series_key() }} as series,
        c.date as date,
        {{ anomaly_metrics('c') }}
    from {{ ref('mart_campaign_daily') }} as c
    {{ join_day_rates('c') }}
    where {{ only_anomaly_dates('c.date') }}
),

account_rows as (
    select
        a.workspace as workspace,
        a.platform as platform,
        {{ keyed_entity('a', 'account') }},
        '' as campaign_id,
        '' as campaign_name,
        {{ entity_kind('account') }} as entity_type,
        account_id as entity_id,
        account_name as entity_name,
        {{ series_key() }} as series,
        a.date as date,
        {{ anomaly_metrics('a') }}
    from {{ ref('mart_account_daily') }} as a
    {{ join_day_rates('a') }}
    where {{ only_anomaly_dates('a.date') }}
),

-- Ads and ad groups with an id (names repeat) that are not all of their campaign, on days that have, or that
-- follow within a week on one that has, clicks enough. Their ratios are judged, never their volume: platforms
-- move it from ad to ad as they like, and what they omit is no news.
{% for part in campaign_parts() -%}
{{ part }}_rows as (
    select
        p.workspace as workspace,
        p.platform as platform,
        {{ keyed_entity('p', 'account') }},
        {{ keyed_entity('p', 'campaign') }},
        {{ entity_kind(part) }} as entity_type,
        assumeNotNull(p.{{ part }}_id) as entity_id,
        coalesce(p.{{ part }}_name, p.{{ part }}_id, '') as entity_name,
        {{ series_key() }} as series,
        p.date as date,
        {{ anomaly_metrics('p') }}
    from (
        select
            m.*,
            m.clicks / sum(m.clicks) over (
                partition by m.workspace, m.platform, m.account_id, m.campaign_id, m.campaign_name, m.date
            ) as share
        from {{ ref('mart_' ~ part ~ '_daily') }} as m
        where {{ only_anomaly_dates('m.date') }}
    ) as p
    {{ join_day_rates('p') }}
    where p.{{ part }}_id is not null and p.share < 0.98
),

{% endfor -%}
part_rows as (
    {% for part in campaign_parts() -%}
    select {{ series_columns('r') }} from {{ part }}_rows as r
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

busy_days as (
    select
        r.series as series,
        arrayJoin(range(toUInt32(r.date), toUInt32(r.date) + 8)) as day
    from part_rows as r
    where r.clicks >= {{ var('min_part_clicks') }}
    {%- if is_incremental() %}
    union all
    select
        t.series as series,
        arrayJoin(range(toUInt32(t.date), toUInt32(t.date) + 8)) as day
    from {{ this }} as t
    where
        {{ before_judged('t.date', 7) }}
        and {{ is_part('t.entity_type') }}
        and t.clicks >= {{ var('min_part_clicks') }}
    {%- endif %}
),

busy_parts as (
    select r.*
    from part_rows as r
    where (r.series, toUInt32(r.date)) in (
        select
            b.series,
            b.day
        from busy_days as b
    )
),

-- Platforms omit rows without activity. On a day that the account's file covers, a campaign that was active
-- in the last 28 days and has no row had zero activity: what it used to report is 0, the rest stays unknown.
campaign_files as (
    select
        r.workspace as workspace,
        r.platform as platform,
        r.account_id as account_id,
        r.date as date,
        max(r.is_provisional) as file_is_provisional
    from campaign_rows as r
    group by r.workspace, r.platform, r.account_id, r.date
),

{% set dates = anomaly_dates() -%}
-- A campaign with a row on each of the days leaves no gap.
gapless as (
    select r.series as series
    from campaign_rows as r
    group by r.series
    having uniqExact(r.date) = {{ dates | length if dates else 0 }}
),

gaps as (
    select
        r.*,
        leadInFrame(r.date, 1, r.date + 29) over (
            partition by r.series order by r.date asc rows between current row and unbounded following
        ) as next_date
    from (
        select {{ series_columns('c') }}
        from campaign_rows as c
        where c.series not in (select g.series from gapless as g)
        {%- if is_incremental() %}
        union all
        select {{ series_columns('t') }}
        from {{ this }} as t
        where
            {{ before_judged('t.date', 28) }}
            and t.entity_type = 'campaign'
            and not t.is_silent
            and t.series not in (select g.series from gapless as g)
        {%- endif %}
    ) as r
),

silent_days as (
    select
        g.*,
        g.date + days_after as silent_date
    from gaps as g
    array join range(1, least(toInt32(g.next_date) - toInt32(g.date), 29)) as days_after
    where {{ only_anomaly_dates('silent_date') }}
),

-- A platform's sum without one of its accounts, missing or awaited, says nothing of the platform.
platform_rows as (
    select
        p.workspace as workspace,
        p.platform as platform,
        '' as account_id,
        '' as account_name,
        '' as campaign_id,
        '' as campaign_name,
        {{ entity_kind('platform') }} as entity_type,
        p.platform as entity_id,
        p.platform as entity_name,
        {{ series_key() }} as series,
        p.date as date,
        {{ anomaly_metrics('p', money='reporting') }}
    from {{ ref('mart_platform_daily') }} as p
    where
        {{ only_anomaly_dates('p.date') }}
        and (p.workspace, p.platform, p.date) not in (
            select
                m.workspace,
                m.platform,
                m.date
            from {{ ref('int_anomaly_missing') }} as m
        )
),

series_days as (
    {% for source in ['campaign_rows', 'account_rows', 'platform_rows', 'busy_parts'] -%}
    select
        {{ series_columns('r') }},
        false as is_silent,
        false as is_missing
    from {{ source }} as r
    union all
    {% endfor -%}
    select
        {{ series_columns('s', {
            'date': 's.silent_date', 'is_even': 'false', 'is_provisional': 'f.file_is_provisional',
            'impressions': 'if(s.impressions is null, null, 0)', 'clicks': 'if(s.clicks is null, null, 0)',
            'cost': 'if(s.cost is null, null, 0)', 'conversions': 'if(s.conversions is null, null, 0)',
            'conversion_value': 'if(s.conversion_value is null, null, 0)'
        }) }},
        true as is_silent,
        false as is_missing
    from silent_days as s
    inner join campaign_files as f
        on
            s.workspace = f.workspace
            and s.platform = f.platform
            and s.account_id = f.account_id
            and s.silent_date = f.date
    union all
    select
        {{ series_columns('m') }},
        false as is_silent,
        true as is_missing
    from {{ ref('int_anomaly_missing') }} as m
    where not m.is_awaited
),

platform_maturity as (
    select
        m.workspace as workspace,
        m.platform as platform,
        m.date as date,
        avg(m.maturity) as maturity
    from account_maturity as m
    group by m.workspace, m.platform, m.date
)

select
    {{ series_columns('s') }},
    s.is_silent as is_silent,
    s.is_missing as is_missing,
    toInt32(s.date) as day,
    multiIf(
        s.entity_type = 'platform', p.maturity,
        a.date > toDate(0), a.maturity,
        1
    ) as maturity
from series_days as s
left join account_maturity as a
    on
        s.workspace = a.workspace
        and s.platform = a.platform
        and s.account_id = a.account_key
        and s.date = a.date
left join platform_maturity as p
    on
        s.workspace = p.workspace
        and s.platform = p.platform
        and s.date = p.date

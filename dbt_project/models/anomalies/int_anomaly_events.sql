{{ config(
    order_by=['workspace', 'platform', 'account_id', 'entity_type', 'entity_id'],
    meta={'replaces': 'anomaly_dates'},
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- One row for each entity and day with a problem: since when it lasts, and whose problem it is. One cause
-- shows in several metrics, on several days and on several levels; here it becomes one event.
with found as (
    select p.*
    from {{ ref('int_anomaly_patterns') }} as p
    -- an ad that is clicked ever less wears out: an insight of its own
    where not (p.kind = 'slow_drift' and p.metric = 'ctr' and {{ is_part('p.entity_type') }})
),

-- Days of earlier runs, so that today's can continue an event.
known as (
    select
        f.workspace as workspace,
        f.platform as platform,
        f.account_id as account_id,
        f.entity_type as entity_type,
        f.entity_id as entity_id,
        f.family as family,
        f.date as date,
        f.kind as kind,
        cast(null as Nullable(Date)) as known_start,
        '' as known_first_kind
    from found as f
    {% if is_incremental() -%}
    union all
    select
        t.workspace as workspace,
        t.platform as platform,
        t.account_id as account_id,
        t.entity_type as entity_type,
        t.entity_id as entity_id,
        t.family as family,
        t.date as date,
        t.kind as kind,
        toNullable(t.event_start) as known_start,
        t.first_kind as known_first_kind
    from {{ this }} as t
    where {{ with_history('t.date', 56) }} and not ({{ only_anomaly_dates('t.date') }})
    {%- endif %}
),

steps as (
    select
        k.*,
        count() over (
            partition by k.workspace, k.platform, k.account_id, k.entity_type, k.entity_id, k.family
            order by toInt32(k.date) asc
            range between 4 preceding and current row
        ) as days_of_5,
        -- one quiet day does not end an event
        toInt32(k.date) - toInt32(lagInFrame(k.date, 1, toDate(0)) over entity_family) > 2 as is_start
    from known as k
    window entity_family as (
        partition by k.workspace, k.platform, k.account_id, k.entity_type, k.entity_id, k.family
        order by k.date asc
        rows between unbounded preceding and current row
    )
),

spells as (
    select
        s.*,
        sum(s.is_start) over (
            partition by s.workspace, s.platform, s.account_id, s.entity_type, s.entity_id, s.family
            order by s.date asc
            rows between unbounded preceding and current row
        ) as spell
    from steps as s
),

events as (
    select
        l.*,
        min(coalesce(l.known_start, l.date)) over so_far as event_start,
        argMin(if(l.known_first_kind = '', l.kind, l.known_first_kind), l.date) over so_far as first_kind,
        -- more or less for four of five days, and still: no longer a spike, a new level
        l.days_of_5 >= 4
        and l.family in ('volume_up', 'volume_down')
        and l.kind in ('spend_spike', 'metric_anomaly') as is_level_shift
    from spells as l
    window so_far as (
        partition by l.workspace, l.platform, l.account_id, l.entity_type, l.entity_id, l.family, l.spell
        order by l.date asc
        rows between unbounded preceding and current row
    )
),

-- Which part of a deviation the entities below carry, in the metric that leads above.
shares as (
    select
        u.workspace as workspace,
        u.platform as platform,
        u.account_id as account_id,
        u.entity_type as entity_type,
        u.date as date,
        b.entity_type as part_type,
        argMax(
            (b.account_id, b.entity_id), b.deviations[u.metric] / nullIf(u.deviations[u.metric], 0)
        ) as part,
        max(b.deviations[u.metric] / nullIf(u.deviations[u.metric], 0)) as part_share
    from found as u
    inner join found as b
        on u.workspace = b.workspace and u.platform = b.platform and u.date = b.date
    where
        u.entity_type = 'platform' and b.entity_type in ('account', 'campaign')
        or u.entity_type = 'account' and b.entity_type = 'campaign' and u.account_id = b.account_id
    group by u.workspace, u.platform, u.account_id, u.entity_type, u.entity_id, u.date, b.entity_type
    having part_share >= 0.6
),

accounts as (
    select
        f.workspace as workspace,
        f.platform as platform,
        f.account_id as account_id,
        f.date as date,
        f.kind as kind,
        f.family as family,
        f.kind in ('duplicate_load', 'partial_load', 'data_missing') as is_load_fault,
        if(c.part_type = 'campaign' and not is_load_fault, c.part.2, '') as campaign
    from found as f
    left join shares as c
        on
            f.workspace = c.workspace
            and f.platform = c.platform
            and f.account_id = c.account_id
            and f.date = c.date
            and c.entity_type = 'account'
    where f.entity_type = 'account'
),

platforms as (
    select
        f.workspace as workspace,
        f.platform as platform,
        f.date as date,
        f.family as family,
        maxIf(c.part, c.part_type = 'campaign') as campaign,
        maxIf(c.part, c.part_type = 'account') as account
    from found as f
    left join shares as c
        on
            f.workspace = c.workspace
            and f.platform = c.platform
            and f.date = c.date
            and c.entity_type = 'platform'
    where f.entity_type = 'platform'
    group by f.workspace, f.platform, f.date, f.family
),

-- The cause of a row: itself, the campaign that carries most of it, the account or platform that it is part
-- of.
account_causes as (
    select
        a.*,
        p.family = a.family
        and p.account.2 = ''
        and p.campaign.2 = ''
        and not a.is_load_fault as is_of_platform,
        multiIf(
            a.campaign != '', ('campaign', a.account_id, a.campaign),
            is_of_platform, ('platform', '', a.platform),
            ('account', a.account_id, a.account_id)
        ) as cause
    from accounts as a
    left join platforms as p on a.workspace = p.workspace and a.platform = p.platform and a.date = p.date
),

{% set columns = [
    'workspace', 'platform', 'account_id', 'account_name', 'campaign_id', 'campaign_name', 'entity_type', 'entity_id',
    'entity_name', 'date', 'kind', 'family', 'metric', 'impact', 'currency', 'z_max', 'days_seen', 'is_provisional',
    'maturity'
] -%}
upper_causes as (
    select
        {% for column in columns -%}
        f.{{ column }} as {{ column }},
        {% endfor -%}
        multiIf(
            f.entity_type = 'account', a.cause,
            f.entity_type = 'campaign' and a.campaign = '' and (
                a.family = f.family
                or a.kind = 'duplicate_load' and f.family in ('volume_up', 'results_up')
                or a.kind = 'partial_load' and f.family in ('volume_down', 'results_down')
            ), a.cause,
            f.entity_type = 'platform' and b.kind != '', b.cause,
            f.entity_type = 'platform' and p.campaign.2 != '', ('campaign', p.campaign.1, p.campaign.2),
            (toString(f.entity_type), f.account_id, f.entity_id)
        ) as cause
    from found as f
    left join platforms as p
        on
            f.workspace = p.workspace
            and f.platform = p.platform
            and f.date = p.date
            and f.entity_type = 'platform'
    left join account_causes as a
        on
            f.workspace = a.workspace
            and f.platform = a.platform
            and f.account_id = a.account_id
            and f.date = a.date
    -- the account that carries the platform's deviation, or that of the campaign that does
    left join account_causes as b
        on
            f.workspace = b.workspace
            and f.platform = b.platform
            and f.date = b.date
            and b.account_id = if(p.account.2 != '', p.account.1, p.campaign.1)
            and f.entity_type = 'platform'
    where not ({{ is_part('f.entity_type') }})
),

campaign_causes as (
    select u.*
    from upper_causes as u
    where u.entity_type = 'campaign'
),

-- The ad, or else the ad group, that carries most of what its campaign shows, and is the only one to show it:
-- what several show is the campaign's.
carriers as (
    select
        u.workspace as workspace,
        u.platform as platform,
        u.account_id as account_id,
        u.campaign_id as campaign_id,
        u.date as date,
        u.family as family,
        if(u.metric = 'conversions', 'cvr', u.metric) as lead_metric,
        b.deviations[lead_metric] / nullIf(u.deviations[lead_metric], 0) as part_share,
        (toString(b.entity_type), b.account_id, b.entity_id) as part,
        b.entity_type = 'ad' as is_ad,
        count() over (
            partition by u.workspace, u.platform, u.account_id, u.campaign_id, u.date, b.entity_type
        ) as parts
    from found as u
    inner join found as b
        on
            u.workspace = b.workspace
            and u.platform = b.platform
            and u.account_id = b.account_id
            and u.campaign_id = b.campaign_id
            and u.date = b.date
            and u.family = b.family
    where u.entity_type = 'campaign' and {{ is_part('b.entity_type') }}
),

sole_carriers as (
    select c.*
    from carriers as c
    where c.parts = 1 and c.part_share >= 0.6
    order by c.is_ad desc
    limit 1 by c.workspace, c.platform, c.account_id, c.campaign_id, c.date
),

-- Where the campaign as a whole shows nothing: the part with most money at stake.
leaders as (
    select
        f.workspace as workspace,
        f.platform as platform,
        f.account_id as account_id,
        f.campaign_id as campaign_id,
        f.date as date,
        f.family as family,
        argMax(
            (toString(f.entity_type), f.account_id, f.entity_id),
            coalesce(f.impact, 0) * if(f.entity_type = 'ad', 1 / 0.6, 1)
        ) as part
    from found as f
    where {{ is_part('f.entity_type') }}
    group by f.workspace, f.platform, f.account_id, f.campaign_id, f.date, f.family
),

causes as (
    select
        {% for column in columns -%}
        c.{{ column }} as {{ column }},
        {% endfor -%}
        if(k.part.3 != '', k.part, c.cause) as cause
    from upper_causes as c
    left join sole_carriers as k
        on
            c.workspace = k.workspace
            and c.platform = k.platform
            and c.date = k.date
            and c.cause.2 = k.account_id
            and if(c.cause.1 = 'campaign', c.cause.3, '') = k.campaign_id
    union all
    select
        {% for column in columns -%}
        f.{{ column }} as {{ column }},
        {% endfor -%}
        multiIf(k.part.3 != '', k.part, c.cause.3 != '', c.cause, l.part) as cause
    from found as f
    left join sole_carriers as k
        on
            f.workspace = k.workspace
            and f.platform = k.platform
            and f.account_id = k.account_id
            and f.campaign_id = k.campaign_id
            and f.date = k.date
            and f.family = k.family
    left join campaign_causes as c
        on
            f.workspace = c.workspace
            and f.platform = c.platform
            and f.account_id = c.account_id
            and f.campaign_id = c.campaign_id
            and f.date = c.date
            and f.family = c.family
    left join leaders as l
        on
            f.workspace = l.workspace
            and f.platform = l.platform
            and f.account_id = l.account_id
            and f.campaign_id = l.campaign_id
            and f.date = l.date
            and f.family = l.family
    where {{ is_part('f.entity_type') }}
),

-- What a workspace usually spends on a day: the measure of money at stake.
daily_spend as (
    select
        i.workspace as workspace,
        i.date as date,
        sum(i.cost * coalesce(i.rate, 1)) as cost
    from {{ ref('int_anomaly_series') }} as i
    where i.entity_type = 'account' and {{ with_history('i.date', 28) }}
    group by i.workspace, i.date
),

spend as (
    select
        d.workspace as workspace,
        d.date as date,
        avg(d.cost) over (
            partition by d.workspace order by toInt32(d.date) asc range between 28 preceding and 1 preceding
        ) as usual_cost
    from daily_spend as d
)

select
    c.workspace as workspace,
    c.platform as platform,
    c.account_id as account_id,
    c.account_name as account_name,
    c.campaign_id as campaign_id,
    c.campaign_name as campaign_name,
    c.entity_type as entity_type,
    c.entity_id as entity_id,
    c.entity_name as entity_name,
    c.date as date,
    multiIf(
        e.is_level_shift, 'level_shift',
        -- a weaker day of a known problem
        c.kind = 'metric_anomaly'
        and e.first_kind in ('spend_spike', 'cpc_jump', 'ctr_collapse', 'slow_drift'),
        e.first_kind,
        c.kind = 'slow_drift' and e.first_kind in ('cpc_jump', 'ctr_collapse', 'tracking_break'),
        e.first_kind,
        c.kind
    ) as kind,
    c.family as family,
    if(kind != c.kind and c.family in ('volume_up', 'volume_down'), 'cost', c.metric) as metric,
    e.event_start as event_start,
    e.first_kind as first_kind,
    c.cause.1 as cause_entity_type,
    c.cause.2 as cause_account_id,
    c.cause.3 as cause_entity_id,
    c.cause = (toString(c.entity_type), c.account_id, c.entity_id) as is_cause,
    {{ to_amount('c.impact') }} as impact,
    c.currency as currency,
    {{ anomaly_severity('c', 's.usual_cost') }} as severity,
    c.z_max as z_max,
    c.days_seen as days_seen,
    c.is_provisional as is_provisional,
    c.maturity as maturity
from causes as c
inner join events as e
    on
        c.workspace = e.workspace
        and c.platform = e.platform
        and c.account_id = e.account_id
        and c.entity_type = e.entity_type
        and c.entity_id = e.entity_id
        and c.date = e.date
        and c.family = e.family
left join spend as s on c.workspace = s.workspace and c.date = s.date

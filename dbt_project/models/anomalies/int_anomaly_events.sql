{{ config(
    order_by=['workspace', 'platform', 'account_id', 'entity_type', 'entity_id'],
    meta={'replaces': 'anomaly_dates'},
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- One row for each entity and day with a problem: since when it lasts. One cause shows on several days; here
-- they become one event.
with
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
    from {{ ref('int_anomaly_causes') }} as f
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
    c.cause_entity_type as cause_entity_type,
    c.cause_account_id as cause_account_id,
    c.cause_entity_id as cause_entity_id,
    c.is_cause as is_cause,
    {{ to_amount('c.impact') }} as impact,
    c.currency as currency,
    {{ anomaly_severity('c', 's.usual_cost') }} as severity,
    c.z_max as z_max,
    c.days_seen as days_seen,
    c.is_provisional as is_provisional,
    c.maturity as maturity
from {{ ref('int_anomaly_causes') }} as c
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

{{ config(
    order_by=['workspace', 'platform', 'account_id', 'entity_type', 'entity_id'],
    meta={'writes': 'anomaly_dates'},
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns.
-- noqa: disable=RF03
-- One row for each entity and day with a problem: since when it lasts. One cause shows on several days; here
-- they become one event.
with causes as (
    select
        f.* except (family),
        -- a rise whose first day was even by chance goes on as a rise
        if(f.family = 'duplicate_load', 'volume_up', f.family) as family
    from {{ ref('int_anomaly_causes') }} as f
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
    from causes as f
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
        -- what has risen already is even on one day in some: that is chance
        l.kind = 'duplicate_load' and max(l.kind in ('spend_spike', 'level_shift')) over so_far as is_rise,
        -- more or less for four of five days, and still: no longer a spike, a new level
        l.days_of_5 >= 4
        and l.family in ('volume_up', 'volume_down')
        and (l.kind in ('spend_spike', 'metric_anomaly') or is_rise) as is_level_shift
    from spells as l
    window so_far as (
        partition by l.workspace, l.platform, l.account_id, l.entity_type, l.entity_id, l.family, l.spell
        order by l.date asc
        rows between unbounded preceding and current row
    )
),

-- What a workspace usually spends on a day: the measure of money at stake. In reporting currency, of what has
-- a rate; and in each other currency of its accounts, for money that is told in that.
daily_spend as (
    select
        i.workspace as workspace,
        i.date as date,
        coalesce(money.1, '') as currency,
        sum(money.2) as cost
    from {{ ref('int_anomaly_series') }} as i
    array join
        if(
            coalesce(i.account_currency, '') = i.reporting_currency,
            [(i.reporting_currency, i.cost)],
            [(i.reporting_currency, i.cost * i.rate), (i.account_currency, i.cost)]
        ) as money
    where i.entity_type = 'account' and {{ with_history('i.date', 28) }}
    group by i.workspace, i.date, currency
),

spend as (
    select
        d.workspace as workspace,
        d.date as date,
        d.currency as currency,
        avg(d.cost) over (
            partition by d.workspace, d.currency
            order by toInt32(d.date) asc
            range between 28 preceding and 1 preceding
        ) as usual_cost
    from daily_spend as d
),

named as (
    select
        c.* except (kind, metric),
        e.event_start as event_start,
        e.first_kind as first_kind,
        multiIf(
            e.is_level_shift, 'level_shift',
            e.is_rise, 'spend_spike',
            -- a weaker day of a known problem
            c.kind = 'metric_anomaly'
            and e.first_kind in ('spend_spike', 'cpc_jump', 'ctr_collapse', 'slow_drift'),
            e.first_kind,
            c.kind = 'slow_drift' and e.first_kind in ('cpc_jump', 'ctr_collapse', 'tracking_break'),
            e.first_kind,
            c.kind
        ) as kind,
        if(kind != c.kind and c.family in ('volume_up', 'volume_down'), 'cost', c.metric) as metric
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
)

select
    {% for column in [
        'workspace', 'platform', 'account_id', 'account_name', 'campaign_id', 'campaign_name', 'entity_type',
        'entity_id', 'entity_name', 'date', 'kind', 'family', 'metric', 'event_start', 'first_kind',
        'cause_entity_type', 'cause_account_id', 'cause_entity_id', 'is_cause'
    ] -%}
    n.{{ column }} as {{ column }},
    {% endfor -%}
    {{ to_amount('n.impact') }} as impact,
    n.currency as currency,
    {{ anomaly_severity('n', 's.usual_cost') }} as severity,
    n.z_max as z_max,
    n.days_seen as days_seen,
    n.is_provisional as is_provisional,
    n.maturity as maturity
from named as n
left join spend as s
    on n.workspace = s.workspace and n.date = s.date and coalesce(n.currency, '') = s.currency

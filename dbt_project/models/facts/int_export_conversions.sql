{{ config(order_by=['workspace', 'platform', 'account_id', 'age']) }}
{% set others = other_events_are_counted([ref('int_current_exports')], ref('workspaces')) %}

-- RF03 takes the arguments of lambdas for columns, LT02 a join that depends for a wrong indent.
-- noqa: disable=RF03,LT02
-- What exports of different ages saw of a day's conversions, by account: of every age up to a week the newest
-- export, and the first after that. A day that was seen once, or never young, tells nothing of how late
-- conversions come. Made of what was landed, not of what builds have noticed (ops.restatements), so that the
-- order of loads and builds does not matter. An export is summed once: later builds keep its row.
with coverage as (
    select
        c.*,
        toUInt8(least(greatest(dateDiff('day', c.date, toDate(c.export_order)), 0), {{ final_age() }})) as age
    from {{ source('ops', 'file_coverage') }} as c
    where
        {{ only_build_dates('c.date') }}
        and c.grain in ('account', 'campaign', 'ad_group', 'ad')
        and not {{ is_web_analytics('c.source') }}
),

telling as (
    select
        c.workspace as workspace,
        c.source as source,
        c.grain as grain,
        c.account_id as account_id,
        c.date as date,
        c.age as age,
        if(
            c.age < {{ final_age() }},
            argMax(c.export_id, (c.export_order, c.export_id)),
            argMin(c.export_id, (c.export_order, c.export_id))
        ) as export_id,
        arrayMap(
            part -> part.2, arrayFilter(part -> part.1 = export_id, groupArray((c.export_id, c.load_id)))
        ) as load_ids,
        count() over (partition by c.workspace, c.source, c.grain, c.account_id, c.date) as ages
    from coverage as c
    group by c.workspace, c.source, c.grain, c.account_id, c.date, c.age
),

sightings as (
    select
        t.*,
        arrayReduce('groupBitXor', arrayMap(part -> cityHash64(part), t.load_ids)) as loads,
        arrayJoin(t.load_ids) as load_id
    from telling as t
    where t.ages > 1
),

ledger as (
    {{ loads_as_counted() }}
),

exports as (
    select
        s.workspace as workspace,
        s.source as platform,
        s.grain as grain,
        s.account_id as account_id,
        s.date as date,
        s.age as age,
        s.load_id as load_id,
        s.loads as loads,
        cast(if(l.counts_purchases, '', l.event) as LowCardinality(String)) as event,
        l.conversions_zero as conversions_zero
    from sightings as s
    inner join ledger as l on s.load_id = l.load_id
),

known as (
    select
        x.*,
        {%- if rebuilds_dates() %}
        k.date > toDate(0) as is_summed,
        k.clicks as clicks,
        k.conversions as conversions
        {%- else %}
        false as is_summed,
        cast(null as Nullable(Int64)) as clicks,
        cast(null as Nullable(Decimal(38, 6))) as conversions
        {%- endif %}
    from exports as x
    {%- if rebuilds_dates() %}
    left join {{ this }} as k
        on
            x.workspace = k.workspace
            and x.platform = k.platform
            and x.grain = k.grain
            and x.account_id = k.account_id
            and x.date = k.date
            and x.age = k.age
            and x.loads = k.loads
            and x.event = k.event
            and {{ only_build_dates('k.date') }}
    {%- endif %}
),

sums as (
    select
        r.load_id as load_id,
        r.account_id as account_id,
        r.date as date,
        sum(r.clicks) as clicks,
        sum({{ of_event('conversions', 1, others) }}) as conversions
    from {{ source('raw', 'ad_performance_rows') }} as r
    {%- if others %}
    inner join exports as x
        on r.load_id = x.load_id and r.date = x.date and r.account_id = x.account_id
    left join {{ source('ops', 'file_ledger') }} as l
        on x.load_id = l.load_id and l.status = 'loaded' and x.event != ''
    {%- endif %}
    where
        r.disposition = 'loaded'
        and {{ only_build_dates('r.date') }}
        and r.load_id in (
            select k.load_id
            from known as k
            where not k.is_summed
        )
    group by r.load_id, r.account_id, r.date
)

{% set keys = ['workspace', 'platform', 'grain', 'account_id', 'date', 'age', 'loads', 'event'] -%}
select
    {% for key in keys -%}
    k.{{ key }} as {{ key }},
    {% endfor -%}
    if(any(k.is_summed), any(k.clicks), sum(s.clicks)) as clicks,
    cast(
        if(
            any(k.is_summed),
            any(k.conversions),
            sum(coalesce(s.conversions, if(k.conversions_zero, toDecimal64(0, 6), null)))
        ) as Nullable(Decimal(38, 6))
    ) as conversions
from known as k
left join sums as s
    on k.load_id = s.load_id and k.date = s.date and k.account_id = s.account_id
group by k.{{ keys | join(', k.') }}

{{ config(order_by=['workspace', 'platform', 'account_id', 'age']) }}
{% set others = other_events_are_counted([ref('int_current_exports')], ref('workspaces')) %}

-- What exports of different ages saw of a day's conversions, by account: of every age up to a week the newest
-- export, and the first after that. A day that was seen once, or never young, tells nothing of how late
-- conversions come. Made of what was landed, not of what builds have noticed (ops.restatements), so that the
-- order of loads and builds does not matter. A load is summed once: later builds keep its row.
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

-- A query that is named twice is run twice: windows say in one go which export tells of its age.
sightings as (
    select
        c.*,
        if(
            c.age < {{ final_age() }},
            argMax(c.export_id, (c.export_order, c.export_id)) over of_age,
            argMin(c.export_id, (c.export_order, c.export_id)) over of_age
        ) as telling_export_id,
        min(c.age) over of_day as first_age,
        max(c.age) over of_day as last_age
    from coverage as c
    window
        of_day as (partition by c.workspace, c.source, c.grain, c.account_id, c.date),
        of_age as (partition by c.workspace, c.source, c.grain, c.account_id, c.date, c.age)
),

loads as (
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
        cast(if(l.counts_purchases, '', l.event) as LowCardinality(String)) as event,
        l.conversions_zero as conversions_zero
    from sightings as s
    inner join loads as l on s.load_id = l.load_id
    where s.export_id = s.telling_export_id and s.first_age < s.last_age
),

known as (
    select
        x.*,
        {%- if rebuilds_dates() %}
        k.load_id > 0 as is_summed,
        k.clicks as clicks,
        k.conversions as conversions
        {%- else %}
        false as is_summed
        {%- endif %}
    from exports as x
    {%- if rebuilds_dates() %}
    left join {{ this }} as k
        on
            x.load_id = k.load_id
            and x.account_id = k.account_id
            and x.date = k.date
            and x.event = k.event
            and {{ only_build_dates('k.date') }}
    {%- endif %}
)

{% set keys = ['workspace', 'platform', 'grain', 'account_id', 'date', 'age', 'load_id', 'event'] -%}
select
    {% for key in keys -%}
    x.{{ key }} as {{ key }},
    {% endfor -%}
    sum(r.clicks) as clicks,
    cast(
        sum({{ or_zero(of_event('conversions', 1, others), 'conversions_zero') }}) as Nullable(Decimal(38, 6))
    ) as conversions
from {{ source('raw', 'ad_performance_rows') }} as r
inner join known as x
    on r.load_id = x.load_id and r.date = x.date and r.account_id = x.account_id
{%- if others %}
left join {{ source('ops', 'file_ledger') }} as l
    on x.load_id = l.load_id and l.status = 'loaded' and x.event != ''
{%- endif %}
where
    r.disposition = 'loaded'
    and not x.is_summed
    and {{ only_build_dates('r.date') }}
    and r.load_id in (
        select k.load_id
        from known as k
        where not k.is_summed
    )
group by x.{{ keys | join(', x.') }}
{%- if rebuilds_dates() %}
union all
select
    {% for key in keys -%}
    k.{{ key }} as {{ key }},
    {% endfor -%}
    k.clicks as clicks,
    k.conversions as conversions
from known as k
where k.is_summed
{%- endif %}

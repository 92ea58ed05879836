{{ config(
    order_by=['load_id', 'account_id'],
    meta={'notes_restatements': true}
) }}

-- Rule "restatement": for a workspace, platform, grain, account and date the newest export stands, whole.
-- Small: a row an account, day and file; the rows themselves stay where landing typed them.
with coverage as (
    select *
    from {{ source('ops', 'file_coverage') }}
    where {{ only_build_dates('date') }}
),

winners as (
    select
        workspace,
        source,
        grain,
        account_id,
        date,
        argMax(export_id, (export_order, export_id)) as export_id
    from coverage
    group by workspace, source, grain, account_id, date
),

standing as (
    select distinct
        c.workspace as workspace,
        c.source as source,
        c.grain as grain,
        c.account_id as account_id,
        c.date as date,
        c.load_id as load_id
    from coverage as c
    inner join winners as w
        on
            c.workspace = w.workspace
            and c.source = w.source
            and c.grain = w.grain
            and c.account_id = w.account_id
            and c.date = w.date
            and c.export_id = w.export_id
),

loads as (
    {{ loads_as_counted('standing') }}
)

select
    s.workspace as workspace,
    s.source as platform,
    s.grain as grain,
    s.account_id as account_id,
    s.date as date,
    s.load_id as load_id,
    l.file_id as file_id,
    l.exported_at as exported_at,
    l.restatement_days as restatement_days,
    cast(if(l.counts_purchases, '', l.event) as LowCardinality(String)) as event,
    l.impressions_zero as impressions_zero,
    l.clicks_zero as clicks_zero,
    l.cost_zero as cost_zero,
    l.conversions_zero as conversions_zero,
    l.conversion_value_zero as conversion_value_zero
from standing as s
inner join loads as l on s.load_id = l.load_id

-- The one place where text becomes values: the newest export's rows of every account and day, in one unit,
-- one grain a row. Functions insightflow_* are those by which landing accepted the rows.
with coverage as (
    select *
    from {{ source('ops', 'file_coverage') }}
    where {{ only_build_dates('date') }}
),

-- Rule "restatement": for a workspace, platform, grain, account and date the newest export stands, whole.
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

winning_loads as (
    select
        c.load_id as load_id,
        c.account_id as account_key,
        c.date as date
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

-- Days of a load on which all its accounts win: its rows of the day stand without a look at each.
whole_days as (
    select
        load_id,
        date
    from coverage
    group by load_id, date
    having
        countIf(
            (load_id, account_id, date) not in (
                select
                    wl.load_id,
                    wl.account_key,
                    wl.date
                from winning_loads as wl
            )
        ) = 0
),

current_loads as (
    select
        f.*,
        coalesce(nullIf(w.conversion_event, ''), 'purchase') as event
    from {{ source('ops', 'current_loads') }} as f
    left join {{ ref('workspaces') }} as w on f.workspace = w.workspace
    where f.load_id in (select wl.load_id from winning_loads as wl)
),

loads as (
    select
        load_id,
        grain,
        export_order,
        restatement_days,
        date_style,
        missing_is_zero,
        null_tokens,
        event,
        event = 'purchase' as counts_main_event,
        if(counts_main_event, conversion_tiers, event_tiers[event]) as tiers,
        event_columns[event][1] as event_conversions,
        event_columns[event][2] as event_value,
        nullIf(currency_default, '') as currency_default,
        id_formats['account_id'] as account_format,
        decimal_marks['impressions'] as impressions_mark,
        decimal_marks['clicks'] as clicks_mark,
        decimal_marks['cost'] as cost_mark,
        decimal_marks['conversions'] as conversions_mark,
        decimal_marks['conversion_value'] as value_mark,
        greatest(unit_divisor['cost'], 1) as cost_divisor,
        greatest(unit_divisor['conversion_value'], 1) as value_divisor,
        missing_is_zero and mapContains(column_map, 'impressions') as impressions_zero,
        missing_is_zero and mapContains(column_map, 'clicks') as clicks_zero,
        missing_is_zero and mapContains(column_map, 'cost') as cost_zero,
        missing_is_zero and if(
            counts_main_event, mapContains(column_map, 'conversions'), tiers != [] or event_conversions != ''
        ) as conversions_zero,
        missing_is_zero and if(
            counts_main_event, mapContains(column_map, 'conversion_value'), tiers != [] or event_value != ''
        ) as conversion_value_zero,
        counts_main_event or event_conversions = column_map['conversions'] as conversions_are_main,
        counts_main_event or event_value = column_map['conversion_value'] as value_is_main
    from current_loads
),

rows_of_winners as (
    select *
    from {{ source('raw', 'ad_performance') }}
    where
        disposition = 'loaded'
        and load_id in (select wl.load_id from winning_loads as wl)
        and {{ only_build_dates('event_date') }}
)

select
    r.workspace as workspace,
    r.source as platform,
    l.grain as grain,
    insightflow_id(r.account_id, l.account_format) as account_id,
    {{ text_of('account_name') }} as account_name,
    {{ text_of('campaign_id') }} as campaign_id,
    {{ text_of('campaign_name') }} as campaign_name,
    {{ text_of('ad_group_id') }} as ad_group_id,
    {{ text_of('ad_group_name') }} as ad_group_name,
    {{ text_of('ad_id') }} as ad_id,
    {{ text_of('ad_name') }} as ad_name,
    r.segments as segments,
    r.event_date as date,  -- typed by landing, by the same function that judged it
    toInt64(coalesce(insightflow_number(r.impressions, l.impressions_mark), if(l.impressions_zero, 0, null)))
        as impressions,
    toInt64(coalesce(insightflow_number(r.clicks, l.clicks_mark), if(l.clicks_zero, 0, null))) as clicks,
    cast(
        coalesce(insightflow_number(r.cost, l.cost_mark), if(l.cost_zero, 0, null)) / l.cost_divisor
        as Nullable(Decimal(18, 6))
    ) as cost,
    cast(
        coalesce(
            {{ conversions_of('conversions', 'conversions', 'conversions_mark', 'conversions_are_main') }},
            if(l.conversions_zero, 0, null)
        ) as Nullable(Decimal(18, 6))
    ) as conversions,
    cast(
        coalesce(
            {{ conversions_of('conversion_value', 'value', 'value_mark', 'value_is_main') }},
            if(l.conversion_value_zero, 0, null)
        ) / l.value_divisor as Nullable(Decimal(18, 6))
    ) as conversion_value,
    cast(
        coalesce(upper(insightflow_text(r.currency)), insightflow_currency_of(r.cost), l.currency_default)
        as LowCardinality(Nullable(String))
    ) as currency,
    cast(r.file_id as String) as file_id,
    r.row_number as row_number,
    l.export_order as exported_at,
    l.restatement_days as restatement_days
from rows_of_winners as r
inner join loads as l on r.load_id = l.load_id
where
    (r.load_id, r.event_date) in (
        select
            wd.load_id,
            wd.date
        from whole_days as wd
    )
    or (r.load_id, coalesce(insightflow_id(r.account_id, l.account_format), ''), r.event_date) in (
        select
            wl.load_id,
            wl.account_key,
            wl.date
        from winning_loads as wl
    )

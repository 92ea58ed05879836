{{ config(materialized='view', settings={}, query_settings={}) }}

-- What web analytics report of visitors, by the source of their session: the rows of the exports that stand.
with ledger as (
    select
        f.load_id as load_id,
        f.column_map as column_map,
        f.missing_is_zero as missing_is_zero
    from {{ source('ops', 'file_ledger') }} as f
    where f.status = 'loaded' and {{ is_web_analytics('f.source') }}
)

select
    r.workspace as workspace,
    r.source as platform,
    x.grain as grain,
    nullIf(r.account_id, '') as property_id,
    coalesce(
        insightflow_text(r.segments['source']),
        insightflow_text(splitByString(' / ', r.segments['source_medium'])[1])
    ) as source,
    coalesce(
        insightflow_text(r.segments['medium']),
        insightflow_text(splitByString(' / ', r.segments['source_medium'])[2])
    ) as medium,
    nullIf(r.campaign_id, '') as campaign_id,
    nullIf(r.campaign_name, '') as campaign_name,
    nullIf(r.segments['utm_content'], '') as content,
    nullIf(r.segments['utm_term'], '') as term,
    nullIf(r.segments['landing_page'], '') as landing_page,
    nullIf(r.segments['event_name'], '') as event_name,
    r.date as date,
    {% for measure in ('sessions', 'engaged_sessions') -%}
    if(
        mapContains(l.column_map, '{{ measure }}'),
        coalesce(
            toInt64(insightflow_number(r.extra[l.column_map['{{ measure }}']], '.')),
            if(l.missing_is_zero, 0, null)
        ),
        null
    ) as {{ measure }},
    {% endfor -%}
    {{ or_zero('r.conversions', 'conversions_zero') }} as key_events,
    {{ or_zero('r.conversion_value', 'conversion_value_zero') }} as revenue,
    cast(nullIf(r.currency, '') as LowCardinality(Nullable(String))) as currency,
    cast(r.file_id as String) as file_id,
    r.row_number as row_number,
    x.exported_at as exported_at,
    x.restatement_days as restatement_days
from {{ source('raw', 'ad_performance_rows') }} as r
inner join {{ ref('int_current_exports') }} as x
    on r.load_id = x.load_id and r.date = x.date and r.account_id = x.account_id
inner join ledger as l on x.load_id = l.load_id
where r.disposition = 'loaded' and {{ is_web_analytics('r.source') }}

{{ config(
    partition_by='date_end',
    order_by=['workspace', 'rank', 'insight_key'],
    meta={'writes': 'anomaly_dates'}
) }}

-- What is worth saying on a day (date_end), most money times confidence first. An insight that lasts has a
-- row on each of its days, under one key.
-- A budget shift says of its two campaigns what would be said of them as best and worst; wear, what would be
-- said of an ad's clicks.
with told as (
    select
        i.*,
        arrayFlatten(groupArray(i.spoken_for) over (partition by i.workspace, i.date_end)) as spoken_for_all
    from {{ ref('int_insight_candidates') }} as i
),

ranked as (
    select
        i.*,
        row_number() over (
            partition by i.workspace, i.date_end
            order by
                coalesce(toFloat64(i.impact_amount), 0) * coalesce(i.confidence, 0) desc, i.insight_key asc
        ) as place
    from told as i
    where
        not (i.kind in ('top_performer', 'worst_performer') or i.entity_type = 'ad' and i.metric = 'ctr')
        or not has(i.spoken_for_all, (toString(i.platform), coalesce(i.account_id, ''), i.entity_id))
)

select
    r.workspace as workspace,
    r.insight_key as insight_key,
    cast(r.kind as LowCardinality(String)) as kind,
    cast(r.severity as LowCardinality(String)) as severity,
    cast(r.entity_type as LowCardinality(String)) as entity_type,
    r.entity_id as entity_id,
    r.entity_name as entity_name,
    r.platform as platform,
    nullIf(r.account_id, '') as account_id,
    cast(r.metric as LowCardinality(String)) as metric,
    r.date_start as date_start,
    r.date_end as date_end,
    assumeNotNull(r.title) as title,
    assumeNotNull(r.body) as body,
    assumeNotNull(r.next_step) as next_step,
    assumeNotNull(r.impact_basis) as impact_basis,
    -- an amount without a currency says nothing
    cast(if(r.impact_currency is null, null, r.impact_amount) as Nullable(Decimal(18, 2))) as impact_amount,
    cast(r.impact_currency as LowCardinality(Nullable(String))) as impact_currency,
    round(coalesce(r.confidence, 0), 4) as confidence,
    toUInt32(r.place) as rank,
    r.evidence as evidence,
    r.is_provisional as is_provisional,
    toBool(r.place > t.max_insights_a_day) as is_beyond_cap
from ranked as r
inner join {{ ref('int_anomaly_thresholds') }} as t on r.workspace = t.workspace
-- What goes on since an earlier day stays, marked: told then, it must not seem to have recovered now.
where r.place <= t.max_insights_a_day or r.date_start < r.date_end

{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace', 'date', 'entity_type'],
    contract={'enforced': false}
) }}

-- RF03 takes the arguments of lambdas and the parts of tuples for columns, CP01 a type for a keyword.
-- noqa: disable=RF03
-- One row for each entity and day that has a flag or misses its data: what moved together, which kind of
-- problem that is, and the money at stake. Scratch: made anew by every run, for the days to judge.
-- x_<metric> is the value over the expectation; <metric>_up and _down say that the metric is flagged.
with scores as (
    select s.*
    from {{ ref('int_anomaly_scores') }} as s
    where {{ only_anomaly_dates('s.date') }}
),

-- How the campaigns of an account moved: a fault of the load touches all of them, a cause of their own does
-- not.
account_campaigns as (
    select
        s.workspace as workspace,
        s.platform as platform,
        s.account_id as account_id,
        s.date as date,
        count() as campaigns,
        countIf(s.value = 0) as silent_campaigns,
        sumIf(s.expected, s.value between s.expected * 1.4 and s.expected * 2.8)
        / sum(s.expected) as doubled_share,
        sumIf(s.expected, s.value < s.expected * 0.8) / sum(s.expected) as reduced_share
    from scores as s
    where s.entity_type = 'campaign' and s.metric = 'cost' and s.expected > 0
    group by s.workspace, s.platform, s.account_id, s.date
),

-- Nearly all that is scored is as usual.
flagged as (
    select
        {{ series_key() }} as series,
        f.date as date
    from scores as f
    where f.is_flagged
),

entity_days as (
    select
        s.workspace as workspace,
        s.platform as platform,
        s.account_id as account_id,
        s.entity_type as entity_type,
        s.entity_id as entity_id,
        s.date as date,
        any(s.account_name) as account_name,
        any(s.campaign_id) as campaign_id,
        any(s.campaign_name) as campaign_name,
        {{ is_part('s.entity_type') }} as is_part,
        any(s.entity_name) as entity_name,
        any(s.currency) as currency,
        any(s.is_provisional) as is_provisional,
        any(s.maturity) as maturity,
        argMaxIf(s.metric, abs(s.z_score), s.is_flagged) as strongest_metric,
        {%- for metric in anomaly_volumes() + anomaly_ratios() %}
        anyIf(toNullable(s.value), s.metric = '{{ metric }}') as {{ metric }},
        anyIf(toNullable(s.expected), s.metric = '{{ metric }}') as expected_{{ metric }},
        {{ metric }} / nullIf(expected_{{ metric }}, 0) as x_{{ metric }},
        countIf(s.is_flagged and s.z_score > 0 and s.metric = '{{ metric }}') > 0 as {{ metric }}_up,
        countIf(s.is_flagged and s.z_score < 0 and s.metric = '{{ metric }}') > 0 as {{ metric }}_down,
        {%- endfor %}
        {%- for metric in anomaly_ratios() %}
        countIf(s.is_flagged and s.shape = 'drift' and s.metric = '{{ metric }}') > 0 as {{ metric }}_drifts,
        {%- endfor %}
        countIf(s.is_flagged and s.shape = 'level') > 0
        and countIf(
            s.is_flagged and s.shape = 'day' and s.metric in ('impressions', 'clicks', 'cost')
        ) = 0 as is_level,
        max(s.is_doubled) as is_doubled,
        groupArray((toString(s.metric), s.deviation))::Map(String, Float64) as deviations, -- noqa: CP01
        maxIf(abs(s.z_score), s.is_flagged) as z_max
    from scores as s
    where ({{ series_key() }}, s.date) in (select
        f.series,
        f.date
    from flagged as f)
    group by s.workspace, s.platform, s.account_id, s.entity_type, s.entity_id, s.date
),

shapes as (
    select
        e.*,
        c.reduced_share as reduced_share,
        e.entity_type = 'account' and (c.campaigns = 0 or c.campaigns >= 2) as may_be_load_fault,
        e.impressions_up or e.clicks_up or e.cost_up or e.conversions_up as is_volume_up,
        e.impressions_down or e.clicks_down or e.cost_down as is_volume_down,
        -- everything is even: sums of rows that are there twice
        is_volume_up
        and e.is_doubled
        and coalesce(e.x_impressions, e.x_clicks) between 1.25 and 3.2
        or may_be_load_fault
        and is_volume_up
        and coalesce(e.x_impressions between 1.6 and 2.6, true)
        and e.x_clicks between 1.6 and 2.6
        and e.x_cost between 1.6 and 2.6
        and coalesce(e.x_conversions between 1.5 and 2.7, true)
        and not (e.ctr_up or e.ctr_down or e.cpc_up or e.cpc_down)
        and (c.campaigns = 0 or c.doubled_share >= 0.8) as is_duplicate,
        greatest(coalesce(e.x_impressions, 0), e.x_clicks, e.x_cost) as largest_x,
        least(coalesce(e.x_impressions, e.x_clicks), e.x_clicks, e.x_cost) as smallest_x,
        may_be_load_fault
        and is_volume_down
        and largest_x < 0.7
        and smallest_x > 0.05
        and largest_x / smallest_x < 1.3
        and (c.campaigns = 0 or c.reduced_share >= 0.8 or c.silent_campaigns >= 2) as is_partial
    from entity_days as e
    left join account_campaigns as c
        on
            e.workspace = c.workspace
            and e.platform = c.platform
            and e.account_id = c.account_id
            and e.date = c.date
),

kinds as (
    select
        s.*,
        multiIf(
            coalesce(s.is_duplicate, false), 'duplicate_load',
            coalesce(s.is_partial, false), 'partial_load',
            coalesce(s.is_volume_down and coalesce(s.x_cost, s.x_clicks) <= 0.05, false), 'spend_stop',
            s.ctr_drifts or s.cpc_drifts or s.cvr_drifts or s.cpa_drifts, 'slow_drift',
            coalesce(
                (s.is_part or s.x_clicks >= 0.6) and (
                    (
                        (s.conversions_down or s.cvr_down or s.cpa_up)
                        and (
                            s.x_conversions <= 0.35
                            -- ten times the clicks with the usual conversions is a spike, and no break
                            or s.x_cvr <= 0.35 and s.cvr_down and coalesce(s.x_conversions, 0) <= 0.8
                        )
                    )
                    or ((s.conversion_value_down or s.roi_down) and s.x_conversion_value <= 0.35)
                ), false
            ), 'tracking_break',
            s.is_level, 'level_shift',
            coalesce(s.is_volume_up and s.x_cost >= 1.3 and s.x_clicks >= 1.3, false), 'spend_spike',
            coalesce(
                s.ctr_down and s.x_ctr <= 0.7 and (s.is_part or s.x_impressions >= 0.6), false
            ), 'ctr_collapse',
            coalesce(s.cpc_up and s.x_cpc >= 1.3, false), 'cpc_jump',
            coalesce(s.cost_up and s.x_cost >= 1.3, false), 'spend_spike',
            'metric_anomaly'
        ) as kind,
        s.strongest_metric in ('impressions', 'clicks', 'cost') as is_volume,
        s.strongest_metric in ('ctr', 'cpc') as is_rate,
        multiIf(
            kind = 'tracking_break', if(s.is_part, 'cvr', 'conversions'),
            kind = 'ctr_collapse', 'ctr',
            kind = 'cpc_jump', 'cpc',
            kind = 'slow_drift',
            multiIf(s.cpc_drifts, 'cpc', s.ctr_drifts, 'ctr', s.cvr_drifts, 'cvr', 'cpa'),
            kind = 'metric_anomaly', s.strongest_metric,
            'cost'
        ) as lead_metric,
        -- what later days must share to be the same event
        multiIf(
            kind in ('duplicate_load', 'partial_load'), kind,
            kind = 'spend_stop', 'volume_down',
            kind = 'spend_spike', 'volume_up',
            kind = 'tracking_break', 'results_down',
            kind = 'ctr_collapse', 'ctr_down',
            kind = 'cpc_jump', 'cpc_up',
            kind = 'slow_drift' and lead_metric in ('cpc', 'ctr'),
            concat(
                lead_metric,
                if(lead_metric = 'cpc' and s.cpc_up or lead_metric = 'ctr' and s.ctr_up, '_up', '_down')
            ),
            kind = 'level_shift' or is_volume,
            concat('volume_', if(s.impressions_up or s.clicks_up or s.cost_up, 'up', 'down')),
            s.strongest_metric = 'ctr', if(s.ctr_up, 'ctr_up', 'ctr_down'),
            s.strongest_metric = 'cpc', if(s.cpc_up, 'cpc_up', 'cpc_down'),
            s.conversions_down or s.conversion_value_down or s.cvr_down or s.cpa_up or s.roi_down,
            'results_down',
            'results_up'
        ) as family,
        s.expected_conversion_value / nullIf(s.expected_clicks, 0) as value_per_click,
        abs(s.cost - s.expected_cost) as cost_gap,
        if(
            s.is_part,
            abs(s.deviations['roi']),
            abs(s.conversion_value - s.expected_conversion_value)
        ) as value_gap
    from shapes as s
),

found as (
    select
        k.workspace as workspace,
        k.platform as platform,
        k.account_id as account_id,
        k.account_name as account_name,
        k.campaign_id as campaign_id,
        k.campaign_name as campaign_name,
        k.entity_type as entity_type,
        k.entity_id as entity_id,
        k.entity_name as entity_name,
        k.date as date,
        k.kind as kind,
        k.family as family,
        k.lead_metric as metric,
        multiIf(
            k.kind in ('spend_spike', 'duplicate_load', 'partial_load', 'level_shift'), k.cost_gap,
            k.kind = 'cpc_jump' or k.kind = 'slow_drift' and k.lead_metric = 'cpc'
            or k.strongest_metric = 'cpc' and k.kind = 'metric_anomaly',
            if(k.is_part, abs(k.deviations['cpc']), abs(k.cpc - k.expected_cpc) * k.clicks),
            k.kind = 'ctr_collapse' or k.kind = 'slow_drift' and k.lead_metric = 'ctr'
            or k.strongest_metric = 'ctr' and k.kind = 'metric_anomaly',
            if(k.is_part, abs(k.deviations['ctr']), abs(k.ctr - k.expected_ctr) * k.impressions)
            * coalesce(nullIf(k.value_per_click, 0), k.expected_cpc),
            k.kind in ('tracking_break', 'slow_drift'), coalesce(nullIf(k.value_gap, 0), k.cost),
            k.kind = 'spend_stop', coalesce(nullIf(k.value_gap, 0), k.cost_gap),
            k.is_volume, coalesce(k.cost_gap, k.value_gap),
            coalesce(k.value_gap, k.cost_gap)
        ) as impact,
        k.currency as currency,
        k.z_max as z_max,
        k.is_provisional as is_provisional,
        k.maturity as maturity,
        toUInt16(0) as days_seen,
        k.deviations as deviations
    from kinds as k
),

accounts as (
    select
        i.*,
        -- one day without a rate takes all of them to account currency: no sum is of two
        countIf(i.cost > 0 and i.rate is null) over last_28 = 0 as is_priced,
        if(
            is_priced, i.reporting_currency, maxIf(i.account_currency, i.cost > 0) over last_28
        ) as usual_currency,
        multiIf(
            is_priced, avg(if(i.cost = 0, 0, i.cost * i.rate)) over last_28,
            uniqExactIf(coalesce(i.account_currency, ''), i.cost > 0) over last_28 = 1,
            avg(i.cost) over last_28,
            null
        ) as usual_cost,
        countIf(not i.is_missing) over last_28 as seen
    from {{ ref('int_anomaly_series') }} as i
    where i.entity_type = 'account' and {{ with_history('i.date', 28) }}
    window last_28 as (partition by i.series order by i.day range between 28 preceding and 1 preceding)
),

-- An account without data: what it usually spends on a day is what the reports lack.
missing as (
    select
        s.workspace as workspace,
        s.platform as platform,
        s.account_id as account_id,
        s.account_name as account_name,
        '' as campaign_id,
        '' as campaign_name,
        s.entity_type as entity_type,
        s.entity_id as entity_id,
        s.entity_name as entity_name,
        s.date as date,
        'data_missing' as kind,
        'data_missing' as family,
        'cost' as metric,
        s.usual_cost as impact,
        s.usual_currency as currency,
        toFloat64(0) as z_max,
        false as is_provisional,
        s.maturity as maturity,
        toUInt16(s.seen) as days_seen,
        map()::Map(String, Float64) as deviations -- noqa: CP01
    from accounts as s
    where s.is_missing and {{ only_anomaly_dates('s.date') }}
)

select * from found
union all
select * from missing

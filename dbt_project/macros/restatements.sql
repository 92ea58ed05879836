{#
  Notes in ops.restatement_log what a newer export changes, before another export stands: for each entity
  of an account and day whose export is another one now, the metrics whose sums differ, and money whose currency does.
  A day that had no export yet is no restatement, nor is a change of the models alone. Run again after a crash it notes
  the same rows again, which ops.restatements shows once.
#}
{% macro note_restatements(old, new, partition_ids) %}
    {%- set others = other_events_are_counted([old, new]) %}
    insert into ops.restatement_log (
        workspace, platform, grain, account_id, date, entity_id, entity_name, metric, before, after, currency, currency_before,
        exported_before, exported_after, restated_at
    )
    with both_exports as (
        {%- for relation, side in ((old, 'old'), (new, 'new')) %}
        {{ 'union all' if not loop.first }}
        select '{{ side }}' as side, * from {{ relation }}
        where _partition_id in ('{{ partition_ids | join("', '") }}')
        {%- endfor %}
    ),

    restated_days as (
        select
            workspace, platform, grain, account_id, date,
            maxIf(exported_at, side = 'old') as exported_before,
            maxIf(exported_at, side = 'new') as exported_after
        from both_exports
        group by workspace, platform, grain, account_id, date
        having
            countIf(side = 'old') > 0 and countIf(side = 'new') > 0
            and arraySort(groupUniqArrayIf(file_id, side = 'old')) != arraySort(groupUniqArrayIf(file_id, side = 'new'))
    ),

    restated_exports as (
        select * from both_exports
        where (workspace, platform, grain, account_id, date) in (
            select workspace, platform, grain, account_id, date from restated_days
        )
    ),

    both as (
        select
            x.side as side, x.workspace as workspace, x.platform as platform, x.grain as grain,
            x.account_id as account_id, x.date as date, nullIf(r.currency, '') as currency,
            coalesce(r.impressions, if(x.impressions_zero, 0, null)) as impressions,
            coalesce(r.clicks, if(x.clicks_zero, 0, null)) as clicks,
            {{ or_zero('r.cost', 'cost_zero') }} as cost,
            {{ or_zero(of_event('conversions', 1, others), 'conversions_zero') }} as conversions,
            {{ or_zero(of_event('conversion_value', 2, others), 'conversion_value_zero') }} as conversion_value,
            multiIf(
                {%- for level in ('ad', 'ad_group', 'campaign') %}
                x.grain = '{{ level }}', if(r.{{ level }}_id = '', r.{{ level }}_name, r.{{ level }}_id),
                {%- endfor %}
                x.grain = 'keyword', if(r.segments['keyword_id'] = '', r.segments['keyword'], r.segments['keyword_id']),
                x.grain in ('search_term', 'landing_page'), r.segments[x.grain],
                if(r.account_id = '', r.account_name, r.account_id)
            ) as entity_id,
            nullIf(
                multiIf(
                    x.grain = 'ad', r.ad_name, x.grain = 'ad_group', r.ad_group_name,
                    x.grain = 'campaign', r.campaign_name,
                    x.grain in ('keyword', 'search_term', 'landing_page'), r.segments[x.grain], r.account_name
                ), ''
            ) as entity_name
        from raw.ad_performance_rows as r
        inner join restated_exports as x
            on r.load_id = x.load_id and r.date = x.date and r.account_id = x.account_id
        {%- if others %}
        left join ops.file_ledger as l
            on x.load_id = l.load_id and l.status = 'loaded' and x.event != ''
        {%- endif %}
        where
            r.disposition = 'loaded' and r.load_id in (select load_id from restated_exports)
            and r.date in (select date from restated_exports)
    ),

    entities as (
        select
            workspace, platform, grain, account_id, date, entity_id,
            argMax(entity_name, side = 'new') as entity_name,
            argMax(currency, side = 'new') as currency,
            maxIf(both.currency, side = 'old') as currency_before,
            [
                {%- for metric in ('impressions', 'clicks', 'cost', 'conversions', 'conversion_value') %}
                (
                    '{{ metric }}',
                    sumOrNullIf(toDecimal128({{ metric }}, 6), side = 'old'),
                    sumOrNullIf(toDecimal128({{ metric }}, 6), side = 'new')
                ){{ ',' if not loop.last }}
                {%- endfor %}
            ] as metrics
        from both
        group by workspace, platform, grain, account_id, date, entity_id
    )

    select
        e.workspace, e.platform, e.grain, nullIf(e.account_id, ''), e.date, e.entity_id, e.entity_name,
        change.1 as metric, change.2 as before, change.3 as after, e.currency, e.currency_before,
        d.exported_before, d.exported_after, now64(3)
    from entities as e
    array join e.metrics as change
    inner join restated_days as d
        on
            e.workspace = d.workspace and e.platform = d.platform and e.grain = d.grain
            and e.account_id = d.account_id and e.date = d.date
    where
        ifNull(toString(change.2), '') != ifNull(toString(change.3), '')
        or change.1 in ('cost', 'conversion_value')
        and ifNull(change.2 != 0 and change.3 != 0 and e.currency_before != e.currency, false)
{% endmacro %}

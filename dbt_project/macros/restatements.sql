{#
  Notes in ops.restatement_log what a newer export changes, before staging's partitions are replaced: for each entity
  of an account and day whose export is another one now, the metrics whose sums differ. A day that had no export yet is
  no restatement, nor is a change of the models alone. Run again after a crash it notes the same rows again, which
  ops.restatements shows once.
#}
{% macro note_restatements(old, new, partition_ids) %}
    insert into ops.restatement_log (
        workspace, platform, grain, account_id, date, entity_id, entity_name, metric, before, after, currency,
        exported_before, exported_after, restated_at
    )
    with both as (
        {%- for relation, side in ((old, 'old'), (new, 'new')) %}
        {{ 'union all' if not loop.first }}
        select
            '{{ side }}' as side, workspace, platform, grain, account_id, date, currency, file_id, exported_at,
            impressions, clicks, cost, conversions, conversion_value,
            coalesce(
                {%- for level in ('ad', 'ad_group', 'campaign') %}
                if(grain = '{{ level }}', coalesce({{ level }}_id, {{ level }}_name), null),
                {%- endfor %}
                if(grain = 'account', coalesce(account_id, account_name), null),
                if(grain = 'keyword', coalesce(nullIf(segments['keyword_id'], ''), segments['keyword']), null),
                if(grain in ('search_term', 'landing_page'), segments[grain], null), ''
            ) as entity_id,
            multiIf(
                grain = 'ad', ad_name, grain = 'ad_group', ad_group_name, grain = 'campaign', campaign_name,
                grain in ('keyword', 'search_term', 'landing_page'), segments[grain], account_name
            ) as entity_name
        from {{ relation }}
        where _partition_id in ('{{ partition_ids | join("', '") }}')
        {%- endfor %}
    ),

    restated_days as (
        select
            workspace, platform, grain, account_id, date,
            maxIf(exported_at, side = 'old') as exported_before,
            maxIf(exported_at, side = 'new') as exported_after
        from both
        group by workspace, platform, grain, account_id, date
        having
            countIf(side = 'old') > 0 and countIf(side = 'new') > 0
            and arraySort(groupUniqArrayIf(file_id, side = 'old')) != arraySort(groupUniqArrayIf(file_id, side = 'new'))
    ),

    entities as (
        select
            workspace, platform, grain, account_id, date, entity_id,
            argMax(entity_name, side = 'new') as entity_name,
            argMax(currency, side = 'new') as currency,
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
        where (workspace, platform, grain, ifNull(account_id, ''), date) in (
            select workspace, platform, grain, ifNull(account_id, ''), date from restated_days
        )
        group by workspace, platform, grain, account_id, date, entity_id
    )

    select
        e.workspace, e.platform, e.grain, e.account_id, e.date, e.entity_id, e.entity_name,
        change.1 as metric, change.2 as before, change.3 as after, e.currency,
        d.exported_before, d.exported_after, now64(3)
    from entities as e
    array join e.metrics as change
    inner join restated_days as d
        on
            e.workspace = d.workspace and e.platform = d.platform and e.grain = d.grain
            and e.account_id <=> d.account_id and e.date = d.date
    where ifNull(toString(change.2), '') != ifNull(toString(change.3), '')
{% endmacro %}

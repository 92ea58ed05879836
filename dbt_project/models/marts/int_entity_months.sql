{{ config(partition_by='month_start', order_by=['entity_type', 'workspace', 'platform', 'account_key']) }}

-- One pass over the facts of the months: days are gone here, entities, names and grains still side by side.
with months as (
    select
        f.workspace as workspace,
        f.platform as platform,
        f.grain as grain,
        toStartOfMonth(f.date) as month_start,
        {{ named_entity_path('f') }},
        min(f.date) as first_date,
        max((f.date, f.last_exported_at)) as seen,
        argMax(f.currency, (f.date, f.last_exported_at, coalesce(f.currency, ''))) as newest_currency,
        -- Listed with nothing to show for it is idle; of what no metric is known, the listing has to do.
        maxOrNullIf(
            f.date,
            greatest(coalesce(f.impressions, 0), coalesce(f.clicks, 0)) > 0
            or greatest(coalesce(f.cost, 0), coalesce(f.conversions, 0)) > 0
            or coalesce(f.impressions, f.clicks, f.cost, f.conversions) is null
        ) as last_active_date
    from {{ ref('fct_ad_performance_daily') }} as f
    where {{ only_build_dates('f.date', 'month') }}
    group by
        f.workspace,
        f.platform,
        f.grain,
        toStartOfMonth(f.date),
        {{ named_entity_path('f', grouped=true) }}
),

by_level as (
    {{ entities_of_all_levels('months') }}
),

spans as (
    select
        b.entity_type as entity_type,
        b.workspace as workspace,
        b.platform as platform,
        b.grain as grain,
        b.month_start as month_start,
        {{ entity_path_columns('b') }},
        b.name as name,
        {{ entity_spans('b') }}
    from by_level as b
    group by b.entity_type, b.workspace, b.platform, b.grain, b.month_start, {{ entity_path('b') }}, b.name
)

select
    cast(s.entity_type as LowCardinality(String)) as entity_type,
    s.workspace as workspace,
    s.platform as platform,
    s.grain as grain,
    s.month_start as month_start,
    {{ entity_path_columns('s') }},
    s.name as name,
    {{ entity_span_columns('s') }}
from spans as s

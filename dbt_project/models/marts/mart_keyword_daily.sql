{{ config(order_by=['workspace', 'platform', 'account_id', 'campaign_id', 'ad_group_id']) }}

with sums as (
    select
        t.workspace as workspace,
        t.platform as platform,
        {{ entity_columns('t', ['account', 'campaign', 'ad_group'], 'last_exported_at') }},
        t.keyword_id as keyword_id,
        argMax(t.keyword, (t.last_exported_at, t.keyword)) as keyword,
        t.match_type as match_type,
        t.date as date,
        {{ metric_sums('t') }}
    from {{ ref('fct_ad_performance_segment_daily') }} as t
    where {{ only_build_dates('t.date') }} and t.grain = 'keyword'
    group by
        t.workspace,
        t.platform,
        {{ entity_key('t', ['account', 'campaign', 'ad_group']) }},
        t.keyword_id,
        coalesce(t.keyword_id, t.keyword),
        t.match_type,
        t.date
)

select
    *,
    {{ ratio_columns() }},
    {{ ratio_columns('reporting') }}
from sums

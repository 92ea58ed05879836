{{ config(order_by=['workspace', 'platform', 'account_id', 'campaign_id', 'ad_group_id', 'ad_id']) }}

with totals as (
    {{ rows_of_first_grain(['ad']) }}
),

sums as (
    select
        t.workspace as workspace,
        t.platform as platform,
        {{ entity_columns('t', ['account', 'campaign', 'ad_group', 'ad'], 'last_exported_at') }},
        t.date as date,
        {{ metric_sums('t') }}
    from totals as t
    group by t.workspace, t.platform, {{ entity_key('t', ['account', 'campaign', 'ad_group', 'ad']) }}, t.date
)

select
    *,
    {{ ratio_columns() }},
    {{ ratio_columns('reporting') }}
from sums

{{ config(order_by=['workspace', 'platform', 'account_id', 'campaign_id']) }}

with totals as (
    {{ rows_of_first_grain(['campaign', 'ad_group', 'ad']) }}
),

sums as (
    select
        t.workspace as workspace,
        t.platform as platform,
        {{ entity_columns('t', ['account', 'campaign'], 'last_exported_at') }},
        t.date as date,
        {{ metric_sums('t') }}
    from totals as t
    group by t.workspace, t.platform, {{ entity_key('t', ['account', 'campaign']) }}, t.date
)

select
    *,
    {{ ratio_columns() }},
    {{ ratio_columns('reporting') }}
from sums

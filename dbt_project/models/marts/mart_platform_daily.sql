{{ config(order_by=['workspace', 'platform']) }}

with sums as (
    select
        a.workspace as workspace,
        a.platform as platform,
        a.date as date,
        {{ metric_sums('a', of='marts') }}
    from {{ ref('mart_account_daily') }} as a
    where {{ only_build_dates('a.date') }}
    group by a.workspace, a.platform, a.date
)

select
    *,
    {{ ratio_columns() }},
    {{ ratio_columns('reporting') }}
from sums

{{ config(partition_by='year_start', order_by=['entity_type', 'workspace', 'platform', 'account_key']) }}

with spans as (
    select
        m.entity_type as entity_type,
        m.workspace as workspace,
        m.platform as platform,
        m.grain as grain,
        toStartOfYear(m.month_start) as year_start,
        {{ entity_path_columns('m') }},
        m.name as name,
        {{ entity_spans('m') }}
    from {{ ref('int_entity_months') }} as m
    where {{ only_build_periods('toStartOfYear(m.month_start)', 'year') }}
    group by
        m.entity_type,
        m.workspace,
        m.platform,
        m.grain,
        toStartOfYear(m.month_start),
        {{ entity_path('m') }},
        m.name
)

select
    s.entity_type as entity_type,
    s.workspace as workspace,
    s.platform as platform,
    s.grain as grain,
    s.year_start as year_start,
    {{ entity_path_columns('s') }},
    s.name as name,
    {{ entity_span_columns('s') }}
from spans as s

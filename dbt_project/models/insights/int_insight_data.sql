{{ config(
    materialized='table',
    partition_by=none,
    schema='staging',
    order_by=['workspace', 'date_end', 'insight_key'],
    contract={'enforced': false}
) }}

-- noqa: disable=RF03
-- Problems of the data that no anomaly shows: money that has no exchange rate, and rows that were kept apart.
-- Scratch; a table, for a query of all kinds of insights at once comes near the size that the engine takes.
with unpriced as (
    select
        a.workspace as workspace,
        toString(assumeNotNull(a.currency)) as currency,
        date_end,
        any(a.reporting_currency) as reporting_currency,
        arraySort(groupUniqArray(a.date)) as dates,
        arraySort(groupUniqArray(toString(a.platform))) as platforms,
        sum(a.cost) as cost,
        max(a.is_provisional) as is_provisional
    from {{ ref('mart_account_daily') }} as a
    array join {{ judged_windows('a.date', 31) }} as date_end
    where
        {{ with_history('a.date', 30) }}
        and toStartOfMonth(a.date) = toStartOfMonth(date_end)
        and a.currency is not null
        and a.cost > 0
        and a.cost_reporting is null
    group by a.workspace, currency, date_end
    having max(a.date) = date_end
),

-- Loads that stand on a day to judge: the newest export of each account and grain. A file of repaired rows is
-- part of the export that it repairs.
standing as (
    select distinct
        date,
        load_id
    from (
        select
            c.date as date,
            argMax(c.load_id, (c.export_order, c.export_id)) as load_id
        from {{ source('ops', 'file_coverage') }} as c
        where
            {{ only_anomaly_dates('c.date') }}
            and c.load_id not in (
                select r.load_id
                from {{ source('ops', 'current_loads') }} as r
                where r.repairs != ''
            )
        group by c.workspace, c.source, c.grain, c.account_id, c.date
    )
),

repaired as (
    select
        k.file_id as file_id,
        count() as lines,
        sumMap(map(toString(k.reason), toUInt64(1))) as reasons
    from {{ source('ops', 'rejected_rows') }} as k
    where
        (k.file_id, k.row_number) in (
            select
                r.file_id,
                r.row_number
            from {{ source('ops', 'repaired_rows') }} as r
        )
    group by k.file_id
),

refused as (
    select
        f.workspace as workspace,
        f.source as platform,
        s.date as date_end,
        f.load_id as load_id,
        f.file_id as file_id,
        f.uri as uri,
        f.rows_rejected - m.lines as rows_rejected,
        f.rows_loaded as rows_loaded,
        {{ reasons_left('f.rejected', 'm.reasons') }} as reasons,
        f.date_min as date_min
    from standing as s
    inner join {{ source('ops', 'current_loads') }} as f on s.load_id = f.load_id
    left join repaired as m on f.file_id = m.file_id
    where f.rows_rejected > m.lines and s.date = f.date_max
),

-- What landing read in the cost cells of these files: of rows kept apart and not repaired, and of the others.
cells as (
    select
        r.load_id as load_id,
        toString(r.currency) as currency,
        countIf(r.disposition != 'loaded' and r.cost is not null) as rows_read,
        toFloat64(sumIf(r.cost, r.disposition != 'loaded')) as cost_read,
        countIf(r.disposition = 'loaded' and r.cost is not null) as rows_priced,
        toFloat64(sumIf(r.cost, r.disposition = 'loaded')) as cost_priced
    from {{ source('raw', 'ad_performance_rows') }} as r
    where
        r.load_id in (
            select f.load_id
            from {{ source('ops', 'current_loads') }} as f
            where f.rows_rejected > 0 and {{ only_anomaly_dates('f.date_max') }}
        )
        and (
            r.disposition = 'loaded'
            or (r.file_id, r.row_number) in (
                select
                    k.file_id,
                    k.row_number
                from {{ source('ops', 'rejected_rows') }} as k
            )
            and (r.file_id, r.row_number) not in (
                select
                    d.file_id,
                    d.row_number
                from {{ source('ops', 'repaired_rows') }} as d
            )
        )
    group by r.load_id, r.currency
),

rates as (
    select
        x.workspace as workspace,
        x.date as date,
        toString(x.currency) as currency,
        toFloat64(x.units) / toFloat64(x.per) as rate
    from {{ ref('int_fx_rates_daily') }} as x
    where {{ only_anomaly_dates('x.date') }}
),

-- At the rate of the file's last day. NULL where a currency has no rate: what is unknown adds to nothing.
priced as (
    select
        r.load_id as load_id,
        {% set reporting = reporting_currency_of('w') -%}
        {% set rate = "if(c.currency = " ~ reporting ~ ", 1, nullIf(x.rate, 0))" -%}
        any({{ reporting }}) as reporting_currency,
        sum(c.rows_read) as rows_read,
        countIf(c.rows_read > 0 and {{ rate }} is null) > 0 as has_no_rate,
        sum(c.cost_read * {{ rate }}) as cost_read,
        sum(c.cost_priced * {{ rate }}) / nullIf(sumIf(c.rows_priced, {{ rate }} is not null), 0) as mean_cost
    from refused as r
    inner join cells as c on r.load_id = c.load_id
    left join {{ ref('workspaces') }} as w on r.workspace = w.workspace
    left join rates as x
        on r.workspace = x.workspace and r.date_end = x.date and c.currency = x.currency
    group by r.load_id
),

refused_money as (
    select
        {% for column in [
            'workspace', 'platform', 'date_end', 'file_id', 'uri', 'rows_rejected', 'rows_loaded',
            'reasons', 'date_min'
        ] -%}
        r.{{ column }} as {{ column }},
        {% endfor -%}
        p.rows_read as rows_read,
        toInt64(r.rows_rejected) - toInt64(p.rows_read) as rows_guessed,
        if(
            p.has_no_rate, null,
            coalesce(p.cost_read, 0) + if(rows_guessed > 0, rows_guessed * p.mean_cost, 0)
        ) as impact,
        if(impact is null, null, nullIf(p.reporting_currency, '')) as currency,
        arrayElement(splitByChar('/', r.uri), -1) as file_name,
        arrayStringConcat(
            {{ counted_reasons('r.reasons') }},
            ', '
        ) as reason_text,
        {{ money_text('impact', 'currency') }} as impact_text,
        multiIf(
            impact is null, '. ',
            rows_guessed = 0, concat(': their own cost cells add up to ', impact_text, '. '),
            rows_read = 0,
            concat(
                ': their cost cells cannot be read; at the mean of the file''s other rows they are about ',
                impact_text, '. '
            ),
            concat(
                ': by the cost cells that can be read, and the mean of the file''s rows for the other ',
                toString(rows_guessed), ', about ', impact_text, '. '
            )
        ) as money_story,
        multiIf(
            impact is null, 'Unknown: no cost can be read and turned into the reporting currency.',
            rows_guessed = 0, 'The cost cells of the rejected rows, at the rate of the file''s last day.',
            rows_read = 0,
            'An estimate: the mean cost of a loaded row of the file × rows rejected.',
            concat(
                'The cost cells of the rejected rows, and for ', toString(rows_guessed),
                ' that cannot be read the mean cost of a loaded row of the file.'
            )
        ) as money_basis
    from refused as r
    left join priced as p on r.load_id = p.load_id
),

words as (
    select
        'missing_rate' as kind,
        u.workspace as workspace,
        'high' as severity,
        'workspace' as entity_type,
        toString(u.workspace) as entity_id,
        toString(u.workspace) as entity_name,
        if(length(u.platforms) = 1, u.platforms[1], '') as platform,
        u.dates[1] as date_start,
        u.date_end as date_end,
        concat('missing_rate||', u.currency, '|', toString(toStartOfMonth(u.date_end))) as insight_key,
        concat('No exchange rate for ', u.currency, ': its money is missing in ', u.reporting_currency)
            as title,
        concat(
            {{ money_text('toFloat64(u.cost)', 'u.currency') }}, ' of spend since ',
            {{ date_text('date_start') }},
            ' cannot be converted, so totals in ', u.reporting_currency, ' leave it out or stay empty. '
        ) as story,
        concat(
            'Drop a file of rates for ', u.currency,
            ' into the bucket, or add them to the seed fx_rates; these days are then rebuilt.'
        ) as next_step,
        concat('Spend in ', u.currency, ' on the days without a rate, in that currency.') as impact_basis,
        {{ to_amount('toFloat64(u.cost)') }} as impact_amount,
        cast(u.currency as Nullable(String)) as impact_currency,
        toFloat64(0.95) as confidence,
        u.is_provisional as is_provisional,
        u.currency as subject,
        cast(map() as Map(String, UInt64)) as reasons,
        u.dates as dates,
        concat(
            'SELECT date, platform, account_name, cost, currency FROM marts.mart_account_daily',
            ' WHERE workspace = ',
            {{ sql_literal('u.workspace') }}, ' AND currency = ', {{ sql_literal('u.currency') }},
            ' AND cost_reporting IS NULL AND date BETWEEN ''', toString(date_start), ''' AND ''',
            toString(u.date_end),
            ''' ORDER BY date'
        ) as sql
    from unpriced as u
    union all
    select
        'rows_rejected' as kind,
        r.workspace as workspace,
        if(r.rows_rejected >= 0.05 * r.rows_loaded, 'high', 'medium') as severity,
        'file' as entity_type,
        r.file_id as entity_id,
        r.file_name as entity_name,
        toString(r.platform) as platform,
        assumeNotNull(r.date_min) as date_start,
        r.date_end as date_end,
        concat('rows_rejected|', r.platform, '|', r.file_id) as insight_key,
        concat(
            toString(r.rows_rejected), if(r.rows_rejected = 1, ' row', ' rows'), ' of ', r.file_name,
            ' could not be read'
        ) as title,
        concat(
            'They are kept apart (', r.reason_text, '), and the numbers of ',
            {{ platform_text('r.platform') }},
            ' are too small by them', r.money_story
        ) as story,
        concat(
            'Export them by bin/insightflow rejects -w ', {{ shell_word('r.workspace') }}, ' --file ',
            {{ shell_word('r.file_name') }},
            ' --out repair.csv, correct them, then bin/insightflow load -w ', {{ shell_word('r.workspace') }},
            ' repair.csv: it adds just them.'
        ) as next_step,
        r.money_basis as impact_basis,
        {{ to_amount('r.impact') }} as impact_amount,
        cast(r.currency as Nullable(String)) as impact_currency,
        toFloat64(0.8) as confidence,
        false as is_provisional,
        r.uri as subject,
        r.reasons as reasons,
        arrayDistinct([assumeNotNull(r.date_min), r.date_end]) as dates,
        concat(
            'SELECT row_number, reason, detail, raw_text FROM ops.rejected_rows WHERE file_id = ',
            {{ sql_literal('r.file_id') }},
            ' AND row_number NOT IN (SELECT row_number FROM ops.repaired_rows WHERE file_id = ',
            {{ sql_literal('r.file_id') }}, ') ORDER BY row_number'
        ) as sql
    from refused_money as r
)

select
    w.workspace as workspace,
    w.insight_key as insight_key,
    w.kind as kind,
    w.severity as severity,
    w.entity_type as entity_type,
    w.entity_id as entity_id,
    w.entity_name as entity_name,
    w.platform as platform,
    cast(null as Nullable(String)) as account_id,
    'cost' as metric,
    w.date_start as date_start,
    w.date_end as date_end,
    w.title as title,
    concat(w.story, w.next_step) as body,
    w.next_step as next_step,
    w.impact_basis as impact_basis,
    w.impact_amount as impact_amount,
    w.impact_currency as impact_currency,
    w.confidence as confidence,
    toJSONString(cast(
        (
            w.subject, toFloat64(w.impact_amount), w.reasons, w.dates,
            (w.workspace, w.platform, '', w.entity_type, w.entity_id), w.sql
        ),
        '{{ evidence_data_type() }}'
    )) as evidence,
    w.is_provisional as is_provisional
from words as w

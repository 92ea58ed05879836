{# Every row that landing loaded for the winning exports of the tested dates is in staging, once. #}
{% test conserved_from_landing(model) %}
    with winners as (
        select
            c.date as date,
            c.rows as rows,
            c.export_id as export_id,
            argMax(c.export_id, (c.export_order, c.export_id))
                over (partition by c.workspace, c.source, c.grain, c.account_id, c.date) as winner
        from {{ source('ops', 'file_coverage') }} as c
        where {{ only_tested_dates('date') }}
    ),

    landed as (
        select
            w.date as date,
            sum(w.rows) as rows
        from winners as w
        where w.export_id = w.winner
        group by w.date
    ),

    staged as (
        select
            s.date as date,
            count() as rows,
            uniqExact(s.file_id, s.row_number) as distinct_rows
        from {{ model }} as s
        where {{ only_tested_dates('date') }}
        group by s.date
    )

    select
        coalesce(l.date, s.date) as date,
        l.rows as landed_rows,
        s.rows as staged_rows
    from landed as l
    full outer join staged as s on l.date = s.date
    where l.rows != s.rows or s.rows != s.distinct_rows
{% endtest %}

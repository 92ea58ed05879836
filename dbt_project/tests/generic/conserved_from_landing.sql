{#
  Rule 1: every row that landing loaded for the standing exports of the tested dates is in staging,
  once. Rule 2: file by file, so that an older export in place of the newest is found.
#}
{% test conserved_from_landing(model) %}
    with winners as (
        select
            c.date as date,
            c.rows as rows,
            c.file_id as file_id,
            c.export_id as export_id,
            argMax(c.export_id, (c.export_order, c.export_id))
                over (partition by c.workspace, c.source, c.grain, c.account_id, c.date) as winner
        from {{ source('ops', 'file_coverage') }} as c
        where {{ only_tested_dates('date') }}
    ),

    landed as (
        select
            w.date as date,
            w.file_id as file_id,
            sum(w.rows) as rows
        from winners as w
        where w.export_id = w.winner
        group by w.date, w.file_id
    ),

    staged as (
        select
            s.date as date,
            s.file_id as file_id,
            count() as rows,
            uniqExact(s.row_number) as distinct_rows
        from {{ model }} as s
        where {{ only_tested_dates('date') }}
        group by s.date, s.file_id
    )

    select
        coalesce(l.date, s.date) as date,
        coalesce(l.file_id, s.file_id) as file_id,
        l.rows as landed_rows,
        s.rows as staged_rows
    from landed as l
    full outer join staged as s on l.date = s.date and l.file_id = s.file_id
    -- a file of which nothing is staged has no row on that side
    where not (l.rows <=> s.rows) or s.rows != s.distinct_rows
{% endtest %}

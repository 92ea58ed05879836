{# No two rows share the key. NULL is a value of the key here. A hash says in a third of the time which rows to look at;
   not of a view, whose rows the second look would work out again. #}
{% test unique_key(model, columns, is_view=false) %}
{% set key = columns | join(', ') %}
select {{ key }}, count() as rows_of_key
from {{ model }}
{% if not is_view %}
where cityHash64(tuple({{ key }})) in (
    select cityHash64(tuple({{ key }})) as key_hash
    from {{ model }}
    group by key_hash
    having count() > 1
)
{% endif %}
group by {{ key }}
having count() > 1
{% endtest %}

{# `columns` are neither NULL nor empty; `optional` may be NULL but not empty: missing is NULL, never ''. #}
{% test present(model, columns, optional=[]) %}
select *
from {{ model }}
where
    {% for column in columns %}
    {{ column }} is null or toString({{ column }}) = '' or
    {% endfor %}
    {% for column in optional %}
    {{ column }} = '' or
    {% endfor %}
    0
{% endtest %}

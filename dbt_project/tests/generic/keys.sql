{# No two rows share the key. NULL is a value of the key here. #}
{% test unique_key(model, columns) %}
select {{ columns | join(', ') }}, count() as rows_of_key
from {{ model }}
group by {{ columns | join(', ') }}
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

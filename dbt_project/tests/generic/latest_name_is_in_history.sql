{# A dimension's name is the one of its history that was seen last, and the history covers its days. #}
{% test latest_name_is_in_history(model, name_column) %}
select *
from {{ model }}
where
    ({{ name_column }} is null) != (length(names_seen) = 0)
    or ({{ name_column }} is not null and not has(names_seen.1, {{ name_column }}))
    or first_date > last_date
    or arrayExists(seen -> seen.2 < first_date or seen.3 > last_date or seen.2 > seen.3, names_seen)
{% endtest %}

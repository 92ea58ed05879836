{# Where there is a currency, it is a code of three letters; case and blanks around it do not matter. #}
{% test currency_codes(model, column) %}
select *
from {{ model }}
where
    {{ column }} != ''
    and not match({{ currency_code(column) }}, '^[A-Z]{3}$')
{% endtest %}

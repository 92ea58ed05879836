{# A flag, its band and its direction say the same: up is above the upper edge, down below the lower one. #}
{% test anomaly_is_outside_its_band(model) %}
select *
from {{ model }}
where
    direction not in ('up', 'down')
    or kind != 'data_missing'
    and (
        z_score is null
        or direction != if(z_score > 0, 'up', 'down')
        or (direction = 'up' and ifNull(value < upper * (1 - 1e-9) - 1e-9, false))
        or (direction = 'down' and ifNull(value > lower * (1 + 1e-9) + 1e-9 and lower > 0, false))
        or event_start > date
    )
{% endtest %}

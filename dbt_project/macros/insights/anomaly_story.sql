{# What an anomaly is called and what to do: a title, and two sentences for a marketer. `s` has who (the entity with
   quotes), day, since, metric, span_days (the days that value and expected are of), value, expected, lower, upper, the
   maps `values` and `expectations` by metric, impact. #}

{# The part of the expected conversions that came. A CPA says it upside down, and nothing when none came. #}
{% macro share_of_conversions(s) -%}
    if({{ s }}.metric = 'cpa', {{ s }}.expected / {{ s }}.value, {{ s }}.value / {{ s }}.expected)
{%- endmacro %}

{% macro how_few_conversions(s) -%}
    multiIf(
        not ifNull({{ s }}.value > 0, false), 'no',
        ifNull({{ share_of_conversions(s) }} < 0.35, true), 'hardly any',
        'too few'
    )
{%- endmacro %}

{% macro anomaly_title(s) -%}
    multiIf(
        {{ s }}.kind = 'spend_spike',
        concat('Spend of ', {{ s }}.who, ' jumped to ', {{ s }}.value_text, ', ', {{ s }}.times_text, ' times the usual'),
        {{ s }}.kind = 'spend_stop', concat({{ s }}.who, ' stopped spending'),
        {{ s }}.kind = 'tracking_break',
        concat({{ s }}.who, ' records ', {{ how_few_conversions(s) }}, ' conversions while clicks go on'),
        {{ s }}.kind = 'ctr_collapse',
        concat('Click-through rate of ', {{ s }}.who, ' fell to ', {{ s }}.value_text, ' from ', {{ s }}.expected_text),
        {{ s }}.kind = 'cpc_jump',
        concat('A click of ', {{ s }}.who, ' costs ', {{ s }}.value_text, ' instead of ', {{ s }}.expected_text),
        {{ s }}.kind = 'level_shift',
        concat({{ s }}.who, ' runs on a new level: spend ', {{ s }}.change_text, ' the usual'),
        {{ s }}.kind = 'slow_drift',
        concat({{ s }}.metric_text, ' of ', {{ s }}.who, ' has drifted: ', {{ s }}.change_text, ' the usual'),
        {{ s }}.kind = 'duplicate_load', concat('The data of ', {{ s }}.who, ' look loaded twice'),
        {{ s }}.kind = 'partial_load', concat('A part of the data of ', {{ s }}.who, ' is missing'),
        {{ s }}.kind = 'data_missing', concat('No data of ', {{ s }}.who),
        concat({{ s }}.metric_text, ' of ', {{ s }}.who, ': ', {{ s }}.change_text, ' the usual')
    )
{%- endmacro %}

{% macro anomaly_body(s) -%}
    concat(
        'On ', {{ s }}.day, ' ',
        multiIf(
            {{ s }}.kind = 'spend_spike',
            concat(
                'it spent ', {{ s }}.value_text, ' where ', {{ s }}.expected_text, ' was expected; ', {{ s }}.since,
                {{ s }}.impact_text, ' was spent beyond the usual. '
            ),
            {{ s }}.kind = 'spend_stop',
            concat(
                'it spent ', {{ s }}.value_text, ' where ', {{ s }}.expected_text, ' was expected; ', {{ s }}.since,
                'about ', {{ s }}.impact_text, ' of business is missed. '
            ),
            {{ s }}.kind = 'tracking_break',
            concat(
                if(
                    {{ s }}.span_days > 1,
                    concat(
                        'the last ', toString({{ s }}.span_days), ' days had brought ',
                        ifNull({{ percent_text(share_of_conversions(s)) }}, 'none'),
                        ' of the conversions that their clicks should bring; that day '
                    ),
                    ''
                ),
                ifNull({{ number_text(s ~ ".values['clicks']") }}, 'its'), ' clicks brought ',
                ifNull({{ number_text(s ~ ".values['conversions']") }}, 'no'), ' conversions where ',
                ifNull({{ number_text('round(' ~ s ~ ".expectations['conversions'])") }}, 'more'), ' were expected; ',
                {{ s }}.since, 'about ', {{ s }}.impact_text, ' of value is not recorded. '
            ),
            {{ s }}.kind = 'ctr_collapse',
            concat(
                'an impression brought ', {{ percent_text(s ~ '.value / ' ~ s ~ '.expected') }},
                ' of the usual clicks; ', {{ s }}.since, 'about ', {{ s }}.impact_text, ' of business is missed. '
            ),
            {{ s }}.kind = 'cpc_jump',
            concat(
                'each click cost ', {{ percent_text(s ~ '.value / ' ~ s ~ '.expected - 1') }}, ' more than expected; ',
                {{ s }}.since, 'that is ', {{ s }}.impact_text, ' in all. '
            ),
            {{ s }}.kind = 'level_shift',
            concat(
                'it spent ', {{ s }}.value_text, ' where ', {{ s }}.expected_text, ' was the rule; ', {{ s }}.since,
                'the difference adds up to ', {{ s }}.impact_text, '. '
            ),
            {{ s }}.kind = 'slow_drift',
            concat(
                if({{ s }}.span_days > 1, concat('the last ', toString({{ s }}.span_days), ' days stood at '), 'it stood at '),
                {{ s }}.value_text, ' where ', {{ s }}.expected_text,
                ' was the rule six weeks long, step by step; ', {{ s }}.since, {{ s }}.impact_text, ' is at stake. '
            ),
            {{ s }}.kind = 'duplicate_load',
            concat(
                'impressions, clicks, spend and conversions are all about twice the expected: ', {{ s }}.since,
                {{ s }}.impact_text, ' of spend is probably counted twice. '
            ),
            {{ s }}.kind = 'partial_load',
            concat(
                'all numbers are at about ', {{ percent_text(s ~ '.value / ' ~ s ~ '.expected') }},
                ' of the expected at once: ', {{ s }}.since, 'about ', {{ s }}.impact_text,
                ' of spend is missing in the reports. '
            ),
            {{ s }}.kind = 'data_missing',
            concat(
                'no file brought data of this account, which usually spends ', {{ s }}.expected_text, ' a day; ',
                {{ s }}.since, 'totals are too small by ', {{ s }}.impact_text, '. '
            ),
            concat(
                'the value was ', {{ s }}.value_text, ' where ', {{ s }}.expected_text, ' was expected (normal: ',
                {{ s }}.lower_text, ' to ', {{ s }}.upper_text, '); ', {{ s }}.since, {{ s }}.impact_text,
                ' is at stake. '
            )
        ),
        {{ anomaly_next_step(s) }}
    )
{%- endmacro %}

{# What to do next, a sentence. #}
{% macro anomaly_next_step(s) -%}
    multiIf(
        {{ s }}.kind = 'spend_spike', 'If nobody meant it, set the daily budget back and look for a changed bid strategy or audience.',
        {{ s }}.kind = 'spend_stop', 'If it was not paused on purpose, check its status, budget, payment and rejected ads.',
        {{ s }}.kind = 'tracking_break', 'Test the conversion tag and the checkout, and leave bids alone until it counts again.',
        {{ s }}.kind = 'ctr_collapse', 'Look at what changed in ads, placements or audience, and bring back the creative that worked.',
        {{ s }}.kind = 'cpc_jump' and {{ s }}.value > 20 * {{ s }}.expected,
        'See first whether the unit of the money changed (cents, micros); if so, export the days again.',
        {{ s }}.kind = 'cpc_jump', 'Check bid changes, new keywords and competitors in the auction, and limit the bid meanwhile.',
        {{ s }}.kind = 'level_shift', 'If the change was meant, it becomes the new normal within two weeks; if not, undo it.',
        {{ s }}.kind = 'slow_drift', 'No single day shows it: compare this week with that of a month ago in auction, creative and audience.',
        {{ s }}.kind = 'duplicate_load', 'Compare with the platform, and export the day again: the new file replaces the day.',
        {{ s }}.kind = 'partial_load', 'Export the day again when the platform has closed it: the new file replaces the day.',
        {{ s }}.kind = 'data_missing', 'Check the export and drop the missing file into the bucket.',
        'See what changed that day in budget, ads, site and prices.'
    )
{%- endmacro %}

{# How the money at stake was computed (docs block `anomaly_impact`). #}
{% macro anomaly_impact_basis(s) -%}
    concat(
        multiIf(
            {{ s }}.kind = 'cpc_jump', 'What each click cost more than expected × clicks',
            {{ s }}.kind = 'ctr_collapse', 'Clicks missing against the expected × the usual value of a click',
            {{ s }}.kind in ('spend_stop', 'tracking_break'), 'Expected conversion value less what came',
            {{ s }}.kind = 'slow_drift', 'The difference of a day to the expected, in money',
            {{ s }}.kind = 'data_missing', 'Mean spend of a day over 28 days',
            {{ s }}.kind = 'metric_anomaly', concat('Difference of ', lower({{ s }}.metric_text), ' to the expected, in money'),
            'Spend less the expected spend, either way'
        ),
        if(length({{ s }}.dates) > 1, concat(', added up over ', toString(length({{ s }}.dates)), ' days.'), '.')
    )
{%- endmacro %}

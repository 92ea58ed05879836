-- How a cell of text becomes a value: one definition, used by landing (to refuse) and by dbt staging (to type).

-- Cells that say "no value". Sources: see docs of the platforms; `--` Google and Microsoft, `-` TikTok and DV360.
CREATE OR REPLACE FUNCTION insightflow_is_null AS (x) ->
    trimBoth(x) IN ('', '-', '--', '—', '–', 'N/A', 'n/a', '#N/A', 'null', 'NULL', 'None', '(not set)', '\\N');

CREATE OR REPLACE FUNCTION insightflow_text AS (x) -> if(insightflow_is_null(x), NULL, trimBoth(x));

-- An identifier: text; format 'digits' keeps its digits only (Google writes customer ids as 123-456-7890).
CREATE OR REPLACE FUNCTION insightflow_id AS (x, format) ->
    if(insightflow_is_null(x), NULL,
        if(format = 'digits', replaceRegexpAll(x, '[^0-9]', ''), trimBoth(x)));

-- 1.2E+17: what a spreadsheet leaves of a long id; its digits are lost.
CREATE OR REPLACE FUNCTION insightflow_is_damaged_id AS (x) -> match(x, '^[0-9]([.,][0-9]+)?[eE][+]?[0-9]+$');

-- Below, arrayMap(name -> …, [expression])[1] binds a name: a function's arguments are pasted into its body, and
-- naming a value twice would paste its whole expression twice.

-- The cell without spaces and apostrophes, with an ASCII minus.
CREATE OR REPLACE FUNCTION insightflow_bare AS (x) ->
    replaceAll(replaceRegexpAll(x, '[\\s\\x{00A0}\\x{202F}\\x{2009}''’]', ''), '−', '-');

-- Of a bare cell that is a number with signs, currency or percent around it: its digits, dots and commas. Else ''.
CREATE OR REPLACE FUNCTION insightflow_digits AS (bare) ->
    arrayMap(b -> if(match(b,
            '^[(+-]?([A-Z]{3}|[A-Z]{0,2}[$€£₹¥₩₽₺]|kr[.]?|zł|Fr[.]?)?[+-]?([0-9][0-9.,]*|[.,][0-9]+)([A-Z]{3}|[$€£₹¥₩₽₺%]|kr[.]?|zł)?[)-]?$'),
        extract(b, '[0-9.,]*[0-9]'), ''), [bare])[1];

-- '.' or ',' where digits alone show their decimal mark; '' where they show none (also 1.234 and 1,234).
CREATE OR REPLACE FUNCTION insightflow_mark_of_digits AS (digits) ->
    arrayMap(d -> multiIf(
        match(d, '^[0-9]*$'), '',
        match(d, '^[1-9][0-9]{0,2}[.,][0-9]{3}$'), '',
        match(d, '^[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}[.][0-9]+$'), '.',
        match(d, '^[0-9]{1,3}([.][0-9]{3})+,[0-9]+$'), ',',
        match(d, '^[0-9]{1,3}(,[0-9]{2,3})+,[0-9]{3}$'), '.',
        match(d, '^[0-9]{1,3}([.][0-9]{3}){2,}$'), ',',
        match(d, '^[0-9]*[.][0-9]+$'), '.',
        match(d, '^[0-9]*,[0-9]+$'), ',', ''), [digits])[1];

CREATE OR REPLACE FUNCTION insightflow_mark_of AS (x) ->
    if(match(x, '^[0-9]*$'), '', insightflow_mark_of_digits(insightflow_digits(insightflow_bare(x))));

-- Digits as a plain decimal text, '' where they are no number or stay ambiguous under `mark`.
CREATE OR REPLACE FUNCTION insightflow_decimal_text AS (digits, mark) ->
    arrayMap((d, m) -> multiIf(
            match(d, '^[0-9]+$'), d,
            m = '.', replaceAll(d, ',', ''),
            m = ',', replaceAll(replaceAll(d, '.', ''), ',', '.'), ''),
        [digits],
        [if(match(digits, '^[1-9][0-9]{0,2}[.,][0-9]{3}$'), mark, insightflow_mark_of_digits(digits))])[1];

CREATE OR REPLACE FUNCTION insightflow_number_slow AS (x, mark) ->
    if(insightflow_is_null(x), NULL,
        arrayMap(b -> if(match(b, '^[(].*[)]$') OR position(b, '-') > 0, -1, 1)
                * toDecimal128OrNull(insightflow_decimal_text(insightflow_digits(b), mark), 6),
            [insightflow_bare(x)])[1]);

-- Text to Nullable(Decimal(38, 6)): NULL for "no value", for what is no number, and for what stays ambiguous.
-- mark: decimal mark of the column, '.' or ',', or '' where it is not known.
CREATE OR REPLACE FUNCTION insightflow_number AS (x, mark) ->
    if(match(x, '^[+-]?[0-9]+([.][0-9]+)?$') AND (mark = '.' OR NOT match(x, '^[+-]?[1-9][0-9]{0,2}[.][0-9]{3}$')),
        toDecimal128OrNull(x, 6), insightflow_number_slow(x, mark));

-- Why a metric's cell is refused, '' where it is not. Values must fit Decimal(18, 6).
CREATE OR REPLACE FUNCTION insightflow_verdict AS (x, mark, is_count) ->
    arrayMap(n -> multiIf(
            n IS NULL AND insightflow_is_null(x), '',
            n IS NULL AND mark = ''
                AND match(insightflow_digits(insightflow_bare(x)), '^[1-9][0-9]{0,2}[.,][0-9]{3}$'), 'ambiguous_number',
            n IS NULL, 'not_a_number',
            abs(assumeNotNull(n)) >= 1000000000000, 'out_of_range',
            is_count AND assumeNotNull(n) != floor(assumeNotNull(n)), 'not_an_integer', ''),
        [insightflow_number(x, mark)])[1];

-- The currency that a money cell names: an ISO code or a symbol of one currency only. $, kr and ¥ name several.
CREATE OR REPLACE FUNCTION insightflow_currency_of AS (x) ->
    if(match(x, '^[-+0-9.,]*$'), NULL,
        multiIf(
            match(x, '(^|[^A-Za-z])[A-Z]{3}([^A-Za-z]|$)'), extract(x, '[A-Z]{3}'),
            position(x, '₹') > 0, 'INR', position(x, '€') > 0, 'EUR', position(x, '£') > 0, 'GBP',
            position(x, 'R$') > 0, 'BRL', position(x, 'A$') > 0, 'AUD', position(x, 'CA$') > 0, 'CAD',
            position(x, 'zł') > 0, 'PLN', position(x, '₩') > 0, 'KRW', position(x, '₺') > 0, 'TRY', NULL));

-- A date cell as Nullable(Date). style: iso (2025-01-31, also with a time), compact (20250131), ymd_slash
-- (2025/01/31), mdy (1/31/2025), dmy (31/1/2025). A day that the calendar does not have is NULL.
CREATE OR REPLACE FUNCTION insightflow_iso_date AS (x) ->
    if(match(x, '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T].*)?$') AND toString(toDateOrZero(left(x, 10))) = left(x, 10),
        toDateOrNull(left(x, 10)), NULL);

CREATE OR REPLACE FUNCTION insightflow_date AS (x, style) ->
    multiIf(
        style = 'iso', insightflow_iso_date(trimBoth(x)),
        style = 'ymd_slash', insightflow_iso_date(replaceAll(trimBoth(x), '/', '-')),
        style = 'compact', insightflow_iso_date(
            replaceRegexpOne(trimBoth(x), '^([0-9]{4})([0-9]{2})([0-9]{2})$', '\\1-\\2-\\3')),
        style = 'mdy', insightflow_iso_date(concat(
            extract(x, '^\\s*[0-9]{1,2}/[0-9]{1,2}/([0-9]{4})'), '-',
            leftPad(extract(x, '^\\s*([0-9]{1,2})/'), 2, '0'), '-',
            leftPad(extract(x, '^\\s*[0-9]{1,2}/([0-9]{1,2})/'), 2, '0'))),
        style = 'dmy', insightflow_iso_date(concat(
            extract(x, '^\\s*[0-9]{1,2}[/.][0-9]{1,2}[/.]([0-9]{4})'), '-',
            leftPad(extract(x, '^\\s*[0-9]{1,2}[/.]([0-9]{1,2})[/.]'), 2, '0'), '-',
            leftPad(extract(x, '^\\s*([0-9]{1,2})[/.]'), 2, '0'))),
        NULL);

-- Conversions out of a list of {action_type, value}: the first tier that has any of its types is summed, never
-- two tiers (omni_purchase, purchase and fb_pixel_purchase are the same purchases, counted three ways).
CREATE OR REPLACE FUNCTION insightflow_tier_sum AS (actions, tiers) ->
    if(NOT startsWith(actions, '['), NULL,
        arraySum(
            arrayMap(
                a -> if(has(
                        arrayFirst(
                            tier -> hasAny(
                                tier, JSONExtract(actions, 'Array(Tuple(action_type String, value String))').action_type),
                            tiers),
                        a.action_type),
                    ifNull(toDecimal128OrNull(a.value, 6), toDecimal128(0, 6)), toDecimal128(0, 6)),
                JSONExtract(actions, 'Array(Tuple(action_type String, value String))'))));

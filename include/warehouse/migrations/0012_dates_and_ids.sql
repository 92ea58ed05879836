-- Cells that stand for themselves: a date is read as it stands unless day and month could be either; an id that a
-- float carried loses its ".0", or its digits; signs stand on either side of a currency.

-- Numbers of the months by the first three letters of their names in English, German, French, Spanish, Portuguese,
-- Italian and Dutch; French juin and juillet differ in the fourth.
CREATE OR REPLACE FUNCTION insightflow_month AS (name) ->
    multiIf(
        startsWith(name, 'juin'), 6, startsWith(name, 'juil'), 7,
        transform(leftUTF8(name, 3),
            ['jan', 'ene', 'gen', 'feb', 'fev', 'fév', 'mar', 'mär', 'mrz', 'mrt', 'apr', 'abr', 'avr', 'may', 'mai', 'mag', 'mei',
             'jun', 'giu', 'jul', 'lug', 'aug', 'ago', 'aoû', 'aou', 'sep', 'set', 'oct', 'okt', 'out', 'ott', 'nov',
             'dec', 'déc', 'dez', 'dic'],
            [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 7, 7, 8, 8, 8, 8, 9, 9, 10, 10, 10, 10, 11, 12, 12, 12, 12], 0));

-- Jan 31, 2025 · Fri, Jan 31, 2025 · 31 January 2025 · 31. Januar 2025 · 31-Jan-2025 · 31 de enero de 2025, also with a time.
CREATE OR REPLACE FUNCTION insightflow_named_date AS (x) ->
    multiIf(
        match(x, '^\\s*([\\p{L}]{2,10}[.]?,?\\s+)?[\\p{L}]{3,10}[.]?\\s+[0-9]{1,2},?\\s+[0-9]{4}(,?\\s+[0-9]{1,2}:.*)?\\s*$'),
        insightflow_date_of_parts(
            extract(x, '[0-9]{4}'),
            toString(insightflow_month(lowerUTF8(extract(x, '([\\p{L}]{3,10})[.]?\\s+[0-9]')))),
            extract(x, '[\\p{L}][.]?\\s+([0-9]{1,2})')),
        match(x, '^\\s*([\\p{L}]{2,10}[.]?,?\\s+)?[0-9]{1,2}[.]?[ -](de )?[\\p{L}]{3,10}[.]?,?[ -](de )?[0-9]{4}(,?\\s+[0-9]{1,2}:.*)?\\s*$'),
        insightflow_date_of_parts(
            extract(x, '[0-9]{4}'),
            toString(insightflow_month(lowerUTF8(extract(x, '[0-9]{1,2}[.]?[ -](?:de )?([\\p{L}]{3,10})')))),
            extract(x, '[0-9]{1,2}')),
        NULL);

-- A date cell as Nullable(Date). What is a date under one reading only is read so: ISO (2025-01-31 or 2025-1-31), 2025/01/31,
-- 20250131, with the name of its month, 31.1.2025, and 31/1/2025 or 1/31/2025 where one of the two is above 12. Where both
-- are not, `style` decides: mdy or dmy; under another they are NULL. A time may follow. A day that the calendar does not
-- have is NULL.
CREATE OR REPLACE FUNCTION insightflow_date AS (x, style) ->
    multiIf(
        match(x, '^[0-9]{4}-[0-9]{2}-[0-9]{2}'), insightflow_iso_date(x),
        match(x, '^\\s*[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}([ T|].*)?$'), insightflow_date_of_parts(
            extract(x, '^\\s*([0-9]{4})[-/]'), extract(x, '^\\s*[0-9]{4}[-/]([0-9]{1,2})[-/]'),
            extract(x, '^\\s*[0-9]{4}[-/][0-9]{1,2}[-/]([0-9]{1,2})')),
        match(x, '^\\s*(19|20)[0-9]{6}\\s*$'), insightflow_iso_date(
            replaceRegexpOne(trimBoth(x), '^([0-9]{4})([0-9]{2})([0-9]{2})$', '\\1-\\2-\\3')),
        match(x, '^\\s*[0-9]{1,2}([/.-])[0-9]{1,2}[/.-]([0-9]{4}|[0-9]{2})([ T|,].*)?\\s*$'),
            arrayMap((first, second, year) -> multiIf(
                    toUInt8OrZero(first) > 12 OR (toUInt8OrZero(second) <= 12 AND (style = 'dmy' OR (style != 'mdy' AND position(x, '.') > 0))),
                        insightflow_date_of_parts(year, second, first),
                    toUInt8OrZero(second) > 12 OR style = 'mdy', insightflow_date_of_parts(year, first, second),
                    NULL),
                [extract(x, '^\\s*([0-9]{1,2})')],
                [extract(x, '^\\s*[0-9]{1,2}[/.-]([0-9]{1,2})')],
                [extract(x, '^\\s*[0-9]{1,2}[/.-][0-9]{1,2}[/.-]([0-9]{4}|[0-9]{2})')])[1],
        match(x, '[\\p{L}]{3}'), insightflow_named_date(x),
        NULL);

-- 1.2E+17, or 120211000000000000.0: what spreadsheets and floats leave of a long id; its digits are lost.
CREATE OR REPLACE FUNCTION insightflow_is_damaged_id AS (x) ->
    match(x, '^[0-9]([.,][0-9]+)?[eE][+]?[0-9]+$') OR (match(x, '^[0-9]{16,}[.]0+$')
        AND (match(x, '^[0-9]{17}') OR toUInt64OrZero(extract(x, '^[0-9]+')) > 9007199254740992));

-- An identifier: text; format 'digits' keeps its digits only (Google writes customer ids as 123-456-7890). A float that
-- carried a number leaves ".0" behind it.
CREATE OR REPLACE FUNCTION insightflow_id AS (x, format) ->
    if(insightflow_is_null(x), NULL,
        multiIf(
            format = 'digits' AND match(x, '^[0-9-]+$'), replaceAll(x, '-', ''),
            match(x, '^[0-9]+[.]0+$'), extract(x, '^[0-9]+'),
            format != 'digits', trimBoth(x),
            replaceRegexpAll(x, '[^0-9]', '')));

-- Of a bare cell that is a number with signs, currency or percent around it: its digits, dots and commas. Else ''.
CREATE OR REPLACE FUNCTION insightflow_digits AS (bare) ->
    arrayMap(b -> if(match(b,
            '^[+-]?([A-Z]{3}|[A-Z]{0,2}[$€£₹¥₩₽₺₪฿₫₱₦]|kr[.]?|zł|Kč|Ft|RM|Rp[.]?|Rs[.]?|Fr[.]?)?[(+-]?([A-Z]{3}|[A-Z]{0,2}[$€£₹¥₩₽₺₪฿₫₱₦]|kr[.]?|zł|Kč|Ft|RM|Rp[.]?|Rs[.]?|Fr[.]?)?[+-]?([0-9][0-9.,]*|[.,][0-9]+)([A-Z]{3}|[$€£₹¥₩₽₺₪฿₫₱₦%]|kr[.]?|zł|Kč|Ft)?[)-]?$')
            AND (position(b, '(') > 0) = endsWith(b, ')'),
        extract(b, '[0-9.,]*[0-9]'), ''), [bare])[1];

CREATE OR REPLACE FUNCTION insightflow_number_slow AS (x, mark) ->
    if(insightflow_is_null(x), NULL,
        arrayMap(b -> if(match(b, '[(].*[)]$') OR position(b, '-') > 0, -1, 1)
                * toDecimal128OrNull(insightflow_decimal_text(insightflow_digits(b), mark), 6),
            [insightflow_bare(x)])[1]);

-- Dates as Poland, Japan, Korea and Hungary write them: 1 czerwca 2026, 2026年6月1日, 2026.06.01, 2026. 6. 1.

-- Numbers of the months by the first three letters of their names in English, German, French, Spanish, Portuguese,
-- Italian, Dutch and Polish; French juin and juillet differ in the fourth.
CREATE OR REPLACE FUNCTION insightflow_month AS (name) ->
    multiIf(
        startsWith(name, 'juin'), 6, startsWith(name, 'juil'), 7,
        transform(leftUTF8(name, 3),
            ['jan', 'ene', 'gen', 'sty', 'feb', 'fev', 'fév', 'lut', 'mar', 'mär', 'mrz', 'mrt', 'apr', 'abr', 'avr', 'kwi',
             'may', 'mai', 'mag', 'mei', 'maj', 'jun', 'giu', 'cze', 'jul', 'lug', 'lip', 'aug', 'ago', 'aoû', 'aou', 'sie',
             'sep', 'set', 'wrz', 'oct', 'okt', 'out', 'ott', 'paź', 'nov', 'lis', 'dec', 'déc', 'dez', 'dic', 'gru'],
            [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4,
             5, 5, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 8, 8,
             9, 9, 9, 10, 10, 10, 10, 10, 11, 11, 12, 12, 12, 12, 12], 0));

-- Jan 31, 2025 · Fri, Jan 31, 2025 · 31 January 2025 · 31. Januar 2025 · 31-Jan-2025 · 31 de enero de 2025, also with a time.
CREATE OR REPLACE FUNCTION insightflow_named_date AS (x) ->
    multiIf(
        match(x, '^\\s*([\\p{L}]{2,12}[.]?,?\\s+)?[\\p{L}]{3,12}[.]?\\s+[0-9]{1,2},?\\s+[0-9]{4}(,?\\s+[0-9]{1,2}:.*)?\\s*$'),
        insightflow_date_of_parts(
            extract(x, '[0-9]{4}'),
            toString(insightflow_month(lowerUTF8(extract(x, '([\\p{L}]{3,12})[.]?\\s+[0-9]')))),
            extract(x, '[\\p{L}][.]?\\s+([0-9]{1,2})')),
        match(x, '^\\s*([\\p{L}]{2,12}[.]?,?\\s+)?[0-9]{1,2}[.]?[ -](de )?[\\p{L}]{3,12}[.]?,?[ -](de )?[0-9]{4}(,?\\s+[0-9]{1,2}:.*)?\\s*$'),
        insightflow_date_of_parts(
            extract(x, '[0-9]{4}'),
            toString(insightflow_month(lowerUTF8(extract(x, '[0-9]{1,2}[.]?[ -](?:de )?([\\p{L}]{3,12})')))),
            extract(x, '[0-9]{1,2}')),
        NULL);

-- Whether a cell names two days, as 2026-06-01 - 2026-06-07 or 6/1/2026~6/7/2026; no time of day does.
CREATE OR REPLACE FUNCTION insightflow_is_range AS (x) ->
    match(trimBoth(x), '[0-9日]\\s+(-|~|–|—|～|to|bis|au|al)\\s+[0-9]')
    OR match(trimBoth(x), '[^0-9.](19|20)[0-9]{2}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}')
    OR match(trimBoth(x), '[^0-9.][0-9]{1,2}([/.])[0-9]{1,2}[/.]([0-9]{4}|[0-9]{2})');

-- A date cell as Nullable(Date). What is a date under one reading only is read so: the year first (2025-01-31, 2025/1/31,
-- 2025.01.31, 20250131, 2025年1月31日), with the name of its month, 31.1.2025, and 31/1/2025 or 1/31/2025 where one of the two
-- is above 12. Where both are not, `style` decides: mdy or dmy; under another they are NULL. A time may follow. A day that
-- the calendar does not have is NULL, and so are two days.
CREATE OR REPLACE FUNCTION insightflow_date AS (x, style) ->
    multiIf(
        match(x, '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:.]*Z?)?$'), insightflow_iso_date(x),
        insightflow_is_range(x), NULL,
        match(x, '^[0-9]{4}-[0-9]{2}-[0-9]{2}'), insightflow_iso_date(x),
        match(x, '^\\s*[0-9]{4}[-/.年] ?[0-9]{1,2}[-/.月] ?[0-9]{1,2}([ T|.日].*)?$'), insightflow_date_of_parts(
            extract(x, '^\\s*([0-9]{4})'), extract(x, '^\\s*[0-9]{4}[-/.年] ?([0-9]{1,2})'),
            extract(x, '^\\s*[0-9]{4}[-/.年] ?[0-9]{1,2}[-/.月] ?([0-9]{1,2})')),
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

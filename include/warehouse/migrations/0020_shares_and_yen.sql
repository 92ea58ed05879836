-- A share of something is no amount of it: 12% in a column of cost is refused. And yen, yuan and won never
-- have a comma for decimals, so one before three digits stands between thousands.
CREATE OR REPLACE FUNCTION insightflow_digits AS (bare) ->
    arrayMap(b -> if(match(b,
            '^[+-]?([A-Z]{3}|[A-Z]{0,2}[$€£₹¥₩₽₺₪฿₫₱₦]|kr[.]?|zł|Kč|Ft|RM|Rp[.]?|Rs[.]?|Fr[.]?)?[(+-]?([A-Z]{3}|[A-Z]{0,2}[$€£₹¥₩₽₺₪฿₫₱₦]|kr[.]?|zł|Kč|Ft|RM|Rp[.]?|Rs[.]?|Fr[.]?)?[+-]?([0-9][0-9.,]*|[.,][0-9]+)([A-Z]{3}|[$€£₹¥₩₽₺₪฿₫₱₦]|kr[.]?|zł|Kč|Ft)?[)-]?$')
            AND (position(b, '(') > 0) = endsWith(b, ')'),
        extract(b, '[0-9.,]*[0-9]'), ''), [bare])[1];

CREATE OR REPLACE FUNCTION insightflow_number_slow AS (x, mark) ->
    if(insightflow_is_null(x), NULL,
        arrayMap(b -> if(match(b, '[(].*[)]$') OR position(b, '-') > 0, -1, 1)
                * toDecimal128OrNull(insightflow_decimal_text(insightflow_digits(b),
                    if(match(b, '[¥₩]|JPY|KRW') AND position(b, '.') = 0, '.', mark)), 6),
            [insightflow_bare(x)])[1]);

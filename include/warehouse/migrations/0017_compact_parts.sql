-- A part of a load keeps its 40 columns in one file instead of 130: writing costs a third less CPU, most of it the
-- kernel's (files made and synced one by one), and takes no buffer a column; reading a few columns costs the same.
-- Larger parts, which merges make, keep a file a column (DECISIONS 51).
ALTER TABLE raw.ad_performance_rows MODIFY SETTING min_bytes_for_wide_part = 268435456;

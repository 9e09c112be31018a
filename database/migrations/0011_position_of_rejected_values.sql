-- depends: 0010_not_checked
-- The position of a rejected record also names the column and the value.

COMMENT ON COLUMN ops.dead_letters.position IS 'Where it was in the source''s data: page and row, or file and line; then the column and the value, if one of them is why it was rejected.';

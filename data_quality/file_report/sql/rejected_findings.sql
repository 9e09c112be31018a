-- Grain: reason code: refused rows, and the first of them as examples.
SELECT
    code,
    count(*) AS refused,
    min_by([source_file::VARCHAR, source_line::VARCHAR, column_name, value, reason], (source_file, source_line), $examples)
FROM rejected_rows GROUP BY ALL ORDER BY refused DESC, code;

-- Grain: reason code: rejected rows, and the first of them as examples.
SELECT
    code,
    count(*) AS rejected,
    min_by([source_file::VARCHAR, source_line::VARCHAR, column_name, value, reason], (source_file, source_line), $examples)
FROM rejected_rows GROUP BY ALL ORDER BY rejected DESC, code;

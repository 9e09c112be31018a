-- Grain: one row per file and load.
INSERT INTO ops.source_files (load_id, file_number, retailer_id, file_name, sha256, size_bytes, row_count, encoding,
                              layout_name, job_name, run_id, loaded_at)
VALUES %s

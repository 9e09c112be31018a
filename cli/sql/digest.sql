-- One row: the digest of sales, summaries and customer history, independent of keys, order and time of loading.
SELECT ops.warehouse_digest() AS digest

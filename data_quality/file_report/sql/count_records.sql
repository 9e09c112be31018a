-- One row: landed rows, and distinct records of them. Keys are compared by a 64-bit hash, so that memory stays bounded:
-- the probability that two of 5 million keys collide is below one in a million.
SELECT count(*) AS landed, count(DISTINCT hash(transaction_id, line_id)) AS distinct_records FROM landed_records;

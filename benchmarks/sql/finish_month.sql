-- Keys, indexes and the bound of a filled month as operations on the complete table, then attach it.
ALTER TABLE {partition} ADD PRIMARY KEY (date_key, retailer_key, transaction_id, line_id);
CREATE INDEX ON {partition} (retailer_key);
CREATE INDEX ON {partition} (product_key);
CREATE INDEX ON {partition} (customer_key);
CREATE INDEX ON {partition} (store_key);
ALTER TABLE {partition} ADD CONSTRAINT bound CHECK (date_key >= %(first_key)s AND date_key < %(next_key)s);
ALTER TABLE fact_sales ATTACH PARTITION {partition} FOR VALUES FROM (%(first_key)s) TO (%(next_key)s);
ALTER TABLE {partition} DROP CONSTRAINT bound;

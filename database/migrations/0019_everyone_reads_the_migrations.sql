-- depends: 0018_digest_of_any_session
-- Code that is older than the schema has to notice it, over the connection of whatever role it uses.

GRANT SELECT ON ops._yoyo_migration TO retail_user, retail_reader;

#!/bin/sh
# sh export.sh COMMAND …: for programs that know no NAME_FILE, run COMMAND with NAME set to what the file holds,
# for every NAME_FILE that names a file in /run/secrets. What `docker inspect` shows stays free of secrets.
set -eu
for name in $(env | sed -n 's|^\([A-Z][A-Z0-9_]*\)_FILE=/run/secrets/.*|\1|p'); do
    eval "file=\$${name}_FILE"
    value=$(cat "$file")
    export "$name=$value"
done
exec "$@"

#!/bin/sh
# sh export.sh COMMAND …: for programs that do not support NAME_FILE. Runs COMMAND with NAME set to the content of the
# file, for every NAME_FILE that names a file in /run/secrets. `docker inspect` shows no secret then.
set -eu
for name in $(env | sed -n 's|^\([A-Z][A-Z0-9_]*\)_FILE=/run/secrets/.*|\1|p'); do
    eval "file=\$${name}_FILE"
    value=$(cat "$file")
    export "$name=$value"
done
exec "$@"

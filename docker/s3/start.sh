#!/bin/sh
# SeaweedFS as the S3 store, with one identity from the environment. The file keeps the keys out of the process list.
set -eu
umask 077
cat >/tmp/s3.json <<IDENTITY
{"identities": [{"name": "retail", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
  "credentials": [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}]}]}
IDENTITY
exec weed server -dir=/data -ip.bind=0.0.0.0 -volume.max=0 -master.volumeSizeLimitMB=1024 \
    -s3 -s3.port=8333 -s3.config=/tmp/s3.json

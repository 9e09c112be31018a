#!/bin/sh
# Certificates for PostgreSQL over TLS: a private CA, and a server certificate signed by it.
#
# A second run keeps certificates that are valid for these names, and renews those that expire within 30 days. The
# server's certificate is signed by the same CA, so clients need nothing new. POSIX shell and openssl.
set -eu

usage() {
    cat <<'HELP'
usage: generate_certificates.sh [--directory DIR] [--ca-key FILE] [--publish DIR] [--days N] [NAME ...]

Makes in DIR (default: .certificates):
  server.key  the server's key; only its owner may read it
  server.crt  its certificate, for every NAME (a host name or an address; default: postgres localhost 127.0.0.1)
  ca.crt      the CA's certificate: what clients need (POSTGRES_SSLROOTCERT)
  ca.key      the CA's key. Whoever has it can pretend to be the server, so it can, and on a shared machine should, be
              moved away. It is needed again only to renew server.crt, or for other names: bring it back then.

  --ca-key FILE  where the CA's key is, if not in DIR
  --publish DIR  put a copy of ca.crt there too: a directory that clients can read, without any key
  --days N       how long server.crt is good for (default 397); the CA's is for 3650 days
HELP
}

fail() {
    echo "generate_certificates: $1" >&2
    exit "${2:-1}"
}

is_address() {
    case $1 in
        *:*) return 0 ;;
        *[!0-9.]*) return 1 ;;
        *) return 0 ;;
    esac
}

alternative_names() {
    list=
    for name in "$@"; do
        if is_address "$name"; then kind=IP; else kind=DNS; fi
        list="$list${list:+,}$kind:$name"
    done
    echo "$list"
}

soon_over() { ! openssl x509 -in "$1" -noout -checkend $((30 * 24 * 3600)) >/dev/null; }

# make_ca: a key, unless there is one, and a certificate of that key
make_ca() {
    if [ ! -f "$ca_key" ]; then
        openssl ecparam -name prime256v1 -genkey -noout -out "$ca_key.new"
        mv "$ca_key.new" "$ca_key"
    fi
    subject="/O=Retail analytics/CN=Private CA $(openssl rand -hex 4)"
    if [ -f "$directory/ca.crt" ]; then
        subject=$(openssl x509 -in "$directory/ca.crt" -noout -subject -nameopt compat)
        subject=${subject#subject=}
    fi
    cat >"$work/ca.cnf" <<'CONFIGURATION'
[req]
distinguished_name = name
x509_extensions = ca
[name]
[ca]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
CONFIGURATION
    openssl req -x509 -new -sha256 -config "$work/ca.cnf" -key "$ca_key" -subj "$subject" -days 3650 -out "$work/ca.crt"
    install_file ca.crt 0644
}

# make_server NAME ...: a key and a certificate for these names, by our CA
make_server() {
    [ -f "$ca_key" ] || fail "server.crt has to be made, and that needs the CA's key, which is not at $ca_key. Bring it back, or remove $directory/ca.crt to have a new CA (every client then needs the new ca.crt)."
    openssl ecparam -name prime256v1 -genkey -noout -out "$work/server.key"
    printf '[req]\ndistinguished_name = name\n[name]\n' >"$work/server.cnf"
    openssl req -new -sha256 -config "$work/server.cnf" -key "$work/server.key" -subj "/CN=$1" -out "$work/server.csr"
    cat >"$work/extensions.cnf" <<EXTENSIONS
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $(alternative_names "$@")
EXTENSIONS
    openssl x509 -req -sha256 -in "$work/server.csr" -CA "$directory/ca.crt" -CAkey "$ca_key" \
        -set_serial "0x01$(openssl rand -hex 8)" -days "$days" -extfile "$work/extensions.cnf" -out "$work/server.crt" \
        2>"$work/errors" || fail "the CA's key $ca_key did not sign: $(head -n 1 "$work/errors"). It must be the key of $directory/ca.crt."
    # The key first: a certificate is never there without the key that fits it for longer than this takes.
    install_file server.key 0600
    install_file server.crt 0644
}

install_file() {
    chmod "$2" "$work/$1"
    mv -f "$work/$1" "$directory/$1"
}

# why_new_server NAME ...: what is wrong with the server's certificate; nothing when it can be kept
why_new_server() {
    crt=$directory/server.crt
    [ -f "$crt" ] && [ -f "$directory/server.key" ] || { echo "there was none"; return; }
    soon_over "$crt" && { echo "it expires within 30 days"; return; }
    openssl verify -CAfile "$directory/ca.crt" "$crt" >/dev/null 2>&1 || { echo "this CA did not sign it"; return; }
    [ "$(openssl x509 -in "$crt" -noout -pubkey)" = "$(openssl pkey -in "$directory/server.key" -pubout)" ] ||
        { echo "it does not fit server.key"; return; }
    for name in "$@"; do
        if is_address "$name"; then check=-checkip; else check=-checkhost; fi
        openssl x509 -in "$crt" -noout "$check" "$name" | grep -q 'does match' || { echo "it is not for $name"; return; }
    done
}

directory=.certificates ca_key= publish= days=397
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --directory | --ca-key | --publish | --days)
            [ $# -ge 2 ] || fail "$1 needs a value (see --help)" 2
            case $1 in
                --directory) directory=$2 ;;
                --ca-key) ca_key=$2 ;;
                --publish) publish=$2 ;;
                --days) days=$2 ;;
            esac
            shift 2 ;;
        -*) fail "unknown option $1 (see --help)" 2 ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || set -- postgres localhost 127.0.0.1
for name in "$@"; do
    case $name in
        '' | *[!A-Za-z0-9.:_-]*) fail "'$name' is neither a host name nor an address" 2 ;;
    esac
done
case $days in
    '' | *[!0-9]* | 0) fail "--days is a number of days, not '$days'" 2 ;;
esac
command -v openssl >/dev/null || fail "openssl is not installed"

umask 077
mkdir -p "$directory"
ca_key=${ca_key:-$directory/ca.key}
find "$directory" -maxdepth 1 -name '.new.*' -mmin +60 -exec rm -rf {} + # of one that was killed
work=$(mktemp -d "$directory/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

if [ ! -f "$directory/ca.crt" ]; then
    make_ca
    echo "new CA: $directory/ca.crt; its key is $ca_key (see --help for why to move it away)"
elif soon_over "$directory/ca.crt"; then
    [ -f "$ca_key" ] || fail "ca.crt expires soon, and renewing it needs the CA's key, which is not at $ca_key. Bring it back."
    make_ca
    echo "CA renewed with its key: give clients the new $directory/ca.crt"
else
    echo "CA kept: $directory/ca.crt, until $(openssl x509 -in "$directory/ca.crt" -noout -enddate | cut -d= -f2)"
fi
why=$(why_new_server "$@")
[ -z "$why" ] || make_server "$@"
until=$(openssl x509 -in "$directory/server.crt" -noout -enddate | cut -d= -f2)
if [ -n "$why" ]; then
    echo "new certificate for $*, until $until ($why). A server that runs reads it after a reload (SIGHUP)."
else
    echo "certificate kept: for $*, until $until"
fi
if [ -n "$publish" ]; then
    [ -d "$publish" ] || (umask 022 && mkdir -p "$publish")
    cp "$directory/ca.crt" "$publish/.ca.crt.new"
    chmod 0644 "$publish/.ca.crt.new"
    mv -f "$publish/.ca.crt.new" "$publish/ca.crt"
fi

#!/bin/sh
# Publishes challenge answers for tests. $HOOK_DNS is the DNS test server's management API, $HOOK_WEBROOT a folder.
set -eu

txt() { # set-txt|clear-txt NAME [VALUE]
  curl -sS -f -o /dev/null --noproxy '*' -d "{\"host\":\"${2%.}.\",\"value\":\"${3-}\"}" "$HOOK_DNS/$1"
}

# With $HOOK_GATE a client stops here, in the middle of an issuance, until the test has made the file "open".
if [ -n "${HOOK_GATE-}" ]; then
  : >"$HOOK_GATE/reached"
  while [ ! -e "$HOOK_GATE/open" ]; do sleep 0.05; done
fi

case $1 in
# certbot: manual hooks told the name and the value by the environment.
certbot-auth) txt set-txt "_acme-challenge.$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION" ;;
certbot-cleanup) txt clear-txt "_acme-challenge.$CERTBOT_DOMAIN" ;;
# lego: present|cleanup FQDN VALUE
present) txt set-txt "$2" "$3" ;;
cleanup) txt clear-txt "$2" ;;
# dehydrated: deploy_challenge|clean_challenge NAME TOKEN VALUE; with http-01 it writes the file itself.
deploy_challenge) [ "${HOOK_METHOD-}" != dns-01 ] || txt set-txt "_acme-challenge.$2" "$4" ;;
clean_challenge) [ "${HOOK_METHOD-}" != dns-01 ] || txt clear-txt "_acme-challenge.$2" ;;
# mod_md: md-setup|md-teardown NAME [VALUE]
md-setup) txt set-txt "_acme-challenge.$2" "$3" ;;
md-teardown) txt clear-txt "_acme-challenge.$2" ;;
# uacme: begin|done|failed METHOD NAME TOKEN VALUE; status 1 declines a method.
begin | done | failed)
  [ "$2" = "$HOOK_METHOD" ] || exit 1
  file=$HOOK_WEBROOT/.well-known/acme-challenge/$4
  case $1-$2 in
  begin-http-01) printf %s "$5" >"$file" ;;
  *-http-01) rm -f "$file" ;;
  begin-dns-01) txt set-txt "_acme-challenge.$3" "$5" ;;
  *-dns-01) txt clear-txt "_acme-challenge.$3" ;;
  begin-tls-alpn-01) echo "auth $3 $5" | ualpn --sock "$HOOK_ALPN" | grep -q OK ;;
  *-tls-alpn-01) echo "unauth $3" | ualpn --sock "$HOOK_ALPN" | grep -q OK ;;
  esac
  ;;
esac

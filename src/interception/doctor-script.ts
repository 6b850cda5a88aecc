/**
 * The doctor for machines without Node: POSIX sh, curl and openssl. It asks what `acmetap doctor` asks, in the same
 * order, as far as those go. Nothing in it comes from a request: proxy, CAs and fingerprint are the server's own.
 */

export interface DoctorSurroundings {
  /** `host:port` of listener proxy, as clients reach it. */
  readonly proxy: string
  readonly cas: readonly { readonly name: string; readonly directory: string }[]
  /** SHA-256 of the root; with or without colons. */
  readonly fingerprint: string
}

/** Throws RangeError for a text that has no place in a shell script. */
export function doctorScript({ proxy, cas, fingerprint }: DoctorSurroundings): string {
  const directories = cas.map(({ directory }) => directory)
  for (const text of [proxy, ...directories]) {
    if (!/^[A-Za-z0-9:/._~%[\]?=&@-]+$/.test(text)) throw new RangeError(`unfit for a script: ${text}`)
  }
  const expected = fingerprint.replaceAll(':', '').toUpperCase()
  if (!/^([0-9A-F]{64})?$/.test(expected)) throw new RangeError(`not a SHA-256: ${fingerprint}`)
  return [
    '#!/bin/sh',
    '# Looks at how an ACME client on this machine reaches its CA through acmetap, and says what to do.',
    '# curl -fsS http://PROXY/doctor.sh | sh    or    sh doctor.sh [--proxy URL] [--ca URL] [--fingerprint SHA256]',
    '# Run it with the variables of the client. Exit code: 0 all well, 1 something to mend.',
    'set -u',
    `default_proxy='http://${proxy}'`,
    `cas='${directories.join(' ')}'`,
    `expected='${expected}'`,
    BODY,
  ].join('\n')
}

const BODY = String.raw`
given=''
while [ $# -gt 0 ]; do
  case $1 in
    --proxy) given=$2; shift 2 ;;
    --ca) cas=$2; shift 2 ;;
    --fingerprint) expected=$(printf '%s' "$2" | tr -d ':' | tr a-f A-F); shift 2 ;;
    *) echo "unknown: $1" >&2; exit 2 ;;
  esac
done
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ok() { printf 'ok    %s\n' "$1"; }
fail() { printf 'FAIL  %s\n      %s\n' "$1" "$2"; failed=1; }
stop() { fail "$1" "$2"; exit 1; }
for program in curl openssl awk sed; do
  command -v "$program" >/dev/null 2>&1 || stop "$program is not installed" "Install $program, or use acmetap doctor."
done

# 1. The variable. curl reads the lower-case one first.
proxy=$given
[ -n "$proxy" ] || proxy=$(printenv https_proxy || printenv HTTPS_PROXY || true)
if [ -z "$proxy" ]; then
  fail "no proxy variable is set here" "Set HTTPS_PROXY=$default_proxy for the client: acmetap enroll CLIENT prints how. Looking on with that."
  proxy=$default_proxy
fi
case $proxy in
  http://* | https://*) ok "proxy $(printf '%s' "$proxy" | sed 's#//[^@/]*@#//#')" ;;
  *) stop "the proxy variable is no URL: $(printf '%s' "$proxy" | sed 's#^.*@##')" "Write it as http://host:port." ;;
esac
lower=$(printenv https_proxy || true)
upper=$(printenv HTTPS_PROXY || true)
if [ -n "$lower" ] && [ -n "$upper" ] && [ "$lower" != "$upper" ]; then
  fail "https_proxy and HTTPS_PROXY differ" "Give both the same value: some clients read the one, some the other."
fi
# From here on curl reads it there: a password in it stays off the command line.
https_proxy=$proxy
export https_proxy
place=$(printf '%s' "$proxy" | sed 's#^[a-z]*://##; s#^[^@/]*@##; s#/.*##')
host=$(printf '%s' "$place" | sed 's/:[0-9]*$//')

# 2. The name, the port, HTTP, acmetap.
curl -sS --noproxy '*' --max-time 15 -D "$work/head" -o "$work/root.pem" "http://$place/root.pem" 2>"$work/error"
code=$?
case $code in
  0) ok "name resolves, port open, HTTP answered" ;;
  6) stop "the name $host does not resolve" "Correct the name in the proxy variable, or the DNS." ;;
  7) stop "nobody listens at $place" "Is acmetap running (acmetap doctor there)? Is the port right, and open in the firewall?" ;;
  28) stop "$place does not answer in time" "A firewall drops the packets, or the address is wrong." ;;
  *) stop "what answers at $place is not HTTP (curl $code: $(sed 1q "$work/error"))" "Set the port of listener proxy (3128 by default), not another one's." ;;
esac
if grep -q 'BEGIN CERTIFICATE' "$work/root.pem" 2>/dev/null; then ok "it is acmetap"
else stop "what answers at $place is not acmetap" "Another proxy is there: set the host and port of acmetap's listener proxy."; fi

# 3. The root's fingerprint.
found=$(openssl x509 -noout -fingerprint -sha256 -in "$work/root.pem" 2>/dev/null | sed 's/.*=//; s/://g' | tr a-f A-F)
if [ -z "$expected" ] || [ "$found" = "$expected" ]; then ok "root $found"
else fail "the root has fingerprint $found, expected $expected" "Compare with acmetap root show on the server. If the root was rotated, enrol again; else somebody else answers."; fi

# 4. The clock, against the proxy's Date.
date=$(sed -n 's/^[Dd][Aa][Tt][Ee]: *//p' "$work/head" | tr -d '\r' | sed 1q)
if [ -n "$date" ]; then
  theirs=$(printf '%s\n' "$date" | awk '{ split($5, t, ":"); m = (index("JanFebMarAprMayJunJulAugSepOctNovDec", $3) + 2) / 3; y = $4; if (m <= 2) { y--; m += 12 }
    printf "%d", (365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + $2 - 1 - 719468) * 86400 + t[1] * 3600 + t[2] * 60 + t[3] }')
  apart=$(($(date +%s) - theirs))
  if [ "$apart" -gt 300 ] || [ "$apart" -lt -300 ]; then
    fail "this clock is $apart s away from acmetap's" "Set the clock (NTP): certificates of a few hours look expired or not yet valid."
  else ok "clocks agree"; fi
fi

# 5. Each CA, with the client's own trust.
bundle=''
for name in REQUESTS_CA_BUNDLE LEGO_CA_CERTIFICATES CURL_CA_BUNDLE SSL_CERT_FILE NODE_EXTRA_CA_CERTS; do
  [ -n "$bundle" ] || bundle=$(printenv "$name" || true)
done
for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
  if [ -z "$bundle" ] && [ -s "$file" ]; then bundle=$file; fi
done
# An https:// proxy has a certificate of its own, under the listener root.
case $proxy in
  https://*)
    curl -sS --noproxy '' --proxy-cacert "$bundle" --insecure --max-time 60 -o /dev/null "$(printf '%s' "$cas" | sed 's/ .*//')" 2>"$work/error"
    case $? in
      35 | 60 | 77) fail "the certificate of the proxy $place is not trusted by $bundle ($(sed 1q "$work/error"))" "Add the listener root: acmetap enroll CLIENT --proxy https://$place prints the lines; or use http://$place: what goes through it is under TLS anyway." ;;
      *) ok "the proxy's own certificate is trusted by $bundle" ;;
    esac ;;
esac
none=$(printenv no_proxy || printenv NO_PROXY || true)
for ca in $cas; do
  ca_place=$(printf '%s' "$ca" | sed 's#^https://##; s#/.*##')
  ca_host=$(printf '%s' "$ca_place" | sed 's/:[0-9]*$//')
  case $ca_place in *:*) ;; *) ca_place=$ca_place:443 ;; esac
  excluded=no
  for one in $(printf '%s' "$none" | tr ',' ' '); do
    one=$(printf '%s' "$one" | sed 's/^\*//; s/^\.//')
    case $ca_host in "$one" | *."$one") excluded=$one ;; esac
    if [ "$one" = '' ]; then excluded='*'; fi
  done
  if [ "$excluded" != no ]; then fail "NO_PROXY keeps $ca_host from the proxy ($excluded)" "Take $excluded out of NO_PROXY and no_proxy."; fi
  status=$(curl -sS --noproxy '' --proxy-insecure --cacert "$work/root.pem" --max-time 60 -o "$work/answer" -w '%{http_connect} %{http_code}' "$ca" 2>"$work/error")
  code=$?
  connect=$(printf '%s' "$status" | sed 's/ .*//')
  answer=$(printf '%s' "$status" | sed 's/.* //')
  case $connect in
    407)
      case $proxy in
        *@*) fail "the proxy user or its password is wrong" "Correct the credentials in the proxy variable; listeners.proxy.users has the names." ;;
        *) fail "the proxy asks for a user and password" "Write http://user:password@$place into the proxy variable; listeners.proxy.users has the names." ;;
      esac
      continue ;;
    403) fail "acmetap refuses CONNECT to $ca_place" "Add this CA to intercept.cas in acmetap's configuration."; continue ;;
    429) fail "acmetap has seen too many wrong passwords from here" "Correct the credentials, then wait a minute."; continue ;;
    200) ;;
    *) fail "CONNECT to $ca_place was answered $connect (curl $code: $(sed 1q "$work/error"))" "See acmetap's log."; continue ;;
  esac
  if [ "$code" = 60 ] || [ "$code" = 35 ]; then
    credentials=''
    user=$(printf '%s' "$proxy" | sed -n 's#^[a-z]*://\([^@/]*\)@.*#\1#p')
    if [ -n "$user" ]; then credentials="-proxy_user $(printf '%s' "$user" | sed 's/:.*//') -proxy_pass env:doctor_password"; fi
    doctor_password=$(printf '%s' "$user" | sed 's/^[^:]*://')
    export doctor_password
    # shellcheck disable=SC2086
    openssl s_client -proxy "$place" $credentials -connect "$ca_place" -servername "$ca_host" </dev/null 2>/dev/null |
      sed -n '/BEGIN CERT/,/END CERT/p' >"$work/leaf.pem"
    if [ -s "$work/leaf.pem" ] && ! openssl x509 -noout -checkend 0 -in "$work/leaf.pem" >/dev/null 2>&1; then
      fail "the certificate for $ca_host has ended ($(openssl x509 -noout -enddate -in "$work/leaf.pem"))" "Set both clocks; if they are right, restart acmetap."
    else
      fail "TLS for $ca_host is not signed by acmetap's root ($(sed 1q "$work/error"))" "Is the CA in intercept.cas? acmetap tunnels other hosts without looking in."
    fi
    continue
  fi
  if [ "$code" != 0 ]; then fail "no answer from $ca (curl $code: $(sed 1q "$work/error"))" "See acmetap's log."; continue; fi
  ok "TLS for $ca_host is acmetap's"
  if [ -n "$bundle" ] && ! curl -sS --noproxy '' --proxy-insecure --cacert "$bundle" --max-time 60 -o /dev/null "$ca" 2>"$work/error"; then
    fail "this client does not trust acmetap's root: it is not in $bundle" "acmetap enroll CLIENT prints how to add it; a client with a variable of its own: run this with that variable."
  else ok "the root is trusted by $bundle"; fi
  if [ "$answer" = 200 ] && grep -q '"newNonce"' "$work/answer"; then ok "directory $ca"
  elif [ "$answer" = 200 ]; then fail "$ca is not an ACME directory" "Correct the CA's URL in the client."
  else fail "$ca was answered $answer: $(head -c 300 "$work/answer")" "acmetap reached no good answer from the CA: acmetap ca probe on the server."; fi
done

# 6. What this machine was refused beside its CAs.
curl -fsS --noproxy '*' --max-time 15 "http://$place/refused-hosts" 2>/dev/null >"$work/refused" || : >"$work/refused"
while read -r refused; do
  [ -z "$refused" ] || printf 'note  %s was refused: if the client needs it, add to intercept.other_hosts:  - %s\n' "$refused" "$(printf '%s' "$refused" | sed 's/:443$//')"
done <"$work/refused"
exit "$failed"
`.trimStart()

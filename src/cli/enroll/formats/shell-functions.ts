/** The shell functions of {@link import('./shell.ts').shellEnrol} and the whole of its undo. POSIX sh and coreutils or busybox. */

export const FUNCTIONS = String.raw`
undo=$own/back
changed=no
work=$(mktemp -d)
trap 'rm -rf "$work"; abandon' EXIT

say() { printf 'acmetap: %s\n' "$*" >&2; }

# begin: our folders, and an empty list of what to put back.
begin() {
  mkdir -p "$undo"
  [ -f "$undo/files" ] || : >"$undo/files"
  [ -f "$undo/folders" ] || : >"$undo/folders"
}

# fetch URL: its body, past every proxy.
fetch() {
  if command -v curl >/dev/null 2>&1; then curl -fsS --noproxy '*' --max-time 20 "$1"
  else http_proxy='' wget -q -T 20 -O - "$1"; fi
}

# check_root FILE: ends the script unless each certificate in it has one of the expected fingerprints.
check_root() {
  awk -v to="$work/part" '/-----BEGIN CERTIFICATE-----/ { n++; on = 1 } on { print >(to "." n) } /-----END CERTIFICATE-----/ { on = 0 }' "$1"
  [ -f "$work/part.1" ] || { say "there is no certificate in the root that was fetched"; exit 1; }
  for part in "$work"/part.*; do
    found=$(sed '/-----/d' "$part" | base64 -d | sha256sum | cut -c 1-64 | tr a-f A-F)
    case " $fingerprints " in
      *" $found "*) ;;
      *) say "the root has fingerprint $found, expected $fingerprints: nothing was changed"; exit 1 ;;
    esac
  done
  cat "$work"/part.* >"$1"
}

# abandon: takes our folder away where nothing has been enrolled yet.
abandon() {
  [ -f "$own/undo" ] || { rm -rf "$own"; rmdir /etc/acmetap/clients /etc/acmetap 2>/dev/null || :; }
}

# ours NAME MODE: our own file holds standard input.
ours() {
  cat >"$work/ours"
  if [ -f "$own/$1" ] && cmp -s "$work/ours" "$own/$1"; then return 0; fi
  (umask 077; cat "$work/ours" >"$own/$1.new")
  chmod "$2" "$own/$1.new"
  mv -f "$own/$1.new" "$own/$1"
  changed=yes
}

# folder DIR: makes it and those above, and remembers which it made.
folder() {
  [ -d "$1" ] && return 0
  folder "$(dirname "$1")"
  mkdir "$1"
  printf '%s\n' "$1" >>"$undo/folders"
}

# put PATH MODE: the file holds standard input. What was there is kept, and so is what we leave.
put() {
  cat >"$work/new"
  if [ -f "$1" ] && cmp -s "$work/new" "$1"; then return 0; fi
  n=$(grep -nxF -e "$1" "$undo/files" | cut -d : -f 1)
  if [ -z "$n" ]; then
    n=$(($(wc -l <"$undo/files") + 1))
    [ ! -e "$1" ] || cp -p "$1" "$undo/$n.before"
    printf '%s\n' "$1" >>"$undo/files"
  fi
  if [ -e "$1" ]; then
    # Owner and mode stay. A link, and a file that is mounted, is written where it is.
    if [ -L "$1" ] || ! { cp -p "$1" "$1.acmetap" && cat "$work/new" >"$1.acmetap" && mv -f "$1.acmetap" "$1"; } 2>/dev/null; then
      rm -f "$1.acmetap"
      cat "$work/new" >"$1"
    fi
  else
    (umask 077; cat "$work/new" >"$1.acmetap")
    chmod "$2" "$1.acmetap"
    mv -f "$1.acmetap" "$1"
  fi
  cp -p "$1" "$undo/$n.after"
  changed=yes
}

# keep_back FILE: how to take our lines out of the file that was put last, where it changes after us.
keep_back() {
  n=$(grep -nxF -e "$1" "$undo/files" | cut -d : -f 1)
  [ -z "$n" ] || cp "$work/back.sed" "$undo/$n.back"
}

# block FILE top|end: standard input between two marks.
block() {
  { echo '# acmetap begin'; cat; echo '# acmetap end'; } >"$work/block"
  echo '/^# acmetap begin$/,/^# acmetap end$/d' >"$work/back.sed"
  sed -f "$work/back.sed" "$1" >"$work/rest"
  if [ "$2" = top ]; then cat "$work/block" "$work/rest" >"$work/whole"
  else { awk 1 "$work/rest"; cat "$work/block"; } >"$work/whole"; fi
  put "$1" 644 <"$work/whole"
  keep_back "$1"
}

# rewrite FILE: forth.sed over it; from the second time on back.sed goes first, so that nothing is done twice.
rewrite() {
  if grep -qxF -e "$1" "$undo/files"; then sed -f "$work/back.sed" "$1" >"$work/was"; else cat "$1" >"$work/was"; fi
  sed -f "$work/forth.sed" "$work/was" >"$work/whole"
  put "$1" 644 <"$work/whole"
  keep_back "$1"
}

# cron_shell FILE SHELL: the lines of this file run under the wrapper.
cron_shell() {
  printf '%s\n' '/^SHELL=\/etc\/acmetap\//d' 's/^# acmetap kept: //' >"$work/back.sed"
  printf '%s\n' 's/^SHELL=/# acmetap kept: &/' "1i SHELL=$2" >"$work/forth.sed"
  sed -f "$work/back.sed" "$1" | sed -f "$work/forth.sed" >"$work/whole"
  put "$1" 644 <"$work/whole"
  keep_back "$1"
}

# percent_encode TEXT: every byte as %XX, which is right anywhere in a URL.
percent_encode() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'; }

# address_of NAME: its first address, or itself where it is one.
address_of() {
  case $1 in *[!0-9.]*) ;; *) echo "$1"; return 0 ;; esac
  case $1 in *:*) echo "$1"; return 0 ;; esac
  found=$(getent ahosts "$1" | awk 'NR == 1 { print $1 }')
  [ -n "$found" ] || { say "$1 does not resolve"; exit 1; }
  echo "$found"
}

# store_root: into the store of the whole system, one certificate a file.
store_root() {
  for anchors in /usr/local/share/ca-certificates /etc/pki/trust/anchors /etc/pki/ca-trust/source/anchors; do
    [ ! -d "$anchors" ] || break
  done
  [ -d "$anchors" ] || { say "there is no folder for the system's own roots"; exit 1; }
  before=$changed
  changed=no
  n_root=0
  awk -v to="$work/store" '/-----BEGIN CERTIFICATE-----/ { n++; on = 1 } on { print >(to "." n) } /-----END CERTIFICATE-----/ { on = 0 }' "$own/root.pem"
  for part in "$work"/store.*; do
    n_root=$((n_root + 1))
    put "$anchors/acmetap-$name-$n_root.crt" 644 <"$part"
  done
  if [ "$changed" = yes ]; then update_store; else changed=$before; fi
  : >"$undo/store"
}

update_store() {
  if command -v update-ca-certificates >/dev/null 2>&1; then update-ca-certificates >/dev/null
  elif command -v update-ca-trust >/dev/null 2>&1; then update-ca-trust extract
  else say "neither update-ca-certificates nor update-ca-trust is installed"; exit 1; fi
}

finish() {
  if [ "$changed" = no ]; then say "nothing to change"; return 0; fi
  if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
  say "enrolled. Undo: sh $own/undo"
}
`.trimStart()

export const UNDO_BODY = String.raw`
undo=$own/back
say() { printf 'acmetap: %s\n' "$*" >&2; }
if [ ! -f "$undo/files" ]; then
  say "nothing to undo"
  exit 0
fi
kept=0
n=$(wc -l <"$undo/files")
while [ "$n" -gt 0 ]; do
  file=$(sed -n "$n"p "$undo/files")
  if [ ! -e "$file" ]; then
    # The client or somebody has taken it away: that stays so.
    :
  elif cmp -s "$file" "$undo/$n.after"; then
    if [ ! -e "$undo/$n.before" ]; then rm -f "$file"
    elif [ -L "$file" ]; then cat "$undo/$n.before" >"$file"
    else
      # A file that is mounted cannot be replaced, only written.
      cp -p "$undo/$n.before" "$file.acmetap"
      mv -f "$file.acmetap" "$file" 2>/dev/null || { rm -f "$file.acmetap"; cat "$undo/$n.before" >"$file"; }
    fi
  elif [ -f "$undo/$n.back" ]; then
    # Changed since: only our lines go.
    cp -p "$file" "$file.acmetap"
    sed -f "$undo/$n.back" "$file" >"$file.acmetap"
    mv -f "$file.acmetap" "$file" 2>/dev/null || { cat "$file.acmetap" >"$file"; rm -f "$file.acmetap"; }
  else
    say "$file was changed since, so it stays; its state before is $undo/$n.before"
    kept=1
  fi
  n=$((n - 1))
done
if [ -f "$undo/store" ]; then
  # update-ca-certificates leaves the links of a certificate that is gone.
  rm -f /etc/ssl/certs/acmetap-"$name"-*.pem
  for link in /etc/ssl/certs/*.[0-9]; do
    case $(readlink "$link" || :) in acmetap-"$name"-*.pem) rm -f "$link" ;; esac
  done
  if command -v update-ca-certificates >/dev/null 2>&1; then update-ca-certificates >/dev/null
  elif command -v update-ca-trust >/dev/null 2>&1; then update-ca-trust extract; fi
fi
n=$(wc -l <"$undo/folders")
while [ "$n" -gt 0 ]; do
  rmdir "$(sed -n "$n"p "$undo/folders")" 2>/dev/null || :
  n=$((n - 1))
done
if [ "$kept" = 1 ]; then exit 1; fi
rm -rf "$own"
rmdir /etc/acmetap/clients /etc/acmetap 2>/dev/null || :
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
say "undone"
`.trimStart()

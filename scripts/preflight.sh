# Says in one line what this machine lacks, before anything else could fail less clearly. POSIX sh: runs before Node.
fail() {
  echo "error: $1" >&2
  exit 2
}
wanted=20.20.2
command -v node >/dev/null || fail "Cannot find node: install Node.js $wanted or newer (https://nodejs.org)"
version=$(node -p process.versions.node)
as_number() { echo "$1" | awk -F. '{ print $1 * 1000000 + $2 * 1000 + $3 }'; }
[ "$(as_number "$version")" -ge "$(as_number $wanted)" ] ||
  fail "Cannot run on Node.js $version: $wanted or newer is wanted (https://nodejs.org)"
command -v npm >/dev/null || fail "Cannot find npm: it comes with Node.js (https://nodejs.org)"
command -v git >/dev/null || fail "Cannot find git: install it (https://git-scm.com)"

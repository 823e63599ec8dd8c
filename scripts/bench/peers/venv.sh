# Sourced by the benchmarks in the root of the checkout: sets PYTHON to a Python that has a peer, unless it is set.
# peer_python NAME CHECK PACKAGE...: CHECK is a line of Python that fails without the packages, which then go into .cache/venv-NAME.
peer_python() {
    [ -z "${PYTHON:-}" ] || return 0
    venv=.cache/venv-$1 check=$2
    shift 2
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    PYTHON="$venv/bin/python"
    "$PYTHON" -c "$check" 2>/dev/null || "$PYTHON" -m pip install --quiet --disable-pip-version-check "$@"
}

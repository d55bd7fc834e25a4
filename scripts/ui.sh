# The admin page: builds it, checks it, tests it. Sourced, not run, after needs.sh.

ui=admin-ui

ui_has_npm() {
    has node && has npm && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]
}

# Installs what is in the lockfile, if that is not there yet.
ui_packages() {
    if ! cmp -s $ui/package-lock.json $ui/node_modules/lock.done; then
        say "installing the admin page's packages into $ui/node_modules"
        npm --prefix $ui ci --ignore-scripts --no-fund --no-audit --loglevel=error
        cp $ui/package-lock.json $ui/node_modules/lock.done
    fi
}

# True if nothing that the page is built from is newer than what was built.
ui_is_current() {
    [ -f $ui/dist/index.html ] && [ -z "$(find $ui/src $ui/public $ui/index.html $ui/openapi.json \
        $ui/package-lock.json $ui/vite.config.ts $ui/svelte.config.js -newer $ui/dist/index.html -print -quit)" ]
}

ui_build() {
    ui_packages
    # A program that was compiled while the folder was missing does not look for it again.
    [ -d $ui/dist ] || touch proxy/src/admin/page.rs
    npm --prefix $ui run --silent build -- --logLevel warn
}

# Types as of openapi.json, format, lints, types, unit tests, and what may be sent to a browser.
ui_check() {
    ui_packages
    npm --prefix $ui run --silent types:check
    npm --prefix $ui run --silent check
    npm --prefix $ui test --silent
    ui_build
    local sent
    sent=$(find $ui/dist -type f -exec gzip -9 -c {} \; | wc -c)
    say "the page is $sent bytes, gzipped"
    [ "$sent" -lt 100000 ] || stop "the admin page may have 100,000 bytes, gzipped"
}

# Chromium, if no browser that the tests can use is here.
ui_browser() {
    local program
    for program in "${HOPPERKV_CHROMIUM:-}" chromium chromium-browser google-chrome; do
        if [ -n "$program" ] && has "$program"; then return; fi
    done
    install_packages chromium
}

# What the other scripts need from the machine. Sourced, not run.
#
# need_programs installs with apt where that is possible, and elsewhere prints the exact command
# and stops. Nothing is said or done if everything is there.

say() { printf '%s\n' "$*"; }
heading() { printf '\n== %s\n' "$*"; }
stop() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}
has() { command -v "$1" >/dev/null 2>&1; }

need_cargo() {
    has cargo || PATH="$HOME/.cargo/bin:$PATH"
    has cargo || stop "Rust is missing. Install it with
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
then open a new shell and try again."
}

# need_programs PROGRAM:PACKAGE... ; Debian's package names.
need_programs() {
    local pair packages=()
    for pair in "$@"; do
        has "${pair%%:*}" || packages+=("${pair##*:}")
    done
    [ ${#packages[@]} -eq 0 ] || install_packages "${packages[@]}"
    for pair in "$@"; do
        has "${pair%%:*}" || stop "${pair%%:*} is still missing after installing ${pair##*:}"
    done
}

install_packages() {
    has apt-get || stop "missing: $*. Install with
  $(install_command "$@")
and try again."
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if has sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            as_root=(sudo)
        else
            stop "missing: $*, and installing needs root. Run
  apt-get update && apt-get install -y $*
as root and try again."
        fi
    fi
    say "installing with apt: $*"
    if ! "${as_root[@]}" apt-get update -qq; then
        say "apt-get update failed; going on with the package lists that are there"
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" ||
        stop "apt could not install: $*"
    case " $* " in
    *" redis-server "*)
        say "Debian also starts a Redis of its own on port 6379. HopperKV does not use it; stop it"
        say "with: systemctl disable --now redis-server"
        ;;
    esac
}

# The same packages under the names that other systems give them.
install_command() {
    local name
    local names=()
    for name in "$@"; do
        case "$name" in
        redis-server | redis-tools) names+=(redis) ;;
        build-essential) names+=(gcc) ;;
        python3-venv) names+=(python3) ;;
        nodejs) names+=(nodejs npm) ;;
        *) names+=("$name") ;;
        esac
    done
    local unique
    unique=$(printf '%s\n' "${names[@]}" | sort -u | tr '\n' ' ')
    if has brew; then
        say "brew install ${unique/nodejs npm/node}"
    elif has dnf; then
        say "sudo dnf install -y $unique"
    elif has pacman; then
        say "sudo pacman -S --needed ${unique/redis/valkey}"
    elif has apk; then
        say "sudo apk add $unique"
    elif has zypper; then
        say "sudo zypper install $unique"
    else
        say "your system's package manager: $unique"
    fi
}

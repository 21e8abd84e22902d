#!/usr/bin/env bash
# Run `ansible-test sanity` on a copy of what is shipped, without the network once its own environments are made.
# Usage: tools/sanity.sh [ansible-test options, e.g. --test validate-modules -v]
# CORE=.build/cores/2.20 tools/sanity.sh takes the ansible-core of another environment (tools/cores.sh makes them).
#
# ansible-test wants a path .../ansible_collections/NAMESPACE/NAME inside a git repository, hence the copy.
# It bootstraps pip with a script from a server of its own; the cached stand-in below needs only the pip that
# comes with Python and PyPI. Its cache lives in a home of its own, so that nobody else's ansible-test sees it.
# A full run that passed is not repeated on the very same files; `rm .build/sanity/passed` forces it.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
core=$root/${CORE:-.venv}
work=$root/.build/sanity${CORE:+/$(basename "$CORE")}
copy=$work/ansible_collections/sipmobility/handover
passed=$work/passed
PATH=$core/bin:$PATH

list() { # what is shipped: the files that git knows or would take and that are still there, without the other rooms
    local known=(git ls-files -z --cached --others --exclude-standard --)
    { "${known[@]}" . :!demo :!lab :!tests :!tools && "${known[@]}" tests/sanity; } | while IFS= read -r -d '' path; do
        [ ! -f "$path" ] || printf '%s\0' "$path"
    done
}

rm -rf "$copy"
mkdir -p "$copy"
list | tar -c --null -T - | tar -x -C "$copy"
hash=$({ ansible-test --version && cat constraints-dev.txt && cd "$copy" && find . -type f -printf '%P %m\n' -exec sha256sum {} + | sort; } | sha256sum)

if [ "$#" -eq 0 ] && [ "$(cat "$passed" 2>/dev/null)" = "$hash" ]; then
    echo "sanity: these files passed on $(date -r "$passed" '+%F %T'); nothing to do"
    exit 0
fi

user_home=$HOME
export HOME=$work/home
mkdir -p "$HOME/.ansible/test/cache" "$HOME/.config" "$HOME/.cache"
[ ! -d "$user_home/.config/pip" ] || ln -sfn "$user_home/.config/pip" "$HOME/.config/pip"
mkdir -p "$user_home/.cache/pip" && ln -sfn "$user_home/.cache/pip" "$HOME/.cache/pip"
pip=$(sed -n "s/^ *pip='\([0-9.]*\)',$/\1/p" "$core"/lib/python3.*/site-packages/ansible_test/_internal/python_requirements.py)
cp tools/get_pip.py "$HOME/.ansible/test/cache/get_pip_${pip//./_}.py"

git -C "$copy" init -q
git -C "$copy" add -A
cd "$copy"
unset PYTHONPATH ANSIBLE_COLLECTIONS_PATH
ansible-test sanity --local --python "$("$core/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" --color no "$@"
[ "$#" -ne 0 ] || printf '%s\n' "$hash" >"$passed"

#!/usr/bin/env bash
# Unit tests of all that uses Ansible, and sanity, on other versions of ansible-core, each with an interpreter that you
# have: tools/cores.sh 2.20=python3.12 2.21=python3.13. Results go to .build/logs, where tools.support_matrix finds them.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0
for pair in "$@"; do
    core=${pair%%=*} place=.build/cores/${pair%%=*}
    if ! "${pair#*=}" -c 'import venv' 2>/dev/null; then
        echo "cores: ansible-core $core: ${pair#*=} does not run; name another, as in CORES='$core=/path/to/python3.12'" >&2
        status=1
        continue
    fi
    if ! [ -e "$place/.installed" ]; then
        echo "cores: installing ansible-core $core into $place" >&2
        "${pair#*=}" -m venv "$place"
        "$place/bin/pip" install -qq -r tests/cores-requirements.txt "ansible-core~=$core.0"
        touch "$place/.installed"
    fi
    version=$("$place/bin/python" -c 'from ansible.release import __version__; print(__version__)')
    python=$("$place/bin/python" -c 'import platform; print(platform.python_version())')
    mkdir -p .build/logs
    PATH=$PWD/$place/bin:/usr/bin:/bin PYTHONPATH=$PWD/.build/collections \
        "$place/bin/python" -m pytest -q -m 'not deep' --junitxml=".build/logs/core-$core.xml" \
        -o junit_suite_name="$version with Python $python" \
        tests/unit/{action,filter,modules,plugin_utils,test_documentation.py,test_playbook_arguments.py} || status=1
    echo "cores: sanity on ansible-core $version (minutes, the first time)" >&2
    rm -f ".build/logs/core-$core.sanity"
    if CORE=$place tools/sanity.sh >".build/logs/core-$core.log" 2>&1; then
        told=passed
    else
        told=failed status=1
        tail -n 40 ".build/logs/core-$core.log" >&2
    fi
    echo "cores: sanity on ansible-core $version: $told" >&2
    echo "$told" >".build/logs/core-$core.sanity"
done
exit $status

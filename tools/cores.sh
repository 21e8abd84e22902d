#!/usr/bin/env bash
# Unit tests of all that uses Ansible, on other versions of ansible-core, each with an interpreter that you have:
# tools/cores.sh 2.20=python3.12 2.21=python3.13. Results go to .build/logs, where tools.support_matrix finds them.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0
for pair in "$@"; do
    core=${pair%%=*} place=.build/cores/${pair%%=*}
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
done
exit $status

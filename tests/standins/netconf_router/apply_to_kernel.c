/* Copyright: (c) 2026, sipmobility.handover contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Plug-in (SIL) of netconfd for the module ietf-nat: what is committed reaches the kernel before the commit returns,
 * and a commit that the kernel refuses is refused. It writes the running datastore to the file
 * $NETCONF_ROUTER_RUNNING and asks $NETCONF_ROUTER_APPLIER, a program that it has started, with a line; the answer
 * begins with 0 when the kernel took it. That program leaves a copy in $NETCONF_ROUTER_APPLIED.
 *
 * netconfd calls no plug-in when it takes an unconfirmed commit back, so once a second running is compared with what
 * the kernel has.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <libxml/xmlstring.h>
#include "procdefs.h"
#include "agt.h"
#include "agt_commit_complete.h"
#include "agt_timer.h"
#include "agt_util.h"
#include "cfg.h"
#include "log.h"
#include "ncx.h"
#include "ncxmod.h"
#include "status.h"
#include "xml_util.h"
#include "xml_wr.h"

static const char *running_file, *applied_file, *applier;
static uint32 timer;
static pid_t program;
static int talk = -1;

static status_t write_running(void)
{
    cfg_template_t *running = cfg_get_config_id(NCX_CFGID_RUNNING);
    xml_attrs_t attributes;
    status_t result;

    if (running == NULL || running->root == NULL)
        return ERR_NCX_OPERATION_FAILED;
    xml_init_attrs(&attributes);
    /* Configuration only: what the server counts and times changes all the time. */
    result = xml_wr_check_file((const xmlChar *)running_file, running->root, &attributes, TRUE, TRUE, TRUE, 0, 0,
                               agt_check_save);
    xml_clean_attrs(&attributes);
    return result;
}

static int differ(void)
{
    FILE *one = fopen(running_file, "r"), *other = fopen(applied_file, "r");
    int left = EOF, right = EOF;

    do {
        left = one ? getc(one) : EOF;
        right = other ? getc(other) : EOF;
    } while (left == right && left != EOF);
    if (one)
        fclose(one);
    if (other)
        fclose(other);
    return left != right;
}

/* Whether the applier runs, started where it does not. */
static int started(void)
{
    int ends[2];

    if (program > 0)
        return 1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return 0;
    program = fork();
    if (program == 0) {
        dup2(ends[1], 0);
        dup2(ends[1], 1);
        execl("/bin/sh", "sh", "-c", applier, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    talk = ends[0];
    return program > 0;
}

static int taken(void)
{
    char answer[8];
    ssize_t length = 0;

    if (started() && send(talk, "\n", 1, MSG_NOSIGNAL) == 1)
        length = recv(talk, answer, sizeof answer, 0);
    if (length > 0)
        return answer[0] == '0';
    log_error("\nthe applier is gone");
    close(talk);
    if (program > 0)
        waitpid(program, NULL, 0);
    program = 0;
    return 0;
}

static status_t apply(void)
{
    status_t result = write_running();

    if (result != NO_ERR)
        return result;
    return !differ() || taken() ? NO_ERR : ERR_NCX_OPERATION_FAILED;
}

static int follow(uint32 id, void *cookie)
{
    (void)id;
    (void)cookie;
    if (write_running() == NO_ERR && differ() && !taken())
        log_error("\nthe kernel does not take what was rolled back");
    return 0;
}

status_t y_ietf_nat_init(const xmlChar *name, const xmlChar *revision)
{
    ncx_module_t *loaded = NULL;
    status_t result = ncxmod_load_module(name, revision, &agt_get_profile()->agt_savedevQ, &loaded);

    running_file = getenv("NETCONF_ROUTER_RUNNING");
    applied_file = getenv("NETCONF_ROUTER_APPLIED");
    applier = getenv("NETCONF_ROUTER_APPLIER");
    if (running_file == NULL || applied_file == NULL || applier == NULL)
        return ERR_NCX_OPERATION_FAILED;
    return result == NO_ERR ? agt_commit_complete_register((const xmlChar *)"ietf-nat", apply) : result;
}

status_t y_ietf_nat_init2(void)
{
    return agt_timer_create(1, TRUE, follow, NULL, &timer);
}

void y_ietf_nat_cleanup(void)
{
    agt_commit_complete_unregister((const xmlChar *)"ietf-nat");
}

/* Copyright: (c) 2026, sipmobility.handover contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sends UDP datagrams of 18 bytes as whole frames, in bursts, each as fast as one thread can.
 * usage: generate INTERFACE SOURCE-MAC DESTINATION-MAC COUNT new|known FILE BURSTS ARRIVED
 * FILE: one flow a line, "SOURCE DESTINATION SOURCE-PORT DESTINATION-PORT". Frames take the flows in turn. With "new"
 * the source port rises with each frame, so that every frame begins a flow of its own.
 * ARRIVED: a file with the number of packets that came out of the router so far. Bursts are shorter than the others'
 * turns, and go before them where that is allowed: what else the machine does disturbs few of them.
 * Prints a line for each burst: packets that arrived, and the seconds until the last of them did.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, PAYLOAD = 18, FLOWS = 65536 };

struct frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	char payload[PAYLOAD];
} __attribute__((packed));

static struct frame frames[BATCH], flows[FLOWS];

static void mac(const char *text, unsigned char *into)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", into, into + 1, into + 2, into + 3, into + 4, into + 5) != 6)
		exit(2);
}

static uint16_t sum(const void *header)
{
	uint16_t word[10];
	uint32_t total = 0;
	memcpy(word, header, sizeof word);
	for (int i = 0; i < 10; i++)
		total += word[i];
	total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~(total + (total >> 16));
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static long arrived(int file)
{
	char text[32] = {0};
	return pread(file, text, sizeof text - 1, 0) > 0 ? atol(text) : -1;
}

int main(int argc, char **argv)
{
	if (argc != 9)
		return 2;
	int counter = open(argv[8], O_RDONLY);
	if (counter < 0 || arrived(counter) < 0)
		return 2;
	long count = atol(argv[4]), known = 0;
	int fresh = !strcmp(argv[5], "new");
	FILE *file = fopen(argv[6], "r");
	char source[64], destination[64];
	unsigned from, to;
	while (file && known < FLOWS && fscanf(file, "%63s %63s %u %u", source, destination, &from, &to) == 4) {
		struct frame *one = &flows[known++];
		mac(argv[2], one->ethernet.h_source);
		mac(argv[3], one->ethernet.h_dest);
		one->ethernet.h_proto = htons(ETH_P_IP);
		one->ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			.tot_len = htons(sizeof *one - sizeof one->ethernet),
			.saddr = inet_addr(source), .daddr = inet_addr(destination)};
		one->ip.check = sum((char *)one + sizeof one->ethernet);
		one->udp = (struct udphdr){.source = htons(from), .dest = htons(to),
			.len = htons(sizeof one->udp + PAYLOAD)}; /* no checksum, as UDP over IPv4 may */
	}
	int out = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
	struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(argv[1]), .sll_halen = 6};
	if (!known || out < 0 || !place.sll_ifindex)
		return 2;
	setsockopt(out, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	memset(messages, 0, sizeof messages);
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){&frames[i], sizeof frames[i]};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &place, .msg_namelen = sizeof place,
			.msg_iov = &parts[i], .msg_iovlen = 1};
	}
	struct sched_param first = {.sched_priority = 1};
	sched_setscheduler(0, SCHED_FIFO, &first);
	long total = 0;
	for (int burst = atoi(argv[7]); burst > 0; burst--) {
		long before = arrived(counter), came = 0;
		double begin = now(), last = begin;
		for (long sent = 0; sent < count;) {
			int some = count - sent < BATCH ? (int)(count - sent) : BATCH;
			for (int i = 0; i < some; i++) {
				frames[i] = flows[(total + i) % known];
				if (fresh)
					frames[i].udp.source = htons(1024 + (total + i) % 60000);
			}
			int done = sendmmsg(out, messages, some, 0);
			if (done > 0) {
				sent += done;
				total += done;
			}
		}
		/* What is still queued counts, what was dropped does not. */
		for (last = now(); came < count && now() < last + 0.002;) {
			long seen = arrived(counter) - before;
			if (seen > came) {
				came = seen;
				last = now();
			}
		}
		printf("%ld %.6f\n", came, last - begin);
		usleep(500);
	}
	return 0;
}
